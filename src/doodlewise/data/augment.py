"""Drawings varied while they are drawn, in the pass that renders them.

Each drawing's variation follows from a seed of its own: the same epoch gives the same pixels,
whatever the batch size, the threads or the number of processes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..augment import Augment
from ..drawing import FRAME
from ..ragged import Ragged
from ..raster import RenderSpec
from ..raster_host import (
    copy_prefix,
    draw,
    kernel,
    known,
    place_points,
    planes_of,
    times_for,
)

__all__ = ["render_augmented", "scratch", "vary"]

_LINE_WIDTH = 11
"""Where `Augment.as_array` has it."""


def render_augmented(
    drawings: Ragged,
    spec: RenderSpec,
    augment: Augment,
    *,
    rows: NDArray[np.integer[Any]],
    seeds: NDArray[np.uint64],
    may_mirror: NDArray[np.bool_],
    out: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Draw these rows, varied: uint8 (rows, channels, side, side).

    Args:
        drawings: points as uint8 or float32, and times where the spec asks for them.
        spec: how they are drawn.
        augment: how much they vary.
        rows: which.
        seeds: uint64 (rows,); the same seed gives the same variation.
        may_mirror: bool (rows,), whether the word allows it.
        out: filled and returned when given.
    """
    if out is None:
        out = np.empty((len(rows), *spec.image_shape), np.uint8)
    _render_augmented(
        drawings.points,
        times_for(drawings, spec),
        drawings.stroke_lengths,
        drawings.stroke_offsets,
        drawings.point_offsets,
        np.asarray(rows, dtype=np.int64),
        seeds,
        may_mirror,
        augment.as_array(),
        np.float32(spec.pixels_per_unit),
        np.float32(spec.half_width),
        planes_of(spec),
        out,
    )
    return out


@kernel
def _render_augmented(
    points: Any,
    times: Any,
    stroke_lengths: Any,
    stroke_offsets: Any,
    point_offsets: Any,
    rows: Any,
    seeds: Any,
    may_mirror: Any,
    amounts: Any,
    pixels_per_unit: Any,
    half_width: Any,
    planes: Any,
    out: Any,
) -> None:
    side = out.shape[2]
    one = np.float32(1.0)
    line_width = amounts[_LINE_WIDTH]
    x, y, t, lengths = scratch(stroke_offsets, point_offsets, rows)
    work, shares = np.empty((side, side), np.float32), np.empty_like(x)
    state = np.empty(1, np.uint64)
    for i in range(len(rows)):
        row = rows[i]
        state[0] = seeds[i]
        own_points = points[point_offsets[row] : point_offsets[row + 1]]
        own_times = known(times, point_offsets[row], point_offsets[row + 1])
        own_lengths = stroke_lengths[stroke_offsets[row] : stroke_offsets[row + 1]]
        kept_points, kept_strokes = vary(
            own_points,
            own_times,
            own_lengths,
            may_mirror[i],
            amounts,
            pixels_per_unit,
            side,
            x,
            y,
            t,
            lengths,
            state,
        )
        pen = half_width * (one + line_width * _either_side(state))
        n_times = kept_points if len(own_times) > 0 else 0
        draw(x, y, t[:n_times], lengths[:kept_strokes], pen, planes, work, shares, out[i])


@kernel
def scratch(stroke_offsets: Any, point_offsets: Any, rows: Any) -> Any:
    """x, y and t, float32, and stroke lengths, int32, with room for any of these rows."""
    most_points, most_strokes = 1, 1
    for row in rows:
        most_points = max(most_points, point_offsets[row + 1] - point_offsets[row])
        most_strokes = max(most_strokes, stroke_offsets[row + 1] - stroke_offsets[row])
    # A stroke that is cut ends in a point of its own, hence one more.
    x, y = np.empty(most_points + 1, np.float32), np.empty(most_points + 1, np.float32)
    return x, y, np.empty(most_points + 1, np.float32), np.empty(most_strokes, np.int32)


