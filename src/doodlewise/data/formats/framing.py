"""Drawings of any scale that lie end to end, brought into the frame where they are not in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...drawing import FARTHEST, FRAME
from ...ragged import Ragged
from ..chunk import Skips
from .rows import EMPTY, MAX_STROKE_POINTS, fills_frame
from .simplify import simplified
from .strokes_of_json import FRAMED, LONG_STROKE, OUT_OF_RANGE

__all__ = ["framed"]


def framed(
    drawings: Ragged,
    *,
    problems: dict[int, str],
    is_raw: NDArray[np.bool_],
    place: Callable[[int], str],
    skips: Skips,
) -> tuple[Ragged, NDArray[np.int64]]:
    """The drawings that can be used, in the frame.

    One that is in the frame already is left as it is, unless it is raw; the others are simplified.

    Args:
        drawings: float64 points, of any scale; those that cannot be used may be without strokes.
        problems: why some of them cannot be used, by number.
        is_raw: (drawings,), whether it lies in coordinates of its own, so that it is in the frame
            by chance only.
        place: of a drawing, to be named where it cannot be used.
        skips: where those are counted.

    Returns:
        Drawings with uint8 points, and int64 (drawings,), the number that each had.
    """
    n_points = np.diff(drawings.point_offsets)
    drawing = np.repeat(np.arange(len(drawings)), n_points)
    problems = dict.fromkeys(np.flatnonzero(n_points == 0).tolist(), EMPTY) | problems
    is_far = ~(np.abs(drawings.points) <= FARTHEST).all(axis=1)
    problems |= dict.fromkeys(np.unique(drawing[is_far]).tolist(), OUT_OF_RANGE)

    offsets = drawings.point_offsets
    is_raw = is_raw.copy()
    if drawings.times is not None:
        timed = np.flatnonzero(is_raw & (n_points > 0)).tolist()
        is_raw[timed] = [
            not fills_frame(drawings.points[offsets[row] : offsets[row + 1]]) for row in timed
        ]
    is_loose = is_raw.copy()
    within = (drawings.points >= 0.0) & (drawings.points <= FRAME)
    in_frame = (within & (drawings.points == np.rint(drawings.points))).all(axis=1)
    is_loose[drawing[~in_frame]] = True
    is_loose[_with_long_strokes(drawings)] = True

    rows = np.flatnonzero(is_loose)
    rows = rows[~np.isin(rows, list(problems))]
    loose = simplified(_as(np.float32, drawings.take(rows)))
    problems |= dict.fromkeys(rows[_with_long_strokes(loose)].tolist(), LONG_STROKE)
    is_used = np.ones(len(drawings), bool)
    is_used[list(problems)] = False
    if n_framed := int((is_loose & is_used & ~is_raw).sum()):
        skips.notes[FRAMED] += n_framed
    for row in sorted(problems):
        skips.add(problems[row], place(row))

    as_they_are = np.flatnonzero(is_used & ~is_loose)
    every = Ragged.concat([_as(np.uint8, drawings.take(as_they_are)), loose])
    number = np.concatenate([as_they_are, rows])
    order = np.argsort(number)
    order = order[is_used[number[order]]]
    return every.take(order), number[order]


def _with_long_strokes(drawings: Ragged) -> NDArray[np.int64]:
    """Which drawings have strokes that are too long for a store."""
    is_long = drawings.stroke_lengths > MAX_STROKE_POINTS
    at = np.searchsorted(drawings.stroke_offsets, np.flatnonzero(is_long), side="right") - 1
    return np.unique(at)


def _as(dtype: type[np.generic], drawings: Ragged) -> Ragged:
    return replace(drawings, points=drawings.points.astype(dtype))
