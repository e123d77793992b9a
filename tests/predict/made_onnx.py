"""Models in ONNX made by hand, as small as can be, with the metadata of an exported one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from doodlewise.bundle_info import BundleInfo
from doodlewise.raster import RenderSpec

OPSET, IR_VERSION = 17, 8
WORDS = ["apple", "car", "cat"]
INFO = BundleInfo("by_hand", WORDS, (1, 28, 28), RenderSpec(), temperature=1.5, sure_from=0.6)

POINTS = helper.make_tensor_value_info("points", TensorProto.FLOAT, ["batch", "length", 2])
PEN = helper.make_tensor_value_info("pen", TensorProto.INT64, ["batch", "length"])


def metadata(info: BundleInfo, takes: str) -> dict[str, Any]:
    return {"format": 1, "input": takes, "info": asdict(info)}


def cnn_v1_weights(n_classes: int) -> dict[str, NDArray[np.float32]]:
    """Random weights of quickdraw_cnn_v1, by their names in torch."""
    rng = np.random.default_rng(7)
    shapes = {
        "0.weight": (16, 1, 5, 5), "0.bias": (16,),
        "3.weight": (32, 16, 5, 5), "3.bias": (32,),
        "7.weight": (n_classes, 1568), "7.bias": (n_classes,),
    }  # fmt: skip
    return {
        name: rng.normal(scale=0.1, size=shape).astype(np.float32) for name, shape in shapes.items()
    }


def write_pixels_model(
    path: Path, info: BundleInfo = INFO, weights: Mapping[str, NDArray[np.float32]] | None = None
) -> Path:
    """quickdraw_cnn_v1 with these weights, the temperature inside."""
    weights = weights or cnn_v1_weights(len(info.classes))
    node = helper.make_node
    return write_model(
        path,
        metadata(info, "pixels"),
        nodes=[
            node("Cast", ["images"], ["levels"], to=TensorProto.FLOAT),
            node("Div", ["levels", "white"], ["ink"]),
            node("Conv", ["ink", "0.weight", "0.bias"], ["a"], pads=[2, 2, 2, 2]),
            node("MaxPool", ["a"], ["b"], kernel_shape=[2, 2], strides=[2, 2]),
            node("Relu", ["b"], ["c"]),
            node("Conv", ["c", "3.weight", "3.bias"], ["d"], pads=[2, 2, 2, 2]),
            node("MaxPool", ["d"], ["e"], kernel_shape=[2, 2], strides=[2, 2]),
            node("Relu", ["e"], ["f"]),
            node("Flatten", ["f"], ["g"]),
            node("Gemm", ["g", "7.weight", "7.bias"], ["scores"], transB=1),
            *calibrated_softmax(),
        ],
        inputs=[
            helper.make_tensor_value_info("images", TensorProto.UINT8, ["batch", *info.image_shape])
        ],
        n_classes=len(info.classes),
        constants={
            **weights,
            "white": np.float32(255.0),
            "temperature": np.float32(info.temperature),
        },
    )


def write_strokes_model(path: Path, info: BundleInfo = INFO) -> Path:
    """Its scores are the points, ten times the strokes, and the sum of x and y, each by 1,000."""
    node = helper.make_node
    return write_model(
        path,
        metadata(info, "strokes"),
        nodes=[
            node("Greater", ["pen", "padding"], ["there"]),
            node("Cast", ["there"], ["is_point"], to=TensorProto.FLOAT),
            node("ReduceSum", ["is_point", "along"], ["n_points"], keepdims=1),
            node("Equal", ["pen", "first"], ["begins"]),
            node("Cast", ["begins"], ["is_first"], to=TensorProto.FLOAT),
            node("ReduceSum", ["is_first", "along"], ["n_strokes"], keepdims=1),
            node("Mul", ["n_strokes", "ten"], ["ten_strokes"]),
            # Not masked: padding that is not 0 would be found out.
            node("ReduceSum", ["points", "all"], ["total"], keepdims=0),
            node("Unsqueeze", ["total", "along"], ["totals"]),
            node("Concat", ["n_points", "ten_strokes", "totals"], ["sums"], axis=1),
            node("Div", ["sums", "thousand"], ["scores"]),
            *calibrated_softmax(),
        ],
        inputs=[POINTS, PEN],
        n_classes=3,
        constants={
            "padding": np.int64(0),
            "first": np.int64(1),
            "along": np.array([1], np.int64),
            "all": np.array([1, 2], np.int64),
            "ten": np.float32(10.0),
            "thousand": np.float32(1000.0),
            "temperature": np.float32(info.temperature),
        },
    )


def calibrated_softmax() -> list[onnx.NodeProto]:
    return [
        helper.make_node("Div", ["scores", "temperature"], ["calm"]),
        helper.make_node("Softmax", ["calm"], ["probabilities"], axis=1),
    ]


def write_model(
    path: Path,
    facts: dict[str, Any] | None,
    *,
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    n_classes: int,
    constants: Mapping[str, Any],
) -> Path:
    graph = helper.make_graph(
        nodes,
        "by_hand",
        inputs,
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", n_classes])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = IR_VERSION
    if facts is not None:
        helper.set_model_props(model, {"doodlewise": json.dumps(facts)})
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path