@kernel
def vary(
    points: Any,
    times: Any,
    own_lengths: Any,
    may_mirror: Any,
    amounts: Any,
    pixels_per_unit: Any,
    side: Any,
    x: Any,
    y: Any,
    t: Any,
    lengths: Any,
    state: Any,
) -> tuple[int, int]:
    """Vary one drawing and place it on a canvas; how many points and strokes are left.

    The same state gives the same variation on a canvas of any size.

    Args:
        points: (points, 2), of the drawing.
        times: (points,), or (0,) where they are not known.
        own_lengths: (strokes,), points of each stroke.
        may_mirror: whether the word allows it.
        amounts: of `Augment.as_array`.
        pixels_per_unit: of the canvas.
        side: of the canvas, pixels.
        x: filled with the points, in pixels.
        y: likewise.
        t: filled with the times, if there are any, which do not vary.
        lengths: filled with the stroke lengths.
        state: (1,), of the random numbers.
    """
    (rotate, shear, stretch, zoom, shift, stroke_shift, stroke_zoom) = amounts[:7]
    (point_jitter, drop, prefix, prefix_min, _, mirror) = amounts[7:]
    one, half = np.float32(1.0), np.float32(0.5)
    share = one
    if _uniform(state) < prefix:
        share = prefix_min + (one - prefix_min) * _uniform(state)
    n_strokes = copy_prefix(points, times, own_lengths, share, x, y, t, lengths)
    has_times = len(times) > 0
    kept_points, kept_strokes = _drop_strokes(x, y, t, has_times, lengths, n_strokes, drop, state)
    unit = _to_origin(x[:kept_points], y[:kept_points]) / np.float32(FRAME)
    _vary_strokes(
        x,
        y,
        lengths[:kept_strokes],
        stroke_shift * unit,
        stroke_zoom,
        point_jitter * unit,
        state,
    )
    angle = _either_side(state) * rotate * np.float32(np.pi / 180.0)
    slant = _either_side(state) * shear
    wider = np.float32(np.exp(_either_side(state) * stretch * half))
    flip = -one if may_mirror and _uniform(state) < mirror else one
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    for p in range(kept_points):
        u = flip * wider * (x[p] + slant * y[p])
        v = y[p] / wider
        x[p], y[p] = cos * u - sin * v, sin * u + cos * v
    place_points(x[:kept_points], y[:kept_points], pixels_per_unit, side)
    size = one + zoom * _either_side(state)
    move_x = shift * pixels_per_unit * _either_side(state)
    move_y = shift * pixels_per_unit * _either_side(state)
    centre = np.float32(side) * half
    for p in range(kept_points):
        x[p] = (x[p] - centre) * size + centre + move_x
        y[p] = (y[p] - centre) * size + centre + move_y
    return kept_points, kept_strokes


@kernel
def _drop_strokes(
    x: Any,
    y: Any,
    t: Any,
    has_times: Any,
    lengths: Any,
    n_strokes: Any,
    drop: Any,
    state: Any,
) -> tuple[int, int]:
    """Leave out strokes by chance, moving the others up; how many points and strokes are left."""
    kept_points, kept_strokes, first = 0, 0, 0
    for stroke in range(n_strokes):
        length = lengths[stroke]
        is_last_chance = kept_strokes == 0 and stroke == n_strokes - 1
        if is_last_chance or _uniform(state) >= drop:
            for p in range(first, first + length):
                x[kept_points], y[kept_points] = x[p], y[p]
                if has_times:
                    t[kept_points] = t[p]
                kept_points += 1
            lengths[kept_strokes] = length
            kept_strokes += 1
        first += length
    return kept_points, kept_strokes


@kernel
def _to_origin(x: Any, y: Any) -> Any:
    """Move points so that their box begins at 0, 0; the longer side of the box."""
    low_x, low_y = x[0], y[0]
    for p in range(len(x)):
        low_x, low_y = min(low_x, x[p]), min(low_y, y[p])
    extent = np.float32(0.0)
    for p in range(len(x)):
        x[p] -= low_x
        y[p] -= low_y
        extent = max(extent, x[p], y[p])
    return extent


@kernel
def _vary_strokes(
    x: Any, y: Any, lengths: Any, shift: Any, zoom: Any, jitter: Any, state: Any
) -> None:
    """Move and scale each stroke about its middle, and move each point, by normal amounts."""
    first = 0
    for length in lengths:
        last = first + length
        middle_x, middle_y = np.float32(0.0), np.float32(0.0)
        for p in range(first, last):
            middle_x += x[p]
            middle_y += y[p]
        middle_x /= np.float32(length)
        middle_y /= np.float32(length)
        size = np.float32(1.0) + zoom * _normal(state)
        move_x = middle_x + shift * _normal(state)
        move_y = middle_y + shift * _normal(state)
        for p in range(first, last):
            x[p] = (x[p] - middle_x) * size + move_x + jitter * _normal(state)
            y[p] = (y[p] - middle_y) * size + move_y + jitter * _normal(state)
        first = last


@kernel
def _bits(state: Any) -> Any:
    """The next 64 random bits (splitmix64; Steele, Lea and Flood, OOPSLA 2014)."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@kernel
def _uniform(state: Any) -> Any:
    """Even from 0 to 1, 1 excluded."""
    return np.float32(_bits(state) >> np.uint64(40)) * np.float32(2.0**-24)


@kernel
def _either_side(state: Any) -> Any:
    """Even from -1 to 1."""
    return np.float32(2.0) * _uniform(state) - np.float32(1.0)


@kernel
def _normal(state: Any) -> Any:
    """Mean 0, standard deviation 1: a sum of four even 16-bit numbers, close enough and quick."""
    bits = _bits(state)
    mask = np.uint64(0xFFFF)
    total = np.float32(0.0)
    for part in range(4):
        total += np.float32((bits >> np.uint64(16 * part)) & mask)
    return (total * np.float32(2.0**-16) - np.float32(2.0)) * np.float32(1.7320508)
