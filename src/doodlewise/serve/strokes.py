"""Strokes as they were decoded become drawings, within the limits of the server."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..drawing import FARTHEST, Drawing
from .errors import ApiError, empty_drawing
from .settings import ServeSettings

__all__ = ["drawing_of", "times_of", "too_far", "too_many_points", "too_many_strokes"]


def drawing_of(strokes: Sequence[Sequence[Sequence[float]]], settings: ServeSettings) -> Drawing:
    """A drawing of `[[xs, ys], ...]`, or with times, which count if all strokes have them.

    Raises:
        ApiError: nothing in it, too much, too far away, or lists of unequal length.
    """
    if len(strokes) > settings.max_strokes:
        raise too_many_strokes(len(strokes), settings)
    xs: list[float] = []
    ys: list[float] = []
    times: list[float] = []
    lengths = []
    for number, stroke in enumerate(strokes):
        x, y = stroke[0], stroke[1]
        if not len(x) == len(y) == len(stroke[-1]):
            listed = ", ".join(str(len(each)) for each in stroke)
            raise ApiError(
                422,
                "unequal_lists",
                f"The lists of strokes[{number}] have {listed} numbers. Give as many x as y (and"
                " times, if any).",
            )
        if x:
            xs += x
            ys += y
            times += stroke[2] if len(stroke) > 2 else []
            lengths.append(len(x))
    if not lengths:
        raise empty_drawing()
    if len(xs) > settings.max_points:
        raise too_many_points(len(xs), settings)
    points = np.array((xs, ys))
    # Before it is float32, which has nothing that large.
    if max(points.max(), -points.min()) > FARTHEST:
        raise ApiError(422, "unusable_drawing", too_far())
    return Drawing(
        np.ascontiguousarray(points.T, np.float32),
        np.array(lengths, np.int32),
        times_of(times) if len(times) == len(xs) else None,
    )


def times_of(milliseconds: Sequence[float]) -> NDArray[np.float32] | None:
    """Times since the first one, whatever they count from; None if they are too far apart."""
    exact = np.array(milliseconds, np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        since: NDArray[np.float32] = (exact - exact[0]).astype(np.float32)
    return since if np.isfinite(since).all() else None


def too_far() -> str:
    return f"A coordinate is beyond {FARTHEST:g}. Leave the point or the whole drawing out."


def too_many_strokes(found: int, settings: ServeSettings) -> ApiError:
    return ApiError(
        422,
        "too_many_strokes",
        f"The drawing has {found:,} strokes; at most {settings.max_strokes:,} are taken. Leave"
        " some out.",
    )


def too_many_points(found: int, settings: ServeSettings) -> ApiError:
    return ApiError(
        422,
        "too_many_points",
        f"The drawing has {found:,} points; at most {settings.max_points:,} are taken. Thin its"
        " strokes: a few hundred points show as much.",
    )
