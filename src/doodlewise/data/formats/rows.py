"""What the readers of strokes share: the last steps from their rows to a chunk."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...drawing import FRAME, Drawing
from ...ragged import Ragged
from ...raster import FITTED_FROM
from ..chunk import Chunk, Skips

__all__ = [
    "CHUNK_ROWS",
    "EMPTY",
    "MAX_STROKE_POINTS",
    "TRUNCATED",
    "content_key",
    "fills_frame",
    "in_frame",
    "strokes_chunk",
]

CHUNK_ROWS = 8192
"""Rows in a chunk, about."""

MAX_STROKE_POINTS = 65_535
"""Points that a stroke may have in a store and in a .bin file: both count them in 16 bits."""

_NEAR = 3.0
"""What simplifying may take of an edge: 2, and half by rounding."""

EMPTY = "empty drawing"
TRUNCATED = "truncated file"


def strokes_chunk(
    *,
    names: list[str],
    labels: NDArray[np.int32],
    key_ids: NDArray[np.uint64],
    codes: NDArray[np.bytes_],
    recognised: NDArray[np.int8],
    points: NDArray[np.uint8],
    stroke_lengths: NDArray[np.int32],
    strokes_per_drawing: NDArray[Any],
    skips: Skips,
    times: NDArray[np.float32] | None = None,
) -> Chunk:
    """Make a chunk of rows that are laid end to end.

    A stroke of one point gets a second, equal one, as Google writes dots. A key of 0 means that
    there is none, and is replaced by a hash of the content.

    Args:
        points: (points, 2), in the frame.
        stroke_lengths: (strokes,), none of them 0.
        strokes_per_drawing: (rows,), none of them 0.
        skips: where it is noted that strokes were doubled.
        times: (points,), as of `Ragged`.
    """
    single = stroke_lengths == 1
    if single.any():
        copies = np.repeat(1 + single, stroke_lengths)
        points = np.repeat(points, copies, axis=0)
        times = None if times is None else np.repeat(times, copies)
        stroke_lengths = stroke_lengths + single.astype(np.int32)
        row_of_stroke = np.repeat(np.arange(len(labels)), strokes_per_drawing)
        doubled = len(np.unique(row_of_stroke[single]))
        skips.notes["one-point strokes made two equal points"] += doubled
    drawings = Ragged.from_lengths(points, stroke_lengths, strokes_per_drawing, times)
    for row in np.flatnonzero(key_ids == 0).tolist():
        one = drawings.slice(row, row + 1)
        lengths = one.stroke_lengths.astype("<i4")
        key_ids[row] = content_key(one.points.tobytes() + lengths.tobytes())
    return Chunk(names, labels, key_ids, codes, recognised, drawings=drawings)


def content_key(content: bytes) -> int:
    """A 64-bit key for a drawing that has none: equal drawings get equal keys."""
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


def in_frame(drawing: Drawing) -> bool:
    """Whether all coordinates are whole numbers from 0 to 255."""
    points = drawing.points
    return bool(
        points.min() >= 0 and points.max() <= FRAME and np.array_equal(points, np.rint(points))
    )


def fills_frame(points: NDArray[Any]) -> bool:
    """Whether a drawing with pen times was simplified all the same.

    Raw drawings lie in coordinates of their own, and in the frame by chance only. One of whole
    numbers that comes near to its left and its upper edge, and to the right or the lower one, is
    there on purpose: so our own exports are read as they were written. Of 3,448 raw drawings none
    is taken for one; simplified, all but 16 are, and those hardly change by being so again.

    Args:
        points: (points, 2).
    """
    low, high = points.min(axis=0), points.max()
    return bool(
        low.min() >= 0.0
        and low.max() <= _NEAR
        and FITTED_FROM <= high <= FRAME
        and np.array_equal(points, np.rint(points))
    )
