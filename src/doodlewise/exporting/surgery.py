"""What torch's exporter cannot say, put into a graph afterwards."""

from __future__ import annotations

import math

from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper

from ..predict.onnx_backend import PIXELS
from .graph import HEAD

__all__ = ["name_head", "take_images_too", "times_may_lack"]


def take_images_too(model: ModelProto, image_shape: tuple[int, int, int]) -> None:
    """Give a graph of strokes an optional input `images`, and make its output of levels uint8.

    Images lie over what was drawn, so with drawings of no point they are what the network sees:
    one file takes strokes and pictures. An input that has an initializer of its name is optional
    (ONNX IR, "initializers with the same name as an input"); blank paper is the default.
    """
    graph = model.graph
    levels, inked = "levels", "inked"
    for node in graph.node:
        _rename(node.output, PIXELS, levels)
    _feed(graph, PIXELS, inked)
    blank = helper.make_tensor(
        "images", TensorProto.UINT8, [1, *image_shape], bytes(_product(image_shape)), raw=True
    )
    graph.initializer.append(blank)
    graph.input.append(
        helper.make_tensor_value_info("images", TensorProto.UINT8, ["n_images", *image_shape])
    )
    at = 1 + next(i for i, node in enumerate(graph.node) if levels in node.output)
    added = [
        helper.make_node("Cast", ["images"], ["image_levels"], to=TensorProto.FLOAT),
        helper.make_node("Max", [levels, "image_levels"], [inked]),
        helper.make_node("Cast", [inked], [PIXELS], to=TensorProto.UINT8),
    ]
    for node in reversed(added):
        graph.node.insert(at, node)
    (output,) = (each for each in graph.output if each.name == PIXELS)
    output.type.tensor_type.elem_type = TensorProto.UINT8
    for value in list(graph.value_info):
        if value.name == PIXELS:
            graph.value_info.remove(value)


def times_may_lack(model: ModelProto) -> None:
    """Make the input `times` optional: NaN, which is for every point, by default.

    So whoever knows nothing of times, such as a page, runs the file as any other.
    """
    graph = model.graph
    (given,) = (each for each in graph.input if each.name == "times")
    graph.input.remove(given)
    nothing = helper.make_tensor("times", TensorProto.FLOAT, [1, 1], [math.nan])
    graph.initializer.append(nothing)
    shape = ["n_times", "n_times_each"]
    graph.input.append(helper.make_tensor_value_info("times", TensorProto.FLOAT, shape))
    # What follows may ask `times` for the number of drawings, so it gets a number for every point.
    _feed(graph, "times", "times_of_points")
    graph.initializer.append(helper.make_tensor("times_zero", TensorProto.INT64, [], [0]))
    spread = [
        helper.make_node("Mul", ["pen", "times_zero"], ["times_zeros"]),
        helper.make_node("Cast", ["times_zeros"], ["times_places"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["times", "times_places"], ["times_of_points"]),
    ]
    for at, node in enumerate(spread):
        graph.node.insert(at, node)


def name_head(model: ModelProto) -> None:
    """Call the weights of the last layer `head.weight` (classes, features) and `head.bias`.

    Raises:
        AssertionError: the exporter did not make a Gemm of it.
    """
    graph = model.graph
    gemm = last_layer(model)
    assert {each.name: each for each in gemm.attribute}["transB"].i == 1
    for old, new in zip(gemm.input[1:], (f"{HEAD}.weight", f"{HEAD}.bias"), strict=True):
        for tensor in graph.initializer:
            if tensor.name == old:
                tensor.name = new
        _feed(graph, old, new)


def last_layer(model: ModelProto) -> NodeProto:
    """The Gemm that makes scores of the features."""
    gemms: list[NodeProto] = [node for node in model.graph.node if node.op_type == "Gemm"]
    return gemms[-1]


def _feed(graph: GraphProto, old: str, new: str) -> None:
    """Let every node that takes one value take another."""
    for node in graph.node:
        _rename(node.input, old, new)


def _rename(names: list[str], old: str, new: str) -> None:
    for at, name in enumerate(names):
        if name == old:
            names[at] = new


def _product(shape: tuple[int, int, int]) -> int:
    channels, height, width = shape
    return channels * height * width
