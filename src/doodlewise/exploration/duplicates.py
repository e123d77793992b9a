"""Rows that are the same picture, or nearly: copied, saved again, moved by a pixel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..data.rows import Rows
from ..errors import MissingExtraError
from .findings import Pair
from .likeness import principal
from .sample import row_shown

__all__ = ["NEAR", "find_duplicates", "near_pairs"]

NEAR = 0.04
"""Distance up to which two pictures are nearly the same. Copies with noise, moved by a pixel or
saved again come to 0.02 at most; of 5,597 real animals no two are closer than 0.08, and of 19,800
bitmaps of 60 words only straight lines are closer than this."""
SHOWN = 48
_AXES = 32
_NEIGHBOURS = 10
_AT_ONCE = 4_096


def find_duplicates(
    rows: Rows,
    contents: NDArray[np.uint64],
    thumbnails: NDArray[np.uint8],
    classes: Sequence[str],
) -> tuple[list[Pair], int]:
    """Pairs of rows that are equal or nearly, and how many rows are a copy of an earlier one.

    At most 48 pairs: those with two different words first, then the nearest.

    Args:
        rows: that are compared.
        contents: uint64 (rows,), equal for equal pixels.
        thumbnails: uint8 (rows, side, side), grey.
        classes: words of the rows' labels.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    _, first, group = np.unique(contents, return_index=True, return_inverse=True)
    copies = np.flatnonzero(first[group] != np.arange(len(rows)))
    exact = np.stack([first[group[copies]], copies], axis=1)
    singles = np.sort(first)
    near, distances = near_pairs(thumbnails[singles])
    pairs = np.concatenate([exact, singles[near]])
    distances = np.concatenate([np.zeros(len(exact), np.float32), distances])
    is_exact = np.arange(len(pairs)) < len(exact)
    same_word = rows.labels[pairs[:, 0]] == rows.labels[pairs[:, 1]]
    order = np.lexsort((pairs[:, 0], ~is_exact, distances, same_word))[:SHOWN]
    shown = [
        Pair(
            first=row_shown(rows, int(pairs[index, 0]), classes),
            second=row_shown(rows, int(pairs[index, 1]), classes),
            distance=float(distances[index]),
            is_exact=bool(is_exact[index]),
        )
        for index in order
    ]
    return shown, len(np.unique(pairs[:, 1]))


def near_pairs(
    thumbnails: NDArray[np.uint8], near: float = NEAR
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Pictures that are nearly the same: int64 (pairs, 2), the earlier first, and distances.

    The distance is 1 minus the correlation of the pixels, at the best of nine shifts by up to one
    pixel. Only the few nearest of each picture, by blurred pixels, are measured.

    Args:
        thumbnails: uint8 (n, side, side), grey.
        near: the largest distance.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    try:
        from sklearn.neighbors import NearestNeighbors
    except ImportError:
        raise MissingExtraError("scikit-learn", "train") from None
    n = len(thumbnails)
    if n < 2:
        return np.zeros((0, 2), np.int64), np.zeros(0, np.float32)
    blurred = _unit(_blurred(thumbnails).reshape(n, -1))
    axes, _ = principal(blurred, min(_AXES, blurred.shape[1]))
    search = NearestNeighbors(n_neighbors=min(_NEIGHBOURS, n), algorithm="brute").fit(axes)
    neighbours = search.kneighbors(axes, return_distance=False)
    pairs = np.stack([np.repeat(np.arange(n), neighbours.shape[1]), neighbours.ravel()], axis=1)
    pairs = np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1), axis=0)
    distances = np.concatenate(
        [
            _distances(thumbnails, pairs[first : first + _AT_ONCE])
            for first in range(0, len(pairs), _AT_ONCE)
        ]
    )
    return pairs[distances <= near], distances[distances <= near]


def _distances(thumbnails: NDArray[np.uint8], pairs: NDArray[np.int64]) -> NDArray[np.float32]:
    """1 minus the correlation, at the best shift: float32 (pairs,)."""
    side = thumbnails.shape[1]
    one, two = thumbnails[pairs[:, 0]], thumbnails[pairs[:, 1]]
    middle = _unit(one[:, 1:-1, 1:-1].reshape(len(pairs), -1).astype(np.float32))
    best = np.zeros(len(pairs), np.float32)
    for y in range(3):
        for x in range(3):
            moved = two[:, y : y + side - 2, x : x + side - 2].reshape(len(pairs), -1)
            alike = (middle * _unit(moved.astype(np.float32))).sum(axis=1)
            np.maximum(best, alike, out=best)
    return np.maximum(np.float32(0.0), 1 - best)


def _unit(flat: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each row with mean 0 and length 1; 0 where nothing varies."""
    centred: NDArray[np.float32] = flat - flat.mean(axis=1, keepdims=True)
    centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-6)
    return centred


def _blurred(thumbnails: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Smoothed by 1-2-1 in both directions, three times."""
    smooth = thumbnails.astype(np.float32)
    for _ in range(3):
        for axis in (1, 2):
            smooth = (
                np.roll(smooth, 1, axis) + 2 * smooth + np.roll(smooth, -1, axis)
            ) / np.float32(4.0)
    return smooth
