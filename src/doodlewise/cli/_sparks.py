"""Curves as characters of a terminal: a line of blocks of different heights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

__all__ = ["spark"]

BLOCKS = "▁▂▃▄▅▆▇█"
WIDEST = 3
"""Characters of an epoch where there are few."""


def spark(values: Sequence[float], low: float, high: float, width: int, longest: int) -> str:
    """A character an epoch; some of them where there are few epochs, one for several where many.

    Args:
        values: of the epochs in their order.
        low: value of the lowest block.
        high: of the highest one.
        width: characters for `longest` epochs.
        longest: epochs of the longest of the curves that stand below each other.
    """
    if longest > width:
        n = max(1, round(width * len(values) / longest))
        edges = [round(index * len(values) / n) for index in range(n + 1)]
        parts = [values[first:last] for first, last in pairwise(edges)]
        values = [sum(part) / len(part) for part in parts if part]
    wide = max(1, min(WIDEST, width // max(longest, 1)))
    return "".join(_block(value, low, high) * wide for value in values)


def _block(value: float, low: float, high: float) -> str:
    if not math.isfinite(value):
        return " "
    share = (value - low) / (high - low) if high > low else 0.0
    return BLOCKS[max(0, min(len(BLOCKS) - 1, int(share * len(BLOCKS))))]
