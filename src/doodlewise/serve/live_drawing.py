"""The drawing of a live connection, which grows point by point."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..drawing import FARTHEST, Drawing
from .errors import ApiError
from .settings import ServeSettings
from .strokes import drawing_of, too_far, too_many_points, too_many_strokes

__all__ = ["LiveDrawing"]


class LiveDrawing:
    """Strokes, of which the last may still be open.

    Args:
        settings: with the limits of a drawing.
    """

    def __init__(self, settings: ServeSettings) -> None:
        self._settings = settings
        self._strokes: list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = []
        self._x: list[float] = []
        self._y: list[float] = []
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

    def extend(self, x: Sequence[float], y: Sequence[float]) -> None:
        """More points of the open stroke, which is begun if there is none.

        Raises:
            ApiError: too many, or not as many x as y, or too far away; then nothing is added.
        """
        if len(x) != len(y):
            raise ApiError(
                422, "unequal_lists", f"There are {len(x)} x and {len(y)} y. Give as many x as y."
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

    def end(self) -> None:
        """The open stroke is done; nothing if there is none."""
        if self._x:
            self._strokes.append(np.array((self._x, self._y), np.float32).T)
            self._n_closed += len(self._x)
            self._x, self._y = [], []

    def undo(self) -> None:
        """Without the last stroke; nothing if there is none."""
        if self._x:
            self._x, self._y = [], []
        elif self._strokes:
            self._n_closed -= len(self._strokes.pop())

    def clear(self) -> None:
        self._strokes, self._x, self._y, self._n_closed = [], [], [], 0

    def set(self, strokes: Sequence[Sequence[Sequence[float]]]) -> None:
        """Other strokes instead; the drawing stays as it was if they cannot be used.

        Raises:
            ApiError: see `drawing_of`.
        """
        if any(stroke[0] or stroke[1] for stroke in strokes):
            every = drawing_of(strokes, self._settings).strokes
        else:
            every = []
        self.clear()
        self._strokes = list(every)
        self._n_closed = sum(len(stroke) for stroke in every)

    def drawing(self) -> Drawing:
        """As it is now.

        Raises:
            DrawingError: it is empty.
        """
        strokes = list(self._strokes)
        if self._x:
            strokes.append(np.array((self._x, self._y), np.float32).T)
        lengths = np.array([len(stroke) for stroke in strokes], np.int32)
        points = np.concatenate(strokes) if strokes else np.empty((0, 2), np.float32)
        return Drawing(np.ascontiguousarray(points), lengths)
