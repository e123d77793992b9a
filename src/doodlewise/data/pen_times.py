"""Pen times as they come from a source, made into what a store keeps.

A store has whole milliseconds since the first point of the drawing, in 16 bits, which never run
backwards. Sources are less tidy: clocks are set, pens are put down for minutes, and points are
without times. No drawing is lost for it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..ragged import Ragged
from .chunk import Skips

__all__ = ["BACKWARDS", "LONGEST", "MISSING", "TOO_LONG", "mended", "since_first"]

LONGEST = 65_535
"""Milliseconds that a store can hold; the game gave 20 seconds for a drawing."""

BACKWARDS = "pen times that ran backwards evened out"
MISSING = "pen times left out, as some points had none"
TOO_LONG = "pen times of more than 65 seconds cut to that"


def since_first(times: NDArray[Any], point_offsets: NDArray[np.int64]) -> NDArray[np.float32]:
    """Milliseconds since the first point of each drawing, whatever they were counted from.

    Args:
        times: float64 (points,), perhaps with more digits than float32 has; NaN where unknown.
        point_offsets: (drawings + 1,), as of `Ragged`.
    """
    lengths = np.diff(point_offsets)
    # A drawing without points has no first one, and none is asked for.
    firsts = times[np.repeat(point_offsets[:-1], lengths)]
    with np.errstate(over="ignore", invalid="ignore"):
        since: NDArray[np.float32] = (times - firsts).astype(np.float32)
    return since


def mended(drawings: Ragged, skips: Skips) -> Ragged:
    """The same drawings with times that a store can keep, whole numbers as float32.

    A drawing of which some points have no time has none at all: NaN. If that is so of every
    drawing, there are no times.

    Args:
        drawings: with or without times.
        skips: where it is noted, by drawings, what was changed.
    """
    if drawings.times is None:
        return drawings
    offsets = drawings.point_offsets
    times = since_first(drawings.times.astype(np.float64), offsets)
    lengths = np.diff(offsets)
    owner = np.repeat(np.arange(len(drawings)), lengths)
    unknown = np.bincount(owner[~np.isfinite(times)], minlength=len(drawings))
    _note(skips, MISSING, int(((unknown > 0) & (unknown < lengths)).sum()))
    times[(unknown > 0)[owner]] = np.nan

    is_back = np.zeros(len(times), bool)
    is_back[1:] = (times[1:] < times[:-1]) & (owner[1:] == owner[:-1])
    backwards = np.unique(owner[is_back])
    for row in backwards.tolist():
        within = slice(offsets[row], offsets[row + 1])
        times[within] = np.maximum.accumulate(times[within])
    _note(skips, BACKWARDS, len(backwards))
    _note(skips, TOO_LONG, len(np.unique(owner[times > LONGEST])))
    times = np.rint(np.minimum(times, LONGEST))
    return replace(drawings, times=None if np.isnan(times).all() else times)


def _note(skips: Skips, note: str, n: int) -> None:
    if n:
        skips.notes[note] += n
