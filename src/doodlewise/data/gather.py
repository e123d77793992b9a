"""Drawings picked out of many by number, compiled: a store is written and read by little else."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..ragged import Ragged, offsets_of
from ..raster_host import kernel

__all__ = ["gather"]


def gather(drawings: Ragged, rows: NDArray[np.integer[Any]]) -> Ragged:
    """What `Ragged.take` does, some ten times as fast."""
    rows = np.asarray(rows, np.int64)
    stroke_offsets = offsets_of(np.diff(drawings.stroke_offsets)[rows])
    point_offsets = offsets_of(np.diff(drawings.point_offsets)[rows])
    lengths = np.empty(stroke_offsets[-1], drawings.stroke_lengths.dtype)
    points = np.empty((point_offsets[-1], 2), drawings.points.dtype)
    _copy(drawings.stroke_lengths, drawings.stroke_offsets, rows, stroke_offsets, lengths)
    flat = np.ascontiguousarray(drawings.points).reshape(-1)
    _copy(flat, 2 * drawings.point_offsets, rows, 2 * point_offsets, points.reshape(-1))
    times = None
    if drawings.times is not None:
        times = np.empty(point_offsets[-1], np.float32)
        _copy(drawings.times, drawings.point_offsets, rows, point_offsets, times)
    return Ragged(points, lengths, stroke_offsets, point_offsets, times)


@kernel
def _copy(values: Any, offsets: Any, rows: Any, out_offsets: Any, out: Any) -> None:
    """Copy the ranges of these rows, one after the other."""
    for i in range(len(rows)):
        first = offsets[rows[i]]
        at = out_offsets[i]
        for step in range(out_offsets[i + 1] - at):
            out[at + step] = values[first + step]
