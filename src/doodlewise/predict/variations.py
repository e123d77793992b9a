"""An example seen in mild variations, as other hands would have drawn it.

Drawings vary as strokes, so that lines stay as sharp and as wide as the network knows them; some
variations are only the beginning of the drawing, so that words are guessed while one draws.
Pictures vary in the pixels that the network sees.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..drawing import Drawing

__all__ = ["vary_drawing", "vary_pixels"]

ROTATE = 10.0
"""Largest rotation, degrees."""
SHEAR = 0.12
"""Largest shear, as a share of the height."""
STRETCH = 0.15
"""Largest change of the aspect ratio, as a share."""
STROKE_SHIFT, POINT_JITTER = 0.012, 0.006
"""Standard deviations of the move of each stroke, and of each point, as shares of the size."""
BEGINNINGS = 4
"""Of every so many variations one is the beginning of the drawing only."""
LEAST_INK, MOST_INK = 0.5, 0.9
"""Share of the ink in such a one."""
SHIFT, ZOOM = 0.05, 0.08
"""Largest move of a picture and largest change of its size, as shares of the side."""


def vary_drawing(drawing: Drawing, n: int, rng: np.random.Generator) -> list[Drawing]:
    """The drawing, and `n` variations of it.

    Size and place stay out of it: drawings are brought to the same ones before they are seen.
    """
    varied = [drawing]
    for number in range(1, n + 1):
        part = drawing
        if number % BEGINNINGS == 0:
            part = drawing.prefix(rng.uniform(LEAST_INK, MOST_INK))
        points = part.points.astype(np.float64)
        points -= points.min(axis=0)
        points /= points.max() or 1.0
        points = points @ _shape(rng).T
        moves = rng.normal(scale=STROKE_SHIFT, size=(part.n_strokes, 2))
        points += np.repeat(moves, part.lengths, axis=0)
        points += rng.normal(scale=POINT_JITTER, size=points.shape)
        varied.append(replace(part, points=(255.0 * points).astype(np.float32), times=None))
    return varied


def vary_pixels(
    pixels: NDArray[np.uint8], n: int, rng: np.random.Generator, *, is_ink: bool
) -> NDArray[np.uint8]:
    """The image, and `n` variations of it: uint8 (n + 1, channels, height, width).

    Args:
        pixels: (channels, height, width).
        n: how many.
        rng: makes them.
        is_ink: whether there is paper (0) around it; the rim of a photo goes on outside.
    """
    varied = np.empty((n + 1, *pixels.shape), np.uint8)
    varied[0] = pixels
    for number in range(1, n + 1):
        zoom = np.exp(rng.uniform(-ZOOM, ZOOM))
        shift = rng.uniform(-SHIFT, SHIFT, 2) * max(pixels.shape[1:])
        varied[number] = _warped(pixels, _shape(rng) * zoom, shift, is_ink)
    return varied


def _shape(rng: np.random.Generator) -> NDArray[np.float64]:
    """A random rotation, shear and stretch of x and y: (2, 2)."""
    angle = np.radians(rng.uniform(-ROTATE, ROTATE))
    shear = rng.uniform(-SHEAR, SHEAR)
    wider = np.exp(rng.uniform(-STRETCH, STRETCH) / 2.0)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(turn @ np.array([[wider, wider * shear], [0.0, 1.0 / wider]]))


def _warped(
    pixels: NDArray[np.uint8],
    shape: NDArray[np.float64],
    shift: NDArray[np.float64],
    is_ink: bool,
) -> NDArray[np.uint8]:
    """Bilinear, around the centre; the shape says where each new pixel is looked up."""
    _, height, width = pixels.shape
    rows, columns = np.mgrid[:height, :width].astype(np.float64)
    middle = np.array([(width - 1) / 2.0, (height - 1) / 2.0])
    at = np.stack([columns, rows], axis=-1) - middle
    at = at @ shape.T + middle + shift
    # A rim of paper around it, or the outermost pixels once more.
    padded = np.pad(pixels, ((0, 0), (1, 1), (1, 1)), "constant" if is_ink else "edge")
    x = np.clip(at[..., 0] + 1.0, 0.0, width + 1.0)
    y = np.clip(at[..., 1] + 1.0, 0.0, height + 1.0)
    left = np.minimum(x.astype(np.int64), width)
    top = np.minimum(y.astype(np.int64), height)
    right, down = x - left, y - top
    upper = padded[:, top, left] * (1 - right) + padded[:, top, left + 1] * right
    lower = padded[:, top + 1, left] * (1 - right) + padded[:, top + 1, left + 1] * right
    levels = upper * (1 - down) + lower * down
    return np.asarray(np.rint(levels), np.uint8)
