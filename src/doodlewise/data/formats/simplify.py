"""Raw drawings of a reader, simplified together: compiled where Numba is there, else by NumPy.

The result is the same, to the last bit; the readers need Numba for its speed only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np

from ...ragged import Ragged

__all__ = ["simplified"]


def simplified(drawings: Ragged) -> Ragged:
    """Each drawing as `Drawing.simplified` gives it, with uint8 points.

    Args:
        drawings: points as uint8 or float32, in any unit.
    """
    return _quickest()(drawings)


# Looking for a package that is not there takes a while each time.
@cache
def _quickest() -> Callable[[Ragged], Ragged]:
    try:
        from ...simplify_host import simplify
    except ImportError:
        return _one_by_one
    return simplify


def _one_by_one(drawings: Ragged) -> Ragged:
    every = Ragged.from_drawings(drawing.simplified() for drawing in drawings)
    return replace(every, points=every.points.astype(np.uint8))
