"""Ink as a picture shows it becomes the pixels that `raster.render` would have made of its strokes.

A picture has the width of its own pen and its own place on the paper; what it shares with the
drawing is the *centre line* of its strokes. How far a point lies from the centre line can be told
from the edge of the ink: half a pen width less inside, half a pen width more outside. With these
distances the picture is placed like the points of a drawing and inked by the ramp of `raster`,
now with the pen of the RenderSpec. Filled shapes and lines that have run together stay filled.

Where a line is thinner than the usual one, distances from the edge would make it thinner still,
or nothing. There the centre line is found by thinning (by directions: A. Rosenfeld, "A
characterization of parallel thinning algorithms", 1975) and inked for itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..drawing import FRAME
from ..raster import RenderSpec
from .pixelgrid import distances, local_max

__all__ = ["Framed", "frame_ink"]

DETAIL = 8
"""Pixels of the working image to one of the model: its steps must not show in the result."""
SMALLEST_WORK, LARGEST_WORK = 224, 640
"""Bounds of the longer side of the ink in the working image, pixels."""
MARGIN = 2
"""Pixels of paper around the ink, both before and after it is resized."""
WIDEST_LINE = 0.22
"""A line wider than this share of the drawing is not a line but a filled shape."""
SOLID = 0.4
"""Ink of which this share is deeper than half the widest line is not of lines."""
LARGEST_DOT = 0.16
"""Ink that is no line is a dot up to this share of the picture, and a filled shape above."""
THIN = 0.8
"""A line below this share of the usual width is inked from its thinned centre line."""


@dataclass(frozen=True, eq=False, slots=True)
class Framed:
    """A drawing as the network was trained to see it.

    Attributes:
        pixels: uint8 (side, side), 0 is paper, 255 is ink.
        line_width: width of the usual line before, in pixels of the ink that was given.
        narrow_width: likewise, but a fifth of the lines is narrower; where lines have run
            together, this is nearer to the pen.
        box: left, top, right, bottom of the ink at half its strength, in pixels of the ink.
        kind: strokes of a pen, one filled shape, or a dot.
        deep: share of the ink that is deeper than a line can be that is twice as wide as narrow
            lines are.
    """

    pixels: NDArray[np.uint8]
    line_width: float
    narrow_width: float
    box: NDArray[np.float64]
    kind: Literal["strokes", "shape", "dot"]
    deep: float


def frame_ink(ink: NDArray[np.float32], spec: RenderSpec, picture_side: int) -> Framed:
    """Ink a picture of a drawing again, placed and with the pen of the RenderSpec.

    Args:
        ink: float32 (h, w), 0 is paper, about 1 is ink, cut to the box of the ink.
        spec: what the network was trained on.
        picture_side: longer side of the whole picture, in pixels of `ink`; tells a dot from a
            filled shape.
    """
    work = min(max(DETAIL * spec.side, SMALLEST_WORK), LARGEST_WORK)
    scale = work / max(ink.shape)
    grey = _resized(ink, scale)
    mask, depth, half, narrow = _measured(grey, 0.5, scale, work)
    if 2.0 * half < 1.3 * scale:
        # A line this thin rarely fills a pixel, so half a pixel is too much to ask.
        mask, depth, half, narrow = _measured(grey, 0.38, scale, work)
    box = np.array([np.flatnonzero(mask.any(axis=axis))[[0, -1]] for axis in (0, 1)])
    longer = float(np.ptp(box, axis=1).max()) + 1.0
    model_per_work = FRAME * spec.pixels_per_unit / max(longer - 2.0 * half, 1.0)
    kind: Literal["strokes", "shape", "dot"] = "strokes"
    if 2.0 * half > WIDEST_LINE * longer:
        if longer / scale <= LARGEST_DOT * picture_side:
            kind = "dot"
            half = float(np.sqrt(mask.sum() / np.pi))
            model_per_work = spec.half_width / half
        else:
            kind = "shape"
            half = 0.5 * longer * spec.line_width / (FRAME + spec.line_width)
            model_per_work = FRAME * spec.pixels_per_unit / (longer - 2.0 * half)
    line_width = 2.0 * half / scale
    away, pad = _distances_from_line(mask, depth, half, spec, model_per_work)
    grid = (np.arange(spec.side) + 0.5 - 0.5 * spec.side) / model_per_work
    x, y = box.mean(axis=1)
    nearest = _sampled(away, grid + y + pad, grid + x + pad) * model_per_work
    covered = np.clip(spec.half_width + 0.5 - nearest, 0.0, 1.0)
    return Framed(
        pixels=np.floor(covered * 255.0 + 0.5).astype(np.uint8),
        line_width=line_width,
        narrow_width=2.0 * narrow / scale,
        box=(np.add(box.T, ((0, 0), (1, 1))).ravel() - MARGIN) / scale - MARGIN,
        kind=kind,
        deep=float((depth > 2.0 * narrow + 1.0).sum() / mask.sum()),
    )


def _resized(ink: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """Ink on the working grid, paper around it: averaged if it shrinks, smooth if it grows."""
    around = Image.fromarray(np.pad(ink, MARGIN))
    size = (max(1, round(around.width * scale)), max(1, round(around.height * scale)))
    method = Image.Resampling.BOX if scale < 1.0 else Image.Resampling.BICUBIC
    return np.pad(np.asarray(around.resize(size, method)), MARGIN)


def _measured(
    grey: NDArray[np.float32], level: float, scale: float, work: int
) -> tuple[NDArray[np.bool_], NDArray[np.float32], float, float]:
    """What is ink at this share of the strongest ink nearby, how deep it is, half the line width.

    Half the width of the usual and of narrow lines is the depth of most and of a fifth of the
    ridges of the ink. Depth is measured to the middle of a pixel, and lines of an even number of
    pixels have no pixel in the middle, which together make a quarter of a pixel.
    """
    nearby = local_max(grey, round(2.0 * max(scale, 1.0)))
    strongest = np.maximum(nearby, 0.3 * nearby.max())
    mask = grey > level * strongest
    reach = 0.5 * WIDEST_LINE * work + 2.0
    depth = distances(~mask, reach)
    inner = depth[1:-1, 1:-1]
    if (depth >= reach).sum() > SOLID * mask.sum():
        return mask, depth, reach, reach
    ridge = mask[1:-1, 1:-1] & (inner < reach)
    height, width = depth.shape
    for dy, dx in _NEIGHBOURS:
        ridge &= inner >= depth[1 + dy : height - 1 + dy, 1 + dx : width - 1 + dx]
    if not ridge.any():
        return mask, depth, reach, reach
    half, narrow = np.percentile(inner[ridge], (50, 20)) - 0.25
    return mask, depth, float(half), float(narrow)


def _distances_from_line(
    mask: NDArray[np.bool_],
    depth: NDArray[np.float32],
    half: float,
    spec: RenderSpec,
    model_per_work: float,
) -> tuple[NDArray[np.floating[Any]], int]:
    """From each pixel to the centre line, as far as the new pen reaches, and the margin added."""
    reach = (spec.half_width + 0.5) / model_per_work + 2.0
    pad = int(np.ceil(reach)) + 1
    outside = distances(np.pad(mask, pad), reach)
    inside = np.minimum(np.pad(depth, pad), half + 1.0)
    # Edges lie half a pixel from the middle of the pixel next to them.
    away = np.where(outside > 0.0, half + outside - 0.5, half - inside + 0.5)
    thin = _thinned(mask, depth, half)
    if thin.any():
        away = np.minimum(away, distances(np.pad(thin, pad), reach))
    return away, pad


_NEIGHBOURS = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
"""North, then clockwise: the bits in the number of a neighbourhood."""


def _deletable() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Of 256 neighbourhoods: in which the pixel links nothing; and is not the end of a line."""
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    paper = 1 - bits
    links = np.zeros(256, np.int64)
    for side in (0, 2, 4, 6):
        corner, next_side = side + 1, (side + 2) % 8
        links += paper[:, side] - paper[:, side] * paper[:, corner] * paper[:, next_side]
    links_nothing = links == 1
    return links_nothing, links_nothing & (bits.sum(axis=1) >= 2)


