"""A small exported file with features, made without torch: its last layer sees coarse pixels."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from made_onnx import INFO, IR_VERSION, OPSET, metadata
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper

from doodlewise.bundle_info import BundleInfo
from doodlewise.drawing import Drawing
from doodlewise.predict.feature_means import FEATURE_MEANS_KEY, feature_means_text
from doodlewise.predict.means import MEANS_KEY, sheet_of_means

WIDTH = 49
"""Of the features: means over 4 x 4 pixels."""
KNOWN = ["ladder", "snowman", "zigzag"]
LEARNER = replace(INFO, classes=KNOWN, temperature=2.0)


def write_learner(
    path: Path, info: BundleInfo = LEARNER, *, with_means: bool = True, int8: bool = False
) -> Path:
    """Takes pixels; its rows point to blank features, its averages are what was asked for."""
    path.write_bytes(learner(info, with_means=with_means, int8=int8).SerializeToString())
    return path


def learner(
    info: BundleInfo = LEARNER, *, with_means: bool = True, int8: bool = False
) -> ModelProto:
    rng = np.random.default_rng(5)
    n = len(info.classes)
    weight = rng.normal(size=(n, WIDTH)).astype(np.float32)
    constants = {
        "white": np.float32(255.0),
        "along": np.array([0, WIDTH], np.int64),
        "head.weight": weight,
        "head.bias": np.zeros(n, np.float32),
        "temperature": np.float32(info.temperature),
    }
    node = helper.make_node
    seen = "ink"
    nodes = [
        node("Cast", ["images"], ["levels"], to=TensorProto.FLOAT),
        node("Div", ["levels", "white"], ["ink"]),
    ]
    if int8:
        constants |= {"step": np.float32(1 / 255.0), "zero": np.uint8(0)}
        nodes += [
            node("QuantizeLinear", ["ink", "step", "zero"], ["small"]),
            node("DequantizeLinear", ["small", "step", "zero"], ["again"]),
        ]
        seen = "again"
    nodes += [
        node("AveragePool", [seen], ["coarse"], kernel_shape=[4, 4], strides=[4, 4]),
        node("Reshape", ["coarse", "along"], ["features"]),
        node("Gemm", ["features", "head.weight", "head.bias"], ["scores"], transB=1),
        node("Div", ["scores", "temperature"], ["calm"]),
        node("Softmax", ["calm"], ["probabilities"], axis=1),
    ]
    shape = ["batch", *info.image_shape]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "learner",
        [value("images", TensorProto.UINT8, shape)],
        [
            value("probabilities", TensorProto.FLOAT, ["batch", n]),
            value("features", TensorProto.FLOAT, ["batch", WIDTH]),
        ],
        [numpy_helper.from_array(np.asarray(each), name) for name, each in constants.items()],
        value_info=[
            value("scores", TensorProto.FLOAT, ["batch", n]),
            value("ink", TensorProto.FLOAT, shape),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = IR_VERSION
    props = {"doodlewise": json.dumps(metadata(info, "pixels")), "somebody.else": "stays"}
    if with_means:
        props[FEATURE_MEANS_KEY] = feature_means_text(np.abs(weight))
        images = rng.integers(0, 255, (n, *info.image_shape[1:]))
        props[MEANS_KEY] = sheet_of_means(images.astype(np.float64))
    helper.set_model_props(model, props)
    checker.check_model(model)
    return model


def hand(kind: str, n: int, seed: int = 0) -> list[Drawing]:
    """Drawings of a kind, each by another hand."""
    rng = np.random.default_rng([seed, *kind.encode()])
    turn = np.linspace(0.0, 6.3, 30)
    shapes: dict[str, list[NDArray[np.float64]]] = {
        "ring": [np.stack([np.cos(turn), np.sin(turn)], axis=1)],
        "cross": [np.array([[-1.0, -1.0], [1.0, 1.0]]), np.array([[-1.0, 1.0], [1.0, -1.0]])],
        "plus": [np.array([[-1.0, 0.0], [1.0, 0.0]]), np.array([[0.0, -1.0], [0.0, 1.0]])],
        "gate": [np.array([[-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [1.0, 1.0]])],
    }
    return [
        Drawing.from_strokes(
            [100.0 * (each + rng.normal(scale=0.05, size=each.shape)) for each in shapes[kind]]
        )
        for _ in range(n)
    ]
