"""Simplifying compiled for the CPU: same points as `Drawing.simplified`, about forty times faster.

Every number is computed as the reference computes it, in float64 and in the same order, so the
results are equal to the last bit. Scratch space is that of the longest stroke, which is bounded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .drawing import FRAME, MAX_RESAMPLED
from .ragged import Ragged, offsets_of
from .raster_host import kernel

__all__ = ["simplify"]

_EPSILON = 2.0
_SPACING = 1.0
_NONE: NDArray[np.float32] = np.zeros(0, np.float32)
"""Instead of times that are not known."""

F = TypeVar("F", bound=Callable[..., Any])

# There are no NaNs, and the largest number is the same in whatever order it is looked for. These
# two flags let several be compared at a time, and change no result.
_wide_kernel: Callable[[F], F] = njit(nogil=True, cache=True, fastmath={"nnan", "nsz"})


def simplify(drawings: Ragged) -> Ragged:
    """Bring drawings into the frame and thin them, as `Drawing.simplified` does.

    Args:
        drawings: points as uint8 or float32, in any unit.

    Returns:
        The same drawings and strokes, with uint8 points in the frame; no stroke has one point.
    """
    has_times = drawings.times is not None
    points, times, lengths = _simplify(
        drawings.points,
        drawings.times if drawings.times is not None else _NONE,
        drawings.stroke_lengths,
        drawings.stroke_offsets,
        drawings.point_offsets,
    )
    strokes = drawings.stroke_offsets
    offsets = offsets_of(lengths)[strokes]
    return Ragged(points, lengths, strokes, offsets, times if has_times else None)


@kernel
def _simplify(
    points: Any, times: Any, stroke_lengths: Any, stroke_offsets: Any, point_offsets: Any
) -> Any:
    """Simplified points, uint8 (points, 2), times, float32, and lengths, int32 (strokes,)."""
    has_times = len(times) > 0
    longest = 1
    for length in stroke_lengths:
        longest = max(longest, length)
    x, y, travelled = np.empty(longest), np.empty(longest), np.empty(longest)
    t = np.zeros(longest)
    even_x, even_y, even_t = np.empty(4096), np.empty(4096), np.empty(4096)
    ahead, kept = np.empty(4096, np.int64), np.empty(4096, np.int64)
    out = np.empty((len(points) // 4 + 4096, 2), np.uint8)
    out_times = np.empty(len(out) if has_times else 0, np.float32)
    out_lengths = np.empty(len(stroke_lengths), np.int32)
    end = 0
    for drawing in range(len(stroke_offsets) - 1):
        first = point_offsets[drawing]
        low_x, low_y, scale = _fit(points[first : point_offsets[drawing + 1]])
        for stroke in range(stroke_offsets[drawing], stroke_offsets[drawing + 1]):
            n = stroke_lengths[stroke]
            for p in range(n):
                x[p] = (np.float64(points[first + p, 0]) - low_x) * scale
                y[p] = (np.float64(points[first + p, 1]) - low_y) * scale
            if has_times:
                for p in range(n):
                    t[p] = np.float64(times[first + p])
            first += n
            length = _travel(x, y, n, travelled)
            spacing = max(_SPACING, length / MAX_RESAMPLED)
            # As many as fit, one for rounding, and the last point.
            most = int(np.ceil(length / spacing)) + 2
            if most > len(even_x):
                even_x, even_y, even_t = np.empty(2 * most), np.empty(2 * most), np.empty(2 * most)
                ahead, kept = np.empty(2 * most, np.int64), np.empty(2 * most, np.int64)
            n_even = _resample(x, y, travelled, n, spacing, even_x, even_y)
            if end + n_even > len(out):
                grown = np.empty((2 * (end + n_even), 2), np.uint8)
                grown[:end] = out[:end]
                out = grown
                if has_times:
                    later = np.empty(len(out), np.float32)
                    later[:end] = out_times[:end]
                    out_times = later
            n_kept = _thin(even_x, even_y, n_even, ahead, kept)
            for k in range(n_kept):
                out[end + k, 0] = np.uint8(np.rint(even_x[kept[k]]))
                out[end + k, 1] = np.uint8(np.rint(even_y[kept[k]]))
            if has_times:
                _follow(t, travelled, n, spacing, n_even, even_t)
                for k in range(n_kept):
                    out_times[end + k] = np.float32(np.rint(even_t[kept[k]]))
            out_lengths[stroke] = n_kept
            end += n_kept
    return out[:end].copy(), out_times[: end if has_times else 0].copy(), out_lengths


@kernel
def _fit(points: Any) -> Any:
    """Where the box of the points begins, and what its sides are multiplied by."""
    low_x, high_x, low_y, high_y = points[0, 0], points[0, 0], points[0, 1], points[0, 1]
    for p in range(1, len(points)):
        low_x, high_x = min(low_x, points[p, 0]), max(high_x, points[p, 0])
        low_y, high_y = min(low_y, points[p, 1]), max(high_y, points[p, 1])
    left, top = np.float64(low_x), np.float64(low_y)
    extent = max(np.float64(high_x) - left, np.float64(high_y) - top)
    return left, top, FRAME / extent if extent > 0.0 else 1.0


@kernel
def _travel(x: Any, y: Any, n: Any, travelled: Any) -> Any:
    """Fill in the way along the stroke up to each point; the length of the whole."""
    travelled[0] = 0.0
    for p in range(1, n):
        dx, dy = x[p] - x[p - 1], y[p] - y[p - 1]
        travelled[p] = travelled[p - 1] + np.sqrt(dx * dx + dy * dy)
    return travelled[n - 1]


@kernel
def _resample(
    x: Any, y: Any, travelled: Any, n: Any, spacing: Any, even_x: Any, even_y: Any
) -> int:
    """Points at even spacing into even_x and even_y, as `drawing.resample`; how many."""
    length = travelled[n - 1]
    count = 0
    if length == 0.0:
        even_x[0], even_y[0] = x[0], y[0]
        count = 1
    for p in range(n - 1):
        step = travelled[p + 1] - travelled[p]
        if step > 0.0:
            slope_x, slope_y = (x[p + 1] - x[p]) / step, (y[p + 1] - y[p]) / step
            while count * spacing < travelled[p + 1]:
                along = count * spacing - travelled[p]
                even_x[count] = slope_x * along + x[p]
                even_y[count] = slope_y * along + y[p]
                count += 1
    even_x[count], even_y[count] = x[n - 1], y[n - 1]
    return count + 1


@kernel
def _follow(t: Any, travelled: Any, n: Any, spacing: Any, n_even: Any, even_t: Any) -> None:
    """The times of the points that `_resample` has made."""
    count = 0
    if travelled[n - 1] == 0.0:
        even_t[0] = t[0]
        count = 1
    for p in range(n - 1):
        step = travelled[p + 1] - travelled[p]
        if step > 0.0:
            slope = (t[p + 1] - t[p]) / step
            while count * spacing < travelled[p + 1]:
                even_t[count] = slope * (count * spacing - travelled[p]) + t[p]
                count += 1
    even_t[n_even - 1] = t[n - 1]


@kernel
def _thin(x: Any, y: Any, n: Any, ahead: Any, kept: Any) -> int:
    """Which points are kept into kept, as `drawing.thin` keeps them; how many.

    `ahead` is scratch: the ends of the spans that are still to be looked at, the nearest on top.
    """
    kept[0] = 0
    count, first = 1, 0
    ahead[0] = n - 1
    top = 0
    while top >= 0:
        last = ahead[top]
        middle = _farthest(x, y, first, last)
        if middle > first:
            top += 1
            ahead[top] = middle
        else:
            kept[count] = last
            count += 1
            first = last
            top -= 1
    return count


@_wide_kernel
def _farthest(x: Any, y: Any, first: Any, last: Any) -> Any:
    """The first of the points farthest from the chord of a span; `first` if all are near."""
    left, top = x[first], y[first]
    along_x, along_y = x[last] - left, y[last] - top
    length = np.sqrt(along_x * along_x + along_y * along_y)
    most = 0.0
    if length > 0.0:
        for p in range(first + 1, last):
            away = abs(along_x * (y[p] - top) - along_y * (x[p] - left))
            most = max(most, away)
        if most > _EPSILON * length:
            for p in range(first + 1, last):
                if abs(along_x * (y[p] - top) - along_y * (x[p] - left)) == most:
                    return p
    else:
        for p in range(first + 1, last):
            dx, dy = x[p] - left, y[p] - top
            most = max(most, dx * dx + dy * dy)
        if most > _EPSILON * _EPSILON:
            for p in range(first + 1, last):
                dx, dy = x[p] - left, y[p] - top
                if dx * dx + dy * dy == most:
                    return p
    return first
