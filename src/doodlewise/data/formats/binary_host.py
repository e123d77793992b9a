"""The records of a .bin file, found and read by compiled code; `binary` does without it, slower.

Both find the same; a test holds them together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...raster_host import kernel

__all__ = ["points_of", "walk"]

_HEADER = 17
"""Bytes before the strokes of a record."""


def walk(
    block: bytes,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], int, bool]:
    """Where the whole records of a block are.

    Returns:
        Where each record begins, its strokes, the points of each stroke, where the last whole
        record ends, and whether what comes next is no record.
    """
    every = np.frombuffer(block, np.uint8)
    # The shortest record is a header, the shortest stroke a length.
    starts = np.empty(len(block) // _HEADER + 1, np.int64)
    n_strokes = np.empty(len(starts), np.int64)
    lengths = np.empty(len(block) // 2 + 1, np.int64)
    records, strokes, end, is_stopped = _walk(every, starts, n_strokes, lengths)
    return (
        starts[:records].copy(),
        n_strokes[:records].copy(),
        lengths[:strokes].copy(),
        int(end),
        bool(is_stopped),
    )


@kernel
def _walk(block: Any, starts: Any, n_strokes: Any, lengths: Any) -> tuple[int, int, int, bool]:
    size = len(block)
    at: Any
    records, strokes, start = 0, 0, 0
    while start + _HEADER <= size:
        first, second = block[start + 8], block[start + 9]
        if first < 65 or first > 90 or second < 65 or second > 90 or block[start + 10] > 1:
            return records, strokes, start, True
        count = np.int64(block[start + 15]) | np.int64(block[start + 16]) << 8
        at = start + _HEADER
        own = strokes
        for _ in range(count):
            if at + 2 > size:
                at = size + 1
                break
            length = np.int64(block[at]) | np.int64(block[at + 1]) << 8
            lengths[own] = length
            own += 1
            at += 2 + 2 * length
        if at > size:
            break
        starts[records] = start
        n_strokes[records] = count
        records += 1
        strokes = own
        start = at
    return records, strokes, start, False


def points_of(
    block: bytes,
    starts: NDArray[np.int64],
    n_strokes: NDArray[np.int64],
    lengths: NDArray[np.int64],
) -> NDArray[np.uint8]:
    """The points of the records that `walk` found: uint8 (points, 2)."""
    points = np.empty((int(lengths.sum()), 2), np.uint8)
    _copy_points(np.frombuffer(block, np.uint8), starts, n_strokes, lengths, points)
    return points


@kernel
def _copy_points(block: Any, starts: Any, n_strokes: Any, lengths: Any, points: Any) -> None:
    stroke, point = 0, 0
    for record in range(len(starts)):
        at = starts[record] + _HEADER
        for _ in range(n_strokes[record]):
            length = lengths[stroke]
            x_at = at + 2
            y_at = x_at + length
            for step in range(length):
                points[point + step, 0] = block[x_at + step]
                points[point + step, 1] = block[y_at + step]
            at = y_at + length
            point += length
            stroke += 1
