"""A picture of a network that a person can read: layers, shapes, parameters, shortcuts.

`flow` sees what happens to an example, `items` makes parts of it, `layout` finds a place for each,
`svg` and `png` write them.
"""

from __future__ import annotations

from torch import nn

from ...models.inputs import takes_of
from ...models.registry import ImageShape
from ...models.stages import stages_of
from .flow import flow_of
from .items import Block, Item, Layer, items_of, paths_of
from .layout import Picture, lay_out
from .png import to_png
from .svg import to_svg

__all__ = ["Picture", "picture_of", "to_png", "to_svg"]


def picture_of(network: nn.Module, name: str, image_shape: ImageShape) -> Picture:
    """Draw a network.

    Args:
        network: any that takes images, strokes or both.
        name: its title.
        image_shape: channels, height, width of its input.
    """
    items = items_of(flow_of(network, image_shape))
    shape = items[-1].shape if isinstance(items[-1], Layer) else ()
    items.append(Layer(f"{shape[-1]} scores" if shape else "scores", "input", (), shape, 0, ""))
    total = sum(weight.numel() for weight in network.parameters())
    learning = sum(weight.numel() for weight in network.parameters() if weight.requires_grad)
    about = f"{total:,} parameters" + (f", {learning:,} of them learn" * (learning < total))
    legend = [
        "At the right of a layer: its parameters.",
        "Between layers: what goes on, as channels × height × width.",
    ]
    if takes_of(network) != "images":
        legend.append("Of strokes: the numbers that go on for each point.")
    if any(isinstance(each, Block) and each.times > 1 for each in items):
        legend.append("× 3: three in a row, each with parameters of its own.")
    return lay_out(name, about, legend, items, _stages(network, items))


def _stages(network: nn.Module, items: list[Item]) -> list[tuple[str, str]]:
    """Of each part the stages in which it begins and ends; empty text for what is in none."""
    of_layer = {layer: stage for stage, layers in stages_of(network).items() for layer in layers}
    if not of_layer:
        return []
    found = [("", "")]
    for item in items[1:-1]:
        inside = [
            stage
            for path in paths_of(item)
            for layer, stage in of_layer.items()
            if layer == path or layer.startswith(f"{path}.")
        ]
        last = found[-1][1]
        found.append((inside[0], inside[-1]) if inside else (last, last))
    return [*found, ("", "")]
