"""Another last layer in an ONNX file, everything else as it is.

Only the parts of the format that matter here are described; protobuf keeps what it does not know.
So a file is edited where the `onnx` package is not installed.

Source of the numbers of the fields: onnx.proto of the ONNX project.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from ..errors import ModelError

__all__ = [
    "HEAD_BIAS",
    "HEAD_WEIGHT",
    "read_head",
    "read_properties",
    "read_weights",
    "replace_head",
]

HEAD_WEIGHT, HEAD_BIAS = "head.weight", "head.bias"
"""Names of the last layer's weights in the files that are exported."""

_FLOAT = 1
"""TensorProto.FLOAT."""
_WHOLE = {2: "u1", 3: "i1", 6: "<i4"}
"""TensorProto.UINT8, INT8, INT32, and how NumPy calls them."""
_PACKAGE = "doodlewise.onnx"
_FIELDS: dict[str, dict[str, tuple[int, str]]] = {
    "Model": {"graph": (7, "Graph"), "properties": (14, "Property*")},
    "Property": {"key": (1, "string"), "value": (2, "string")},
    "Graph": {
        "node": (1, "Node*"),
        "initializer": (5, "Tensor*"),
        "output": (12, "Value*"),
        "value_info": (13, "Value*"),
    },
    "Node": {
        "input": (1, "string*"),
        "output": (2, "string*"),
        "op_type": (4, "string"),
        "attribute": (5, "Attribute*"),
    },
    "Attribute": {"name": (1, "string"), "i": (3, "int64")},
    "Tensor": {
        "dims": (1, "int64*"),
        "data_type": (2, "int32"),
        "float_data": (4, "float*"),
        "int32_data": (5, "int32*"),
        "name": (8, "string"),
        "raw_data": (9, "bytes"),
    },
    "Value": {"name": (1, "string"), "type": (2, "Type")},
    "Type": {"tensor_type": (1, "TensorType")},
    "TensorType": {"shape": (2, "Shape")},
    "Shape": {"dim": (1, "Dim*")},
    "Dim": {"dim_value": (1, "int64"), "dim_param": (2, "string")},
}
"""Of each message the fields that are touched: number and kind, a star for repeated ones."""
_KINDS = {"float": 2, "int64": 3, "int32": 5, "string": 9, "bytes": 12}
_MESSAGE = 11


def read_head(model: bytes) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weights (classes, features) and biases (classes,) of the last layer.

    Raises:
        ModelError: not an ONNX file, or without such a layer.
    """
    graph = _parsed(model).graph
    weight, bias = (_array(_tensor(graph, name)) for name in (HEAD_WEIGHT, HEAD_BIAS))
    return weight, bias


def read_properties(model: bytes) -> dict[str, str]:
    """The metadata.

    Raises:
        ModelError: not an ONNX file.
    """
    return {each.key: each.value for each in _parsed(model).properties}


def read_weights(model: bytes) -> dict[str, NDArray[np.float32]]:
    """All tensors of float32 in a file by their names, and those of 8 bits (biases: 32) times
    their scales, by the names that they had before they were rounded.

    Raises:
        ModelError: not an ONNX file.
    """
    graph = _parsed(model).graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    found = {name: _array(each) for name, each in tensors.items() if each.data_type == _FLOAT}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and tensors.keys() >= set(node.input):
            whole, scale, zero = (tensors[name] for name in node.input)
            axes = [each.i for each in node.attribute if each.name == "axis"]
            steps = _whole(whole).astype(np.float32)
            shape = [1] * steps.ndim
            if _array(scale).size > 1:
                shape[axes[0] if axes else 1] = -1
            away = steps - _whole(zero).reshape(shape).astype(np.float32)
            found[whole.name.removesuffix("_quantized")] = away * _array(scale).reshape(shape)
    return found


def replace_head(
    model: bytes,
    weight: NDArray[np.float32],
    bias: NDArray[np.float32],
    properties: Mapping[str, str | None],
) -> bytes:
    """The file with another last layer, and metadata that goes with it.

    Args:
        model: the bytes of an ONNX file whose last layer is named as `HEAD_WEIGHT`.
        weight: (classes, features), as many features as before.
        bias: (classes,).
        properties: metadata to set; None to leave out; all other stays.

    Raises:
        ModelError: not an ONNX file, or without such a layer.
    """
    message = _parsed(model)
    graph = message.graph
    for name, values in ((HEAD_WEIGHT, weight), (HEAD_BIAS, bias)):
        tensor = _tensor(graph, name)
        del tensor.dims[:], tensor.float_data[:]
        tensor.dims.extend(values.shape)
        tensor.raw_data = np.ascontiguousarray(values, "<f4").tobytes()
    scores = _names_of_scores(graph)
    for value in (*graph.output, *graph.value_info):
        if value.name in scores and value.type.tensor_type.shape.dim:
            last = value.type.tensor_type.shape.dim[-1]
            last.ClearField("dim_param")
            last.dim_value = len(bias)
    kept = [each for each in message.properties if each.key not in properties]
    there = {each.key: each.value for each in kept}
    there |= {key: value for key, value in properties.items() if value is not None}
    del message.properties[:]
    for key, text in there.items():
        message.properties.add(key=key, value=text)
    edited: bytes = message.SerializeToString(deterministic=True)
    return edited


def _names_of_scores(graph: Any) -> set[str]:
    """Everything that is reckoned from the last layer, and so has a column for each class."""
    names = {HEAD_WEIGHT}
    for node in graph.node:
        if names.intersection(node.input):
            names.update(node.output)
    return names - {HEAD_WEIGHT}


def _tensor(graph: Any, name: str) -> Any:
    for tensor in graph.initializer:
        if tensor.name == name:
            if tensor.data_type == _FLOAT:
                return tensor
            break
    raise ModelError(
        f"There is no layer '{name}' of float32 in the model, so nothing can be taught to it."
        " Export it again with this version; its last layer has to be a linear one."
    )


def _array(tensor: Any) -> NDArray[np.float32]:
    flat = np.frombuffer(tensor.raw_data, "<f4") if tensor.raw_data else tensor.float_data
    return np.array(flat, np.float32).reshape(tuple(tensor.dims))


def _whole(tensor: Any) -> NDArray[np.integer]:
    kind = np.dtype(_WHOLE[tensor.data_type])
    flat = np.frombuffer(tensor.raw_data, kind) if tensor.raw_data else tensor.int32_data
    return np.array(flat, kind).reshape(tuple(tensor.dims))


def _parsed(model: bytes) -> Any:
    try:
        return _model_class().FromString(model)
    except DecodeError as error:
        raise ModelError(
            "The model is not an ONNX file, or it is cut off. Export or copy it again."
        ) from error


@cache
def _model_class() -> Any:
    """The class of the whole file. In a pool of its own, so that it is in nobody's way."""
    described = descriptor_pb2.FileDescriptorProto(
        name="doodlewise/onnx.proto", package=_PACKAGE, syntax="proto2"
    )
    for name, fields in _FIELDS.items():
        message = described.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            label, plain = (3, kind[:-1]) if kind.endswith("*") else (1, kind)
            added = message.field.add(name=field, number=number, label=label)
            added.type = _KINDS.get(plain, _MESSAGE)
            if plain not in _KINDS:
                added.type_name = f".{_PACKAGE}.{plain}"
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(described.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Model"))
