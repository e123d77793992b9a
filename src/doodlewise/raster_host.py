"""The rasteriser compiled for the CPU: same pixels as `raster`, about a thousand times faster.

The kernels hold no lock while they run, so threads draw side by side. They are compiled at the
first call and kept on disk by Numba; later processes load them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .drawing import FRAME
from .ragged import Ragged
from .raster import CHANNELS, FAINTEST, FITTED_FROM, SHORT, RenderSpec

__all__ = [
    "NO_TIMES",
    "copy_prefix",
    "draw",
    "fast_kernel",
    "ink",
    "kernel",
    "known",
    "place_points",
    "planes_of",
    "render_rows",
    "times_for",
]

_LONG = np.float32(8.0)
"""Pixels: of shorter lines, looking for the near part of a row takes longer than it saves."""
_FAR = np.float32(1e9)
_INK, _ORDER, _TIME = range(len(CHANNELS))
_FAINTEST, _SHORT = np.float32(FAINTEST), np.float32(SHORT)
NO_TIMES: NDArray[np.float32] = np.zeros(0, np.float32)
"""For a kernel, instead of times that are not known, or that nobody asks for."""

F = TypeVar("F", bound=Callable[..., Any])

kernel: Callable[[F], F] = njit(nogil=True, cache=True)
"""Compiles a function; its type stays."""

fast_kernel: Callable[[F], F] = njit(nogil=True, cache=True, fastmath={"contract", "arcp", "nsz"})


def render_rows(
    drawings: Ragged,
    spec: RenderSpec,
    rows: NDArray[np.integer[Any]] | None = None,
    *,
    share: float = 1.0,
    out: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Draw these rows (all when None): uint8 (rows, channels, side, side), 0 is paper.

    Args:
        drawings: points as uint8 or float32, and times where the spec asks for them.
        spec: how.
        rows: which, in which order.
        share: draw only this share of the ink, from the beginning, as `Drawing.prefix` cuts it.
        out: filled and returned when given.
    """
    if rows is None:
        rows = np.arange(len(drawings))
    if out is None:
        out = np.empty((len(rows), *spec.image_shape), np.uint8)
    _render_rows(
        drawings.points,
        times_for(drawings, spec),
        drawings.stroke_lengths,
        drawings.stroke_offsets,
        drawings.point_offsets,
        np.asarray(rows, dtype=np.int64),
        np.float32(spec.pixels_per_unit),
        np.float32(spec.half_width),
        np.float32(share),
        planes_of(spec),
        out,
    )
    return out


def planes_of(spec: RenderSpec) -> NDArray[np.int64]:
    """The channels of images, as kernels know them."""
    return np.array([CHANNELS.index(channel) for channel in spec.channels])


def times_for(drawings: Ragged, spec: RenderSpec) -> NDArray[np.float32]:
    """The times of drawings for a kernel, none where the images do not show them."""
    return drawings.times if drawings.times is not None and "time" in spec.channels else NO_TIMES


@kernel
def _render_rows(
    points: Any,
    times: Any,
    stroke_lengths: Any,
    stroke_offsets: Any,
    point_offsets: Any,
    rows: Any,
    pixels_per_unit: Any,
    half_width: Any,
    share: Any,
    planes: Any,
    out: Any,
) -> None:
    most_points, most_strokes = 1, 1
    for row in rows:
        most_points = max(most_points, point_offsets[row + 1] - point_offsets[row])
        most_strokes = max(most_strokes, stroke_offsets[row + 1] - stroke_offsets[row])
    # A stroke that is cut ends in a point of its own, hence one more.
    x, y = np.empty(most_points + 1, np.float32), np.empty(most_points + 1, np.float32)
    t, shares = np.empty(most_points + 1, np.float32), np.empty(most_points + 1, np.float32)
    lengths = np.empty(most_strokes, np.int32)
    side = out.shape[2]
    work = np.empty((side, side), np.float32)
    for i in range(len(rows)):
        row = rows[i]
        own_points = points[point_offsets[row] : point_offsets[row + 1]]
        own_times = known(times, point_offsets[row], point_offsets[row + 1])
        own_lengths = stroke_lengths[stroke_offsets[row] : stroke_offsets[row + 1]]
        n_strokes = copy_prefix(own_points, own_times, own_lengths, share, x, y, t, lengths)
        n_points = 0
        for stroke in range(n_strokes):
            n_points += lengths[stroke]
        place_points(x[:n_points], y[:n_points], pixels_per_unit, side)
        n_times = n_points if len(own_times) > 0 else 0
        draw(x, y, t[:n_times], lengths[:n_strokes], half_width, planes, work, shares, out[i])