_LINKS_NOTHING, _LINKS_NOTHING_AND_IS_NO_END = _deletable()


def _thinned(mask: NDArray[np.bool_], depth: NDArray[np.float32], half: float) -> NDArray[np.bool_]:
    """Centre lines, one pixel wide, of the lines that are thinner than the usual line.

    Pixels are peeled off from each side in turn unless that would break or shorten a line. What
    is about as deep as the usual line stays out of it; a ragged edge is not deep enough to count
    as the end of a line, and so grows no hair.
    """
    width = mask.shape[1]
    steps = [dy * width + dx for dy, dx in _NEIGHBOURS]
    left = mask.ravel().copy()
    is_usual = (depth > THIN * half).ravel()
    may_be_end = (depth > 0.6 * THIN * half).ravel()
    changed = True
    while changed:
        changed = False
        for side in (0, 4, 2, 6):
            at = np.flatnonzero(left & ~is_usual)
            at = at[~left[at + steps[side]]]
            around = np.zeros(len(at), np.uint8)
            for bit, step in enumerate(steps):
                around |= left[at + step].view(np.uint8) << np.uint8(bit)
            goes = at[
                np.where(
                    may_be_end[at], _LINKS_NOTHING_AND_IS_NO_END[around], _LINKS_NOTHING[around]
                )
            ]
            left[goes] = False
            changed = changed or len(goes) > 0
    return (left & ~is_usual).reshape(mask.shape)


def _sampled(
    field: NDArray[np.floating[Any]], rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.floating[Any]]:
    """Values of a field between its pixels, on the grid of these rows and columns."""
    rows = np.clip(rows, 0.0, field.shape[0] - 1.001)
    columns = np.clip(columns, 0.0, field.shape[1] - 1.001)
    top, start = rows.astype(np.int64), columns.astype(np.int64)
    down, right = (rows - top)[:, None], columns - start
    between = field[top] * (1.0 - down) + field[top + 1] * down
    sampled: NDArray[np.floating[Any]] = (
        between[:, start] * (1.0 - right) + between[:, start + 1] * right
    )
    return sampled
