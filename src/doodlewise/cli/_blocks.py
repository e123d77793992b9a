"""Small pictures as characters of a terminal: two pixels, one above the other, to a character."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["LARGEST", "in_blocks"]

LARGEST = 32
"""Pictures with more pixels a side are shrunk to as many, to stand side by side in 80 columns."""
BLOCKS = " ▄▀█"


def in_blocks(pixels: NDArray[np.uint8], *, has_colours: bool) -> list[Text]:
    """Lines of characters of uint8 (side, side), bright where ink is.

    Args:
        pixels: the picture.
        has_colours: whether greys can be shown; else a pixel is there, from half the ink on, or
            not.
    """
    from rich.style import Style
    from rich.text import Text

    if len(pixels) > LARGEST:
        pixels = np.asarray(
            Image.fromarray(pixels).resize((LARGEST, LARGEST), Image.Resampling.BOX)
        )
    pixels = np.pad(pixels, ((0, len(pixels) % 2), (0, 0)))
    lines = []
    for above, below in zip(pixels[::2].tolist(), pixels[1::2].tolist(), strict=True):
        line = Text(no_wrap=True)
        for upper, lower in zip(above, below, strict=True):
            if has_colours:
                style = Style(color=_grey(upper), bgcolor=_grey(lower))
                line.append("▀", style)
            else:
                line.append(BLOCKS[2 * (upper > 127) + (lower > 127)])
        lines.append(line)
    return lines


def _grey(level: int) -> str:
    return f"#{level:02x}{level:02x}{level:02x}"
