"""What the readers of strokes share: the last steps from their rows to a chunk."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...drawing import FRAME, Drawing
from ...ragged import Ragged
from ..chunk import Chunk, Skips

__all__ = [
    "CHUNK_ROWS",
    "EMPTY",
    "MAX_STROKE_POINTS",
    "TRUNCATED",
    "content_key",
    "in_frame",
    "strokes_chunk",
]

CHUNK_ROWS = 8192
"""Rows in a chunk, about."""

MAX_STROKE_POINTS = 65_535
"""Points that a stroke may have in a store and in a .bin file: both count them in 16 bits."""

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
) -> Chunk:
    """Make a chunk of rows that are laid end to end.

    A stroke of one point gets a second, equal one, as Google writes dots. A key of 0 means that
    there is none, and is replaced by a hash of the content.

    Args:
        points: (points, 2), in the frame.
        stroke_lengths: (strokes,), none of them 0.
        strokes_per_drawing: (rows,), none of them 0.
        skips: where it is noted that strokes were doubled.
    """
    single = stroke_lengths == 1
    if single.any():
        points = np.repeat(points, np.repeat(1 + single, stroke_lengths), axis=0)
        stroke_lengths = stroke_lengths + single.astype(np.int32)
        row_of_stroke = np.repeat(np.arange(len(labels)), strokes_per_drawing)
        doubled = len(np.unique(row_of_stroke[single]))
        skips.notes["one-point strokes made two equal points"] += doubled
    drawings = Ragged.from_lengths(points, stroke_lengths, strokes_per_drawing)
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
