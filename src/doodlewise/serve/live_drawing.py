"""The drawing of a live connection, which grows point by point."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..drawing import FARTHEST, Drawing
from .errors import ApiError
from .settings import ServeSettings
from .strokes import drawing_of, times_of, too_far, too_many_points, too_many_strokes

__all__ = ["LiveDrawing"]


class LiveDrawing:
    """Strokes, of which the last may still be open.

    Args:
        settings: with the limits of a drawing.
    """

    def __init__(self, settings: ServeSettings) -> None:
        self._settings = settings
        # Columns x, y and t, which is NaN where the client does not say it.
        self._strokes: list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]] = []
        self._x: list[float] = []
        self._y: list[float] = []
        self._t: list[float] = []
        self._n_closed = 0

    @property
    def is_empty(self) -> bool:
        return not self._strokes and not self._x

    @property
    def n_strokes(self) -> int:
        return len(self._strokes) + bool(self._x)

    @property
    def n_points(self) -> int:
        return self._n_closed + len(self._x)

    def extend(
        self, x: Sequence[float], y: Sequence[float], t: Sequence[float] | None = None
    ) -> None:
        """More points of the open stroke, which is begun if there is none.

        Args:
            x: of each.
            y: of each.
            t: when the pen was there, milliseconds; None where nobody knows.

        Raises:
            ApiError: too many, or not as many x as y, or too far away; then nothing is added.
        """
        if len(x) != len(y):
            raise ApiError(
                422, "unequal_lists", f"There are {len(x)} x and {len(y)} y. Give as many x as y."
            )
        if t is not None and len(t) != len(x):
            raise ApiError(
                422,
                "unequal_lists",
                f"There are {len(x)} x and {len(t)} t. Give as many times as x, or none.",
            )
        if not x:
            return
        if self.n_points + len(x) > self._settings.max_points:
            raise too_many_points(self.n_points + len(x), self._settings)
        if not self._x and len(self._strokes) >= self._settings.max_strokes:
            raise too_many_strokes(len(self._strokes) + 1, self._settings)
        if max(map(abs, x)) > FARTHEST or max(map(abs, y)) > FARTHEST:
            raise ApiError(422, "unusable_drawing", too_far())
        self._x += x
        self._y += y
        self._t += [math.nan] * len(x) if t is None else t

    def end(self) -> None:
        """The open stroke is done; nothing if there is none."""
        if self._x:
            self._strokes.append(self._open())
            self._n_closed += len(self._x)
            self._x, self._y, self._t = [], [], []

    def undo(self) -> None:
        """Without the last stroke; nothing if there is none."""
        if self._x:
            self._x, self._y, self._t = [], [], []
        elif self._strokes:
            self._n_closed -= len(self._strokes.pop())

    def clear(self) -> None:
        self._strokes, self._x, self._y, self._t, self._n_closed = [], [], [], [], 0

    def set(self, strokes: Sequence[Sequence[Sequence[float]]]) -> None:
        """Other strokes instead; the drawing stays as it was if they cannot be used.

        Raises:
            ApiError: see `drawing_of`.
        """
        if any(stroke[0] or stroke[1] for stroke in strokes):
            drawing = drawing_of(strokes, self._settings)
            # As the client counts them, who may go on with points.
            first = next(stroke for stroke in strokes if stroke[0])[-1][0]
            times = math.nan if drawing.times is None else first + drawing.times.astype(np.float64)
            times = np.broadcast_to(times, drawing.n_points)
            every = np.split(
                np.column_stack([drawing.points.astype(np.float64), times]),
                np.cumsum(drawing.lengths)[:-1],
            )
        else:
            every = []
        self.clear()
        self._strokes = every
        self._n_closed = sum(len(stroke) for stroke in every)

    def drawing(self) -> Drawing:
        """As it is now.

        Raises:
            DrawingError: it is empty.
        """
        strokes = list(self._strokes)
        if self._x:
            strokes.append(self._open())
        lengths = np.array([len(stroke) for stroke in strokes], np.int32)
        every = np.concatenate(strokes) if strokes else np.empty((0, 3))
        is_timed = len(every) > 0 and not np.isnan(every[:, 2]).any()
        return Drawing(
            np.ascontiguousarray(every[:, :2], np.float32),
            lengths,
            times_of(every[:, 2].tolist()) if is_timed else None,
        )

    def _open(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return np.array((self._x, self._y, self._t), np.float64).T
