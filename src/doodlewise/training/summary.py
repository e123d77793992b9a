"""A network as a table: layers, shapes, parameters."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence

from ..models.inputs import example_inputs, scores, takes_of
from ..models.registry import ImageShape, count_parameters

__all__ = ["layer_rows", "spell_parameters", "summarise"]

Row = tuple[str, str, str, str]

INPUT = {
    "images": "{}",
    "strokes": "strokes",
    "both": "{} and strokes",
}


def spell_parameters(network: nn.Module) -> str:
    """How many there are, and how many of them learn where some are frozen."""
    total, learning = sum(each.numel() for each in network.parameters()), count_parameters(network)
    frozen = f", {learning:,} of them learn" if learning < total else ""
    return f"{total:,} parameters{frozen}"


def layer_rows(network: nn.Module, image_shape: ImageShape) -> list[Row]:
    """Name, kind, shape and number of parameters of each layer, in the order of their work."""
    rows: list[Row] = []
    hooks = []
    for path, layer in network.named_modules():
        if next(layer.children(), None) is None:
            hooks.append(layer.register_forward_hook(_note(path, rows)))
    was_training = network.training
    network.eval()
    with torch.no_grad():
        scores(network, example_inputs(takes_of(network), image_shape))
    network.train(was_training)
    for hook in hooks:
        hook.remove()
    return rows


def summarise(network: nn.Module, name: str, image_shape: ImageShape) -> str:
    """The layers of a network in the order in which an image goes through them, as text."""
    rows = layer_rows(network, image_shape)
    head = ("layer", "kind", "output", "parameters")
    shape = INPUT[takes_of(network)].format("x".join(map(str, image_shape)))
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(4)]

    def line(row: Row) -> str:
        left = "  ".join(text.ljust(width) for text, width in zip(row[:3], widths[:3], strict=True))
        return f"{left}  {row[3].rjust(widths[3])}"

    return "\n".join(
        [
            f"{name}, input {shape}",
            "",
            line(head),
            line(("-" * widths[0], "-" * widths[1], "-" * widths[2], "-" * widths[3])),
            *(line(row) for row in rows),
            "",
            spell_parameters(network),
            "",
        ]
    )


def _note(path: str, rows: list[Row]) -> Callable[[nn.Module, object, object], None]:
    def hook(layer: nn.Module, _inputs: object, output: object) -> None:
        shape = _shape(output)
        own = sum(weight.numel() for weight in layer.parameters())
        rows.append((path, type(layer).__name__, shape, f"{own:,}"))

    return hook


def _shape(output: object) -> str:
    """Without the batch, or the points of all drawings, which come first."""
    if isinstance(output, PackedSequence):
        output = output.data
    if isinstance(output, tuple):  # a recurrent layer gives its last state too
        return _shape(output[0])
    return "x".join(str(n) for n in output.shape[1:]) if isinstance(output, torch.Tensor) else ""
