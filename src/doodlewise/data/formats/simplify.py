"""Raw drawings of a reader, simplified together: compiled where Numba is there, else by NumPy.

The result is the same, to the last bit; the readers need Numba for its speed only.
"""

from __future__ import annotations

import numpy as np

from ...ragged import Ragged

__all__ = ["simplified"]


def simplified(drawings: Ragged) -> Ragged:
    """Each drawing as `Drawing.simplified` gives it, with uint8 points.

    Args:
        drawings: points as uint8 or float32, in any unit.
    """
    try:
        from ...simplify_host import simplify
    except ImportError:
        if not len(drawings):
            return Ragged.empty()
        every = Ragged.from_drawings(drawing.simplified() for drawing in drawings)
        return Ragged(
            every.points.astype(np.uint8),
            every.stroke_lengths,
            every.stroke_offsets,
            every.point_offsets,
        )
    return simplify(drawings)