@kernel
def known(times: Any, first: Any, last: Any) -> Any:
    """The times of one drawing; none where they are not known."""
    if len(times) == 0 or np.isnan(times[first]):
        return times[:0]
    return times[first:last]


@kernel
def copy_prefix(
    points: Any, times: Any, own_lengths: Any, share: Any, x: Any, y: Any, t: Any, lengths: Any
) -> int:
    """Copy the first share of the ink of one drawing into x, y, t and lengths; how many strokes.

    Without times nothing is written into t.
    """
    has_times = len(times) > 0
    if share >= np.float32(1.0):
        for p in range(len(points)):
            x[p], y[p] = np.float32(points[p, 0]), np.float32(points[p, 1])
        for p in range(len(times)):
            t[p] = times[p]
        lengths[: len(own_lengths)] = own_lengths
        return len(own_lengths)
    total = 0.0
    first = 0
    for length in own_lengths:
        for p in range(first + 1, first + length):
            total += _step(points, p)
        first += length
    budget = np.float64(share) * total
    n_points, first = 0, 0
    for stroke in range(len(own_lengths)):
        begin = n_points
        for p in range(first, first + own_lengths[stroke]):
            x[n_points], y[n_points] = np.float32(points[p, 0]), np.float32(points[p, 1])
            if has_times:
                t[n_points] = times[p]
            if p > first:
                step = _step(points, p)
                if step > budget:
                    part = budget / step
                    x[n_points] = x[n_points - 1] + part * (x[n_points] - x[n_points - 1])
                    y[n_points] = y[n_points - 1] + part * (y[n_points] - y[n_points - 1])
                    if has_times:
                        t[n_points] = t[n_points - 1] + part * (t[n_points] - t[n_points - 1])
                    lengths[stroke] = n_points + 1 - begin
                    return stroke + 1
                budget -= step
            n_points += 1
        lengths[stroke] = n_points - begin
        first += own_lengths[stroke]
    return len(own_lengths)


@kernel
def _step(points: Any, p: Any) -> Any:
    """Length of the line to point p from the one before."""
    dx = np.float64(points[p, 0]) - np.float64(points[p - 1, 0])
    dy = np.float64(points[p, 1]) - np.float64(points[p - 1, 1])
    return np.sqrt(dx * dx + dy * dy)


@kernel
def place_points(x: Any, y: Any, pixels_per_unit: Any, side: Any) -> None:
    """Steps 1 and 2 of `raster`, in place: points of one drawing into pixels."""
    low_x, high_x, low_y, high_y = x[0], x[0], y[0], y[0]
    for p in range(len(x)):
        low_x, high_x = min(low_x, x[p]), max(high_x, x[p])
        low_y, high_y = min(low_y, y[p]), max(high_y, y[p])
    # In float64, so that far, huge and tiny drawings lose nothing.
    width, height = np.float64(high_x) - low_x, np.float64(high_y) - low_y
    extent = max(width, height)
    scale = np.float64(pixels_per_unit)
    if extent > 0.0 and not (FITTED_FROM <= extent <= FRAME):
        scale = scale * FRAME / extent
    left, top = 0.5 * (side - width * scale), 0.5 * (side - height * scale)
    for p in range(len(x)):
        x[p] = (np.float64(x[p]) - low_x) * scale + left
        y[p] = (np.float64(y[p]) - low_y) * scale + top


