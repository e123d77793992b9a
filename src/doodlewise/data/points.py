"""Drawings as the points that stroke networks take, as they are or varied: compiled.

They are placed as the rasteriser places them, on a canvas that is the frame itself, and vary by the
same random numbers: a network that takes both sees the same drawing twice.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..augment import Augment
from ..drawing import FRAME
from ..models.inputs import Strokes
from ..ragged import Ragged
from ..raster_host import copy_prefix, kernel, place_points
from .augment import scratch, vary

__all__ = ["place_strokes", "vary_strokes"]

_SIDE = int(FRAME)


def place_strokes(
    drawings: Ragged, rows: NDArray[np.integer[Any]] | None = None, *, share: float = 1.0
) -> Strokes:
    """The points of these rows (all when None), fitted to the frame.

    Args:
        drawings: points as uint8 or float32, in any unit.
        rows: which, in which order.
        share: only this share of the ink, from the beginning, as `Drawing.prefix` cuts it.
    """
    if rows is None:
        rows = np.arange(len(drawings))
    return _filled(_place_rows, drawings, rows, np.float32(share))


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
    return _filled(_vary_rows, drawings, rows, seeds, may_mirror, augment.as_array())


def _filled(fill: Any, drawings: Ragged, rows: NDArray[np.integer[Any]], *how: Any) -> Strokes:
    rows = np.asarray(rows, dtype=np.int64)
    # A stroke that is cut ends in a point of its own.
    most = int((drawings.point_offsets[rows + 1] - drawings.point_offsets[rows]).sum()) + len(rows)
    points = np.empty((most, 2), np.float32)
    begins = np.zeros(most, np.bool_)
    offsets = np.zeros(len(rows) + 1, np.int64)
    fill(
        drawings.points,
        drawings.stroke_lengths,
        drawings.stroke_offsets,
        drawings.point_offsets,
        rows,
        *how,
        points,
        begins,
        offsets,
    )
    n = offsets[-1]
    return Strokes(
        points=torch.from_numpy(points[:n]),
        begins=torch.from_numpy(begins[:n]),
        offsets=torch.from_numpy(offsets),
    )


@kernel
def _place_rows(
    points: Any,
    stroke_lengths: Any,
    stroke_offsets: Any,
    point_offsets: Any,
    rows: Any,
    share: Any,
    out: Any,
    begins: Any,
    offsets: Any,
) -> None:
    x, y, lengths = scratch(stroke_offsets, point_offsets, rows)
    for i in range(len(rows)):
        row = rows[i]
        own_points = points[point_offsets[row] : point_offsets[row + 1]]
        own_lengths = stroke_lengths[stroke_offsets[row] : stroke_offsets[row + 1]]
        n_strokes = copy_prefix(own_points, own_lengths, share, x, y, lengths)
        n_points = 0
        for stroke in range(n_strokes):
            n_points += lengths[stroke]
        place_points(x[:n_points], y[:n_points], np.float32(1.0), _SIDE)
        offsets[i + 1] = _append(x, y, lengths[:n_strokes], offsets[i], out, begins)


@kernel
def _vary_rows(
    points: Any,
    stroke_lengths: Any,
    stroke_offsets: Any,
    point_offsets: Any,
    rows: Any,
    seeds: Any,
    may_mirror: Any,
    amounts: Any,
    out: Any,
    begins: Any,
    offsets: Any,
) -> None:
    x, y, lengths = scratch(stroke_offsets, point_offsets, rows)
    state = np.empty(1, np.uint64)
    for i in range(len(rows)):
        row = rows[i]
        state[0] = seeds[i]
        own_points = points[point_offsets[row] : point_offsets[row + 1]]
        own_lengths = stroke_lengths[stroke_offsets[row] : stroke_offsets[row + 1]]
        _, n_strokes = vary(
            own_points,
            own_lengths,
            may_mirror[i],
            amounts,
            np.float32(1.0),
            _SIDE,
            x,
            y,
            lengths,
            state,
        )
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
