"""Operations on grids of pixels, in NumPy: distances, connected pieces, what is largest nearby."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["closing", "distances", "label_pieces", "local_max", "pooled"]


def distances(targets: NDArray[np.bool_], reach: float) -> NDArray[np.float32]:
    """From each pixel to the nearest target: float32 (h, w), exact up to `reach`, then clipped.

    First along the columns, then along the rows: squares of distances add up.
    """
    height, width = targets.shape
    row = np.arange(height, dtype=np.float32)[:, None]
    none = np.float32(1e6)
    above = np.maximum.accumulate(np.where(targets, row, -none), axis=0)
    below = np.minimum.accumulate(np.where(targets, row, none)[::-1], axis=0)[::-1]
    squared = np.minimum(row - above, below - row) ** 2
    nearest = squared.copy()
    for step in range(1, min(int(reach) + 1, width)):
        farther = squared + np.float32(step * step)
        np.minimum(nearest[:, step:], farther[:, :-step], out=nearest[:, step:])
        np.minimum(nearest[:, :-step], farther[:, step:], out=nearest[:, :-step])
    clipped: NDArray[np.float32] = np.sqrt(np.minimum(nearest, np.float32(reach * reach)))
    return clipped


def label_pieces(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Number the connected pieces, corners count as links: int64 (h, w), 0 is none.

    Runs of pixels along the rows are joined with the runs they touch in the row above until
    every run has the smallest number of its piece.
    """
    height, width = mask.shape
    # One column more than the mask, so that runs of different rows never meet at a row's end.
    row_length = width + 1
    padded = np.pad(mask, ((0, 0), (0, 1))).ravel().astype(np.int8)
    change = np.diff(padded, prepend=np.int8(0))
    starts, ends = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    first_above = np.searchsorted(ends, starts - row_length, side="left")
    after_above = np.searchsorted(starts, ends - row_length, side="right")
    lower, place = _spread(after_above - first_above)
    upper = first_above[lower] + place
    numbers = np.arange(len(starts))
    while True:
        smaller = numbers.copy()
        np.minimum.at(smaller, numbers[lower], numbers[upper])
        np.minimum.at(smaller, numbers[upper], numbers[lower])
        smaller = smaller[smaller[numbers]]
        if np.array_equal(smaller, numbers):
            break
        numbers = smaller
    labels = np.zeros(height * row_length, np.int64)
    run, place = _spread(ends - starts)
    labels[starts[run] + place] = 1 + np.unique(numbers, return_inverse=True)[1][run]
    return labels.reshape(height, row_length)[:, :width]


def _spread(lengths: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each place in ranges of these lengths: its range, and how far it is from the start."""
    owner = np.repeat(np.arange(len(lengths)), lengths)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths)


def local_max(field: NDArray[Any], reach: int) -> NDArray[Any]:
    """The largest value within `reach` pixels along rows and columns; (h, w) to (h, w), not < 0."""
    field = np.pad(field, reach)
    window = 1
    while window < 2 * reach + 1:
        step = min(window, 2 * reach + 1 - window)
        field = np.maximum(field[step:], field[:-step])
        field = np.maximum(field[:, step:], field[:, :-step])
        window += step
    return field


def pooled(field: NDArray[Any], cell: int, reduce: np.ufunc) -> NDArray[Any]:
    """One value for each cell of so many pixels, by `np.maximum` or `np.add`; edge cells too."""
    height, width = field.shape
    field = np.pad(field, ((0, -height % cell), (0, -width % cell)))
    rows = functools.reduce(reduce, [field[start::cell] for start in range(cell)])
    return np.asarray(functools.reduce(reduce, [rows[:, start::cell] for start in range(cell)]))


def closing(field: NDArray[np.uint8], reach: int) -> NDArray[np.uint8]:
    """Fill up what is dark and narrower than `2 * reach + 1`: uint8 (h, w) to (h, w).

    A greyscale closing by a square. The square may hang over the border, so that a dark corner or
    edge, however narrow, is not filled up.
    """
    raised = local_max(np.pad(field, reach), reach)
    return 255 - local_max(255 - raised, reach)[reach:-reach, reach:-reach]