@kernel
def draw(
    x: Any,
    y: Any,
    t: Any,
    lengths: Any,
    half_width: Any,
    planes: Any,
    work: Any,
    shares: Any,
    out: Any,
) -> None:
    """Steps 3 and 4 of `raster` for one drawing.

    Args:
        x: (points,), placed, in pixels; likewise y.
        y: see x.
        t: times; (0,) where they are not known.
        lengths: of strokes.
        half_width: of the pen, pixels.
        planes: of `planes_of`.
        work: scratch, float32 (side, side).
        shares: scratch, float32 (points,).
        out: uint8 (channels, side, side).
    """
    for plane in range(len(planes)):
        if planes[plane] == _INK:
            ink(x, y, lengths, half_width, work, out[plane])
        else:
            if planes[plane] == _ORDER or not _share_time(t, shares):
                _share_ink(x, y, lengths, shares)
            _shade(x, y, shares, lengths, half_width, work, out[plane])


@kernel
def _share_ink(x: Any, y: Any, lengths: Any, shares: Any) -> None:
    """How strong the ink of each point is in the order channel."""
    total, first = np.float64(_SHORT), 0
    for length in lengths:
        shares[first] = total
        for p in range(first + 1, first + length):
            dx, dy = np.float64(x[p]) - x[p - 1], np.float64(y[p]) - y[p - 1]
            total += np.sqrt(dx * dx + dy * dy)
            shares[p] = total
        first += length
    one = np.float32(1.0)
    for p in range(first):
        shares[p] = _FAINTEST + (one - _FAINTEST) * np.float32(shares[p] / total)


@kernel
def _share_time(t: Any, shares: Any) -> bool:
    """How strong the ink of each point is in the time channel; False if nobody knows."""
    if len(t) == 0 or not t[-1] > t[0]:
        return False
    zero, one = np.float32(0.0), np.float32(1.0)
    for p in range(len(t)):
        share = min(max((t[p] - t[0]) / (t[-1] - t[0]), zero), one)
        shares[p] = _FAINTEST + (one - _FAINTEST) * share
    return True


@fast_kernel
def _shade(
    x: Any, y: Any, strengths: Any, lengths: Any, half_width: Any, strongest: Any, out: Any
) -> None:
    """Step 4 of `raster`: placed points, and how strong the ink is there, to uint8 (side, side).

    `strongest` is scratch of the image's shape.
    """
    side = out.shape[0]
    half, full = np.float32(0.5), np.float32(255.0)
    reach = half_width + half
    strongest[:, :] = np.float32(0.0)
    first = 0
    for length in lengths:
        for p in range(first, first + max(length - 1, 1)):
            q = p + 1 if length > 1 else p
            _shade_line(x[p], y[p], strengths[p], x[q], y[q], strengths[q], reach, side, strongest)
        first += length
    for row in range(side):
        for column in range(side):
            out[row, column] = np.uint8(strongest[row, column] * full + half)


@fast_kernel
def _shade_line(
    x0: Any,
    y0: Any,
    strength: Any,
    x1: Any,
    y1: Any,
    strength_1: Any,
    reach: Any,
    side: Any,
    strongest: Any,
) -> None:
    """Raise `strongest` for the pixels within reach of one line; see `_near_line`."""
    half = np.float32(0.5)
    zero, one = np.float32(0.0), np.float32(1.0)
    along_x, along_y = x1 - x0, y1 - y0
    squared = along_x * along_x + along_y * along_y
    strength = strength if squared >= _SHORT * _SHORT else strength_1
    stronger = strength_1 - strength
    inverse = one / squared if squared > zero else zero
    first_x, last_x = min(x0, x1) - reach + half, max(x0, x1) + reach + half
    top = max(int(min(y0, y1) - reach + half), 0)
    bottom = min(int(max(y0, y1) + reach + half), side)
    left, right = max(int(first_x), 0), min(int(last_x), side)
    is_long = last_x - first_x > _LONG and abs(along_y) > one
    per_y = one / along_y if is_long else zero
    for row in range(top, bottom):
        centre_y = np.float32(row) + half
        if is_long:
            enter = (centre_y - reach - y0) * per_y
            leave = (centre_y + reach - y0) * per_y
            enter, leave = min(enter, leave), max(enter, leave)
            enter, leave = max(enter, zero), min(leave, one)
            enter_x, leave_x = x0 + enter * along_x, x0 + leave * along_x
            left = max(int(min(enter_x, leave_x) - reach + half), 0)
            right = min(int(max(enter_x, leave_x) + reach + half), side)
        offset_y = centre_y - y0
        for column in range(left, right):
            offset_x = np.float32(column) + half - x0
            share = (offset_x * along_x + offset_y * along_y) * inverse
            share = min(max(share, zero), one)
            away_x = offset_x - share * along_x
            away_y = offset_y - share * along_y
            level = reach - np.sqrt(away_x * away_x + away_y * away_y)
            level = min(max(level, zero), one) * (strength + share * stronger)
            strongest[row, column] = max(strongest[row, column], level)


