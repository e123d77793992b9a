"""The stroke-3 layout of sketch-rnn: a row for each point, with the step to it and the pen.

Columns are dx, dy and p. The first step is from the origin; p = 1 lifts the pen after the point.

Source: magenta/magenta models/sketch_rnn/README.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...ragged import Ragged
from .strokes_of_json import OUT_OF_RANGE

__all__ = ["PEN", "from_stroke3"]

PEN = "a pen state that is neither 0 nor 1"

_LONGEST_STEP = 1e6
"""So that sums over many drawings keep their digits."""


def from_stroke3(
    steps: NDArray[np.float64], offsets: NDArray[np.int64]
) -> tuple[Ragged, dict[int, str]]:
    """Drawings with float64 points, and what is wrong with those that cannot be read.

    A drawing whose last point does not lift the pen ends there all the same.

    Args:
        steps: (points, 3).
        offsets: (drawings + 1,), the points of drawing i are `steps[offsets[i]:offsets[i + 1]]`.

    Returns:
        The drawings, and the reason for each, by number, that has no strokes because of it.
    """
    lengths = np.diff(offsets)
    drawing = np.repeat(np.arange(len(lengths)), lengths)
    is_strange = (steps[:, 2] != 0.0) & (steps[:, 2] != 1.0)
    is_far = ~(np.abs(steps) <= _LONGEST_STEP).all(axis=1)
    problems = dict.fromkeys(np.unique(drawing[is_strange]).tolist(), PEN)
    problems |= dict.fromkeys(np.unique(drawing[is_far]).tolist(), OUT_OF_RANGE)
    if problems:
        is_bad = np.zeros(len(lengths), bool)
        is_bad[list(problems)] = True
        steps, drawing = steps[~is_bad[drawing]], drawing[~is_bad[drawing]]
        lengths = np.where(is_bad, 0, lengths)

    ends = np.cumsum(lengths)
    is_end = steps[:, 2] == 1.0
    is_end[ends[lengths > 0] - 1] = True
    at = np.concatenate([np.zeros((1, 2)), np.cumsum(steps[:, :2], axis=0)])
    points = at[1:] - at[ends - lengths][drawing]
    last = np.flatnonzero(is_end)
    return (
        Ragged.from_lengths(
            points,
            np.diff(last, prepend=-1).astype(np.int32),
            np.bincount(drawing[last], minlength=len(lengths)),
        ),
        problems,
    )
