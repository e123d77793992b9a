"""Pictures that were enlarged by repeating pixels become as small as they were.

The stairs along their lines are neither pen nor drawing. Where levels change, they change at the
borders of blocks: every gap between two such columns is that of one block, or of a few.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["made_small"]

SMALLEST = 48
"""A picture with fewer pixels a side is left as it is."""
STEP = 0.25
"""A change of this share of the picture's contrast between two pixels is an edge."""
FEWEST = 8
"""So many columns, and rows, where something changes are needed to tell."""
SINGLE = 0.4
"""At least this share of the gaps is that of a single block."""


def made_small(picture: Image.Image) -> tuple[Image.Image, float]:
    """The picture with a pixel for each block, and the side of a block; 1.0 if there are none.

    Args:
        picture: of mode L, RGB or RGBA.
    """
    if max(picture.size) < SMALLEST:
        return picture, 1.0
    levels = np.asarray(picture.getchannel("A") if picture.mode == "RGBA" else picture.convert("L"))
    across, down = _block(levels), _block(levels.T)
    if across is None or down is None or max(across, down) > 1.2 * min(across, down):
        return picture, 1.0
    block = (across + down) / 2.0
    width, height = (max(round(length / block), 1) for length in picture.size)
    return picture.resize((width, height), Image.Resampling.NEAREST), picture.width / width


def _block(levels: NDArray[np.uint8]) -> float | None:
    """Mean width of the blocks of which a picture is made, pixels; None if it is not."""
    some = levels[:: max(1, len(levels) // 200)].astype(np.int16)
    least = max(STEP * float(np.ptp(some)), 8.0)
    edges = np.flatnonzero((np.abs(np.diff(some, axis=1)) > least).any(axis=0))
    if len(edges) < FEWEST:
        return None
    gaps = np.diff(edges)
    smallest = int(np.percentile(gaps, 10))
    if smallest < 2 or gaps.min() < max(smallest - 1, 2):
        return None
    single = gaps[gaps <= smallest + 1]
    rest = gaps[gaps > smallest + 1] / single.mean()
    fits = np.abs(rest - np.rint(rest)) < 0.25
    return float(single.mean()) if len(single) >= SINGLE * len(gaps) and fits.all() else None