@fast_kernel
def ink(x: Any, y: Any, lengths: Any, half_width: Any, nearest: Any, out: Any) -> None:
    """Step 3 of `raster`: placed points, (points,) each, to uint8 (side, side).

    `nearest` is scratch of the image's shape: the squared distance to the nearest line. It is
    only brought up to date within reach of a line, where the ink is not zero.
    """
    side = out.shape[0]
    half = np.float32(0.5)
    reach = half_width + half
    nearest[:, :] = _FAR
    first = 0
    for length in lengths:
        for p in range(first, first + max(length - 1, 1)):
            q = p + 1 if length > 1 else p
            _near_line(x[p], y[p], x[q], y[q], reach, side, nearest)
        first += length
    full = np.float32(255.0)
    zero, one = np.float32(0.0), np.float32(1.0)
    for row in range(side):
        for column in range(side):
            level = reach - np.sqrt(nearest[row, column])
            level = min(max(level, zero), one)
            out[row, column] = np.uint8(level * full + half)


@fast_kernel
def _near_line(x0: Any, y0: Any, x1: Any, y1: Any, reach: Any, side: Any, nearest: Any) -> None:
    """Lower `nearest` for the pixels within reach of one line."""
    half = np.float32(0.5)
    zero, one = np.float32(0.0), np.float32(1.0)
    along_x, along_y = x1 - x0, y1 - y0
    squared = along_x * along_x + along_y * along_y
    inverse = one / squared if squared > zero else zero
    # Coordinates are never far below 0, so cutting off after a shift by one is rounding down.
    first_x, last_x = min(x0, x1) - reach + half, max(x0, x1) + reach + half
    top = max(int(min(y0, y1) - reach + half), 0)
    bottom = min(int(max(y0, y1) + reach + half), side)
    left, right = max(int(first_x), 0), min(int(last_x), side)
    # A row of pixels sees only the part of a long line that is within reach above and below it.
    is_long = last_x - first_x > _LONG and abs(along_y) > one
    per_y = one / along_y if is_long else zero
    for row in range(top, bottom):
        centre_y = np.float32(row) + half
        if is_long:
            enter = (centre_y - reach - y0) * per_y
            leave = (centre_y + reach - y0) * per_y
            enter, leave = min(enter, leave), max(enter, leave)
            enter, leave = max(enter, zero), min(leave, one)
            enter_x, leave_x = x0 + enter * along_x, x0 + leave * along_x
            left = max(int(min(enter_x, leave_x) - reach + half), 0)
            right = min(int(max(enter_x, leave_x) + reach + half), side)
        offset_y = centre_y - y0
        for column in range(left, right):
            offset_x = np.float32(column) + half - x0
            share = (offset_x * along_x + offset_y * along_y) * inverse
            share = min(max(share, zero), one)
            away_x = offset_x - share * along_x
            away_y = offset_y - share * along_y
            distance = away_x * away_x + away_y * away_y
            nearest[row, column] = min(nearest[row, column], distance)
