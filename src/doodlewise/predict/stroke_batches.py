"""Drawings as a network that takes strokes wants them: padded batches of points and pens.

Drawings of like length go together, so that less than half of a batch is padding. A drawing that is
too long (a recording of a hundred thousand points, a scribble) is thinned: points that lie within a
tolerance of one that is kept are dropped, with the smallest tolerance that does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..ragged import Ragged

__all__ = ["FIRST", "JOINED", "PADDING", "StrokeBatch", "stroke_batches"]

PADDING, FIRST, JOINED = 0, 1, 2
"""What the pen did: nothing, for there is no point; begin a stroke; go on from the point before."""
SHORT = 32
"""Drawings with fewer points count as that long when they are sorted by length."""
FINEST = 1 / 4096
"""Smallest tolerance of thinning, of the drawing's longer side: 1/180 of a pixel of 28."""


class StrokeBatch(NamedTuple):
    """Some of the drawings.

    Attributes:
        rows: int64 (n,), which of the drawings these are.
        points: float32 (n, length, 2), x and y; 0 where there is padding.
        pen: int64 (n, length), `PADDING`, `FIRST` point of a stroke, or `JOINED` to the one before.
        times: float32 (n, length), milliseconds since the first point of a drawing, NaN where they
            are not known, 0 where there is padding; None if no drawing of the batch has any.
    """

    rows: NDArray[np.int64]
    points: NDArray[np.float32]
    pen: NDArray[np.int64]
    times: NDArray[np.float32] | None


class _Row(NamedTuple):
    """A drawing, as its row of a batch begins."""

    points: NDArray[Any]
    pen: NDArray[np.int64]
    times: NDArray[np.float32] | None


def stroke_batches(drawings: Ragged, *, longest: int, most: int) -> Iterator[StrokeBatch]:
    """Every drawing once, the long ones first.

    Args:
        drawings: in any unit.
        longest: points that a drawing has at most; a longer one is thinned.
        most: points, padding included, that a batch has at most; but one drawing at least.
    """
    every = list(_points_and_pens(drawings, longest))
    lengths = np.array([len(row.pen) for row in every], np.int64)
    order = np.argsort(-lengths, kind="stable")
    first = 0
    while first < len(order):
        length = int(lengths[order[first]])
        last = first + 1
        while (
            last < len(order)
            and (last + 1 - first) * length <= most
            and 2 * max(int(lengths[order[last]]), SHORT) > length
        ):
            last += 1
        yield _padded(order[first:last], every, length)
        first = last


def _padded(
    rows: NDArray[np.int64],
    every: list[_Row],
    length: int,
) -> StrokeBatch:
    points = np.zeros((len(rows), length, 2), np.float32)
    pens = np.full((len(rows), length), PADDING, np.int64)
    is_timed = any(every[row].times is not None for row in rows)
    times = np.zeros((len(rows), length), np.float32) if is_timed else None
    for at, row in enumerate(rows):
        own = every[row]
        n = len(own.pen)
        points[at, :n] = own.points
        pens[at, :n] = own.pen
        if times is not None:
            times[at, :n] = np.nan if own.times is None else own.times
    return StrokeBatch(rows, points, pens, times)


def _points_and_pens(drawings: Ragged, longest: int) -> Iterator[_Row]:
    """Of each drawing the points as they are, the pens, and the times."""
    for index in range(len(drawings)):
        span = slice(drawings.point_offsets[index], drawings.point_offsets[index + 1])
        strokes = slice(drawings.stroke_offsets[index], drawings.stroke_offsets[index + 1])
        points, lengths = drawings.points[span], drawings.stroke_lengths[strokes]
        stroke_of = np.repeat(np.arange(len(lengths)), lengths)
        times = None if drawings.times is None else drawings.times[span]
        if len(points) > longest:
            kept = _thin(points.astype(np.float64), stroke_of, longest)
            points, stroke_of = points[kept], stroke_of[kept]
            times = None if times is None else times[kept]
        yield _Row(points, np.where(_begins(stroke_of), FIRST, JOINED), times)


def _begins(stroke_of: NDArray[np.int64]) -> NDArray[np.bool_]:
    begins: NDArray[np.bool_] = np.diff(stroke_of, prepend=-1) != 0
    return begins


def _thin(
    points: NDArray[np.float64], stroke_of: NDArray[np.int64], longest: int
) -> NDArray[np.bool_]:
    """Which points are kept, at most `longest`."""
    points = points - points.min(axis=0)
    extent = float(points.max())
    if extent > 0.0:
        points /= extent
    begins = _begins(stroke_of)
    moves = np.diff(points, axis=0, prepend=points[:1])
    steps = np.sqrt((moves * moves).sum(axis=1))
    steps[begins] = 0.0
    travelled = np.cumsum(steps)
    # The box of the drawing decides about its size and place, and so stays as it is.
    corners = np.concatenate([points.argmin(axis=0), points.argmax(axis=0)])
    tolerance = FINEST
    while True:
        kept = _kept(points, travelled, begins, tolerance)
        kept[corners] = True
        if kept.sum() <= longest:
            return kept
        tolerance *= 2.0


def _kept(
    points: NDArray[np.float64],
    travelled: NDArray[np.float64],
    begins: NDArray[np.bool_],
    tolerance: float,
) -> NDArray[np.bool_]:
    """Which points stand for all others, each within about the tolerance of one that is kept.

    Of a line: where it begins, and the first point after every `tolerance` along it. Of dots, and
    of lines so short that they have become dots, the first in each cell of a grid.
    """
    kept: NDArray[np.bool_] = begins | (np.diff(np.floor(travelled / tolerance), prepend=0.0) != 0)
    alone = np.flatnonzero(kept)
    starts = begins[alone]
    dots = alone[starts & np.append(starts[1:], True)]
    columns, rows = np.floor(points[dots] / tolerance).T
    _, first_of_cell = np.unique(columns + 2.0 / FINEST * rows, return_index=True)
    kept[np.delete(dots, first_of_cell)] = False
    return kept
