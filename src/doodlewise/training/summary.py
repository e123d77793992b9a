"""A network as a table: layers, shapes, parameters."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from ..models.registry import ImageShape, count_parameters

__all__ = ["summarise"]


def summarise(network: nn.Module, name: str, image_shape: ImageShape) -> str:
    """The layers of a network in the order in which an image goes through them."""
    rows: list[tuple[str, str, str, str]] = []
    hooks = []
    for path, layer in network.named_modules():
        if next(layer.children(), None) is None:
            hooks.append(layer.register_forward_hook(_note(path, rows)))
    was_training = network.training
    network.eval()
    with torch.no_grad():
        network(torch.zeros(1, *image_shape))
    network.train(was_training)
    for hook in hooks:
        hook.remove()
    head = ("layer", "kind", "output", "parameters")
    shape = "x".join(map(str, image_shape))
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(4)]

    def line(row: tuple[str, str, str, str]) -> str:
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
            f"{count_parameters(network):,} parameters",
            "",
        ]
    )


def _note(
    path: str, rows: list[tuple[str, str, str, str]]
) -> Callable[[nn.Module, object, torch.Tensor], None]:
    def hook(layer: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        shape = "x".join(str(n) for n in output.shape[1:])
        own = sum(weight.numel() for weight in layer.parameters())
        rows.append((path, type(layer).__name__, shape, f"{own:,}"))

    return hook
