"""What a picture is like: where its outlines run, in which direction, without any training.

Histograms of oriented gradients (Dalal and Triggs, CVPR 2005) on two grids; directions are told
apart over the full turn, so that ink to the left of paper differs from ink to the right.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["outlines", "principal"]

_GRIDS = (7, 4)
"""Cells along a side, on either grid."""
_DIRECTIONS = 12
_FAINT = 0.05
"""Gradients this weak, beside those around them, count for little."""
_AT_ONCE = 2_048


def outlines(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Features of grey pictures: uint8 (n, side, side) to float32 (n, features)."""
    parts = [
        _outlines(pictures[first : first + _AT_ONCE])
        for first in range(0, max(len(pictures), 1), _AT_ONCE)
    ]
    return np.concatenate(parts)


def principal(
    features: NDArray[np.float32], n_axes: int
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Features along the axes on which they vary most (PCA).

    Returns:
        float32 (n, axes), and the share of the variance on each axis. Signs are fixed so that the
        largest part of each axis is positive.
    """
    centred = features - features.mean(axis=0)
    variances, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    variances, axes = variances[::-1], axes[:, ::-1][:, :n_axes]
    largest = np.abs(axes).argmax(axis=0)
    axes = axes * np.where(axes[largest, np.arange(axes.shape[1])] < 0, -1.0, 1.0)
    total = max(float(variances.sum()), 1e-12)
    return centred @ axes.astype(np.float32), np.maximum(variances[:n_axes], 0.0) / total


def _outlines(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    light = pictures.astype(np.float32) / 255.0
    across, down = np.zeros_like(light), np.zeros_like(light)
    across[:, :, 1:-1] = light[:, :, 2:] - light[:, :, :-2]
    down[:, 1:-1] = light[:, 2:] - light[:, :-2]
    strength = np.hypot(across, down)
    direction = np.arctan2(down, across) * np.float32(_DIRECTIONS / (2 * np.pi))
    below = np.floor(direction)
    part = direction - below
    below = below.astype(np.int32) % _DIRECTIONS
    above = (below + 1) % _DIRECTIONS
    grids = [np.empty((len(light), _DIRECTIONS, cells, cells), np.float32) for cells in _GRIDS]
    tents = [_tents(light.shape[1], cells) for cells in _GRIDS]
    for each in range(_DIRECTIONS):
        own = strength * ((below == each) * (1 - part) + (above == each) * part)
        for grid, tent in zip(grids, tents, strict=True):
            grid[:, each] = tent @ own @ tent.T
    return np.concatenate([_evened(grid).reshape(len(light), -1) for grid in grids], axis=1)


def _tents(side: int, cells: int) -> NDArray[np.float32]:
    """How much each pixel of a line counts for each cell: float32 (cells, side)."""
    width = side / cells
    middles = (np.arange(cells) + 0.5) * width - 0.5
    away = np.abs(np.arange(side) - middles[:, None]) / width
    return np.maximum(0.0, 1.0 - away).astype(np.float32)


def _evened(grid: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divided by the strength in the cells around, so that faint outlines count like bold ones."""
    energy = np.pad((grid**2).sum(axis=1), ((0, 0), (1, 1), (1, 1)), mode="edge")
    cells = grid.shape[2]
    around = sum(
        energy[:, y : y + cells, x : x + cells] for y in range(3) for x in range(3)
    ) + np.float32(_FAINT)
    return np.sqrt(grid / np.sqrt(around)[:, None])
