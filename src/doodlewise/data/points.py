"""Drawings as the points that stroke networks take, as they are or varied.

Every drawing is simplified first, as Google's files are: whoever drew it, and however often their
device told where the pen was, a network sees points like those that it learnt from. Simplified
drawings hardly change by it.

Then they are placed as the rasteriser places them, on a canvas that is the frame itself, and vary
by the same random numbers: a network that takes both sees the same drawing twice.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..augment import Augment
from ..drawing import FRAME
from ..models.inputs import Strokes
from ..ragged import Ragged, offsets_of
from ..raster_host import NO_TIMES, copy_prefix, kernel, place_points
from ..simplify_host import simplify
from .augment import scratch, vary
from .gather import gather

__all__ = ["place_strokes", "simplified_rows", "vary_strokes"]

_SIDE = int(FRAME)


def simplified_rows(
    drawings: Ragged, rows: NDArray[np.integer[Any]] | None = None, *, share: float = 1.0
) -> Ragged:
    """These rows (all when None) as stroke networks want them, before they are placed or varied.

    Args:
        drawings: points as uint8 or float32, in any unit.
        rows: which, in which order.
        share: only this share of the ink, from the beginning, as `Drawing.prefix` cuts it.
    """
    chosen = drawings if rows is None else gather(drawings, rows)
    return simplify(chosen if share >= 1.0 else _cut(chosen, share))


def place_strokes(drawings: Ragged) -> Strokes:
    """The points of drawings, fitted to the frame, as `simplified_rows` gave them."""
    points = np.empty((len(drawings.points), 2), np.float32)
    _place(drawings.points, drawings.point_offsets, points)
    begins = np.zeros(len(points), np.bool_)
    begins[offsets_of(drawings.stroke_lengths)[:-1]] = True
    return _strokes(points, begins, drawings.point_offsets.copy(), drawings.times)


def vary_strokes(
    drawings: Ragged,
    augment: Augment,
    *,
    rows: NDArray[np.integer[Any]],
    seeds: NDArray[np.uint64],
    may_mirror: NDArray[np.bool_],
) -> Strokes:
    """The points of these rows, varied as `render_augmented` varies them.

    Args:
        drawings: points as uint8 or float32.
        augment: how much they vary.
        rows: which.
        seeds: uint64 (rows,); the same seed gives the same variation.
        may_mirror: bool (rows,), whether the word allows it.
    """
    rows = np.asarray(rows, dtype=np.int64)
    # A stroke that is cut ends in a point of its own.
    most = int((drawings.point_offsets[rows + 1] - drawings.point_offsets[rows]).sum()) + len(rows)
    points = np.empty((most, 2), np.float32)
    begins = np.zeros(most, np.bool_)
    times = np.empty(0 if drawings.times is None else most, np.float32)
    offsets = np.zeros(len(rows) + 1, np.int64)
    _vary_rows(
        drawings.points,
        NO_TIMES if drawings.times is None else drawings.times,
        drawings.stroke_lengths,
        drawings.stroke_offsets,
        drawings.point_offsets,
        rows,
        seeds,
        may_mirror,
        augment.as_array(),
        points,
        begins,
        times,
        offsets,
    )
    n = offsets[-1]
    left = None if drawings.times is None else times[:n]
    return _strokes(points[:n], begins[:n], offsets, left)


def _strokes(
    points: NDArray[np.float32],
    begins: NDArray[np.bool_],
    offsets: NDArray[np.int64],
    times: NDArray[np.float32] | None,
) -> Strokes:
    return Strokes(
        points=torch.from_numpy(points),
        begins=torch.from_numpy(begins),
        offsets=torch.from_numpy(offsets),
        times=None if times is None else torch.from_numpy(times),
        known_offsets=offsets,
    )


def _cut(drawings: Ragged, share: float) -> Ragged:
    """Only this share of the ink of each drawing."""
    most = len(drawings.points)
    points, lengths = np.empty((most, 2), np.float32), np.empty_like(drawings.stroke_lengths)
    times = np.empty(0 if drawings.times is None else most, np.float32)
    strokes = np.empty(len(drawings), np.int64)
    n_points, n_strokes = _cut_rows(
        drawings.points,
        NO_TIMES if drawings.times is None else drawings.times,
        drawings.stroke_lengths,
        drawings.stroke_offsets,
        drawings.point_offsets,
        np.float32(share),
        points,
        times,
        lengths,
        strokes,
    )
    left = None if drawings.times is None else times[:n_points]
    return Ragged.from_lengths(points[:n_points], lengths[:n_strokes], strokes, left)


@kernel
def _place(points: Any, point_offsets: Any, out: Any) -> None:
    for p in range(len(points)):
        out[p, 0], out[p, 1] = np.float32(points[p, 0]), np.float32(points[p, 1])
    for i in range(len(point_offsets) - 1):
        own = out[point_offsets[i] : point_offsets[i + 1]]
        place_points(own[:, 0], own[:, 1], np.float32(1.0), _SIDE)


@kernel
def _cut_rows(
    points: Any,
    times: Any,
    stroke_lengths: Any,
    stroke_offsets: Any,
    point_offsets: Any,
    share: Any,
    out: Any,
    out_times: Any,
    out_lengths: Any,
    out_strokes: Any,
) -> tuple[int, int]:
    """Fill with what is left, one drawing after the other; how many points and strokes."""
    n = len(point_offsets) - 1
    x, y, t, lengths = scratch(stroke_offsets, point_offsets, np.arange(n))
    n_points, n_strokes = 0, 0
    for i in range(n):
        own_points = points[point_offsets[i] : point_offsets[i + 1]]
        own_times = times[point_offsets[i] : point_offsets[i + 1]]
        own_lengths = stroke_lengths[stroke_offsets[i] : stroke_offsets[i + 1]]
        out_strokes[i] = copy_prefix(own_points, own_times, own_lengths, share, x, y, t, lengths)
        p = 0
        for stroke in range(out_strokes[i]):
            out_lengths[n_strokes] = lengths[stroke]
            n_strokes += 1
            for _ in range(lengths[stroke]):
                out[n_points, 0], out[n_points, 1] = x[p], y[p]
                if len(out_times) > 0:
                    out_times[n_points] = t[p]
                n_points += 1
                p += 1
    return n_points, n_strokes


@kernel
def _vary_rows(
    points: Any,
    times: Any,
    stroke_lengths: Any,
    stroke_offsets: Any,
    point_offsets: Any,
    rows: Any,
    seeds: Any,
    may_mirror: Any,
    amounts: Any,
    out: Any,
    begins: Any,
    out_times: Any,
    offsets: Any,
) -> None:
    x, y, t, lengths = scratch(stroke_offsets, point_offsets, rows)
    state = np.empty(1, np.uint64)
    for i in range(len(rows)):
        row = rows[i]
        state[0] = seeds[i]
        own_points = points[point_offsets[row] : point_offsets[row + 1]]
        own_times = times[point_offsets[row] : point_offsets[row + 1]]
        own_lengths = stroke_lengths[stroke_offsets[row] : stroke_offsets[row + 1]]
        n_points, n_strokes = vary(
            own_points,
            own_times,
            own_lengths,
            may_mirror[i],
            amounts,
            np.float32(1.0),
            _SIDE,
            x,
            y,
            t,
            lengths,
            state,
        )
        if len(out_times) > 0:
            out_times[offsets[i] : offsets[i] + n_points] = t[:n_points]
        offsets[i + 1] = _append(x, y, lengths[:n_strokes], offsets[i], out, begins)


@kernel
def _append(x: Any, y: Any, lengths: Any, first: Any, out: Any, begins: Any) -> Any:
    """Write one drawing from point `first` on; where the next one begins."""
    p = 0
    for length in lengths:
        begins[first + p] = True
        for _ in range(length):
            out[first + p, 0], out[first + p, 1] = x[p], y[p]
            p += 1
    return first + p
