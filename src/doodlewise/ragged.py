"""Many drawings, laid end to end in a few arrays: so they are read, stored and drawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .drawing import Drawing

__all__ = ["Ragged"]


@dataclass(frozen=True, slots=True)
class Ragged:
    """The strokes of many drawings.

    Attributes:
        points: (points, 2), uint8 in the frame, or float32 in any unit.
        stroke_lengths: int32 (strokes,), points in each stroke.
        stroke_offsets: int64 (drawings + 1,), the strokes of drawing i are
            `stroke_lengths[stroke_offsets[i]:stroke_offsets[i + 1]]`.
        point_offsets: int64 (drawings + 1,), likewise for its points.
        times: float32 (points,), milliseconds since the first point of the drawing; NaN throughout
            a drawing whose times are not known. None where those of none are.
    """

    points: NDArray[Any]
    stroke_lengths: NDArray[np.int32]
    stroke_offsets: NDArray[np.int64]
    point_offsets: NDArray[np.int64]
    times: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.stroke_offsets) - 1

    def __getitem__(self, index: int) -> Drawing:
        if not -len(self) <= index < len(self):
            raise IndexError(f"There are {len(self)} drawings, there is no number {index}.")
        index %= len(self)
        first, last = self.point_offsets[index], self.point_offsets[index + 1]
        strokes = slice(self.stroke_offsets[index], self.stroke_offsets[index + 1])
        return Drawing(
            points=self.points[first:last].astype(np.float32),
            lengths=self.stroke_lengths[strokes].astype(np.int32),
            times=self._times_of(first, last),
        )

    def _times_of(self, first: int, last: int) -> NDArray[np.float32] | None:
        if self.times is None or np.isnan(self.times[first:last]).any():
            return None
        return self.times[first:last].astype(np.float32)

    @property
    def is_timed(self) -> NDArray[np.bool_]:
        """Whether the times of each drawing are known: (drawings,)."""
        if self.times is None:
            return np.zeros(len(self), bool)
        known: NDArray[np.bool_] = ~np.isnan(self.times[self.point_offsets[:-1]])
        return known

    def __iter__(self) -> Iterator[Drawing]:
        return (self[index] for index in range(len(self)))

    @classmethod
    def from_drawings(cls, drawings: Iterable[Drawing]) -> Ragged:
        """Lay drawings end to end; float32 points, and times, as they are."""
        every = list(drawings)
        if not every:
            return cls.empty()
        return cls.from_lengths(
            points=np.concatenate([drawing.points for drawing in every]),
            stroke_lengths=np.concatenate([drawing.lengths for drawing in every]),
            strokes_per_drawing=[drawing.n_strokes for drawing in every],
            times=_joined([(drawing.n_points, drawing.times) for drawing in every]),
        )

    @classmethod
    def from_lengths(
        cls,
        points: NDArray[Any],
        stroke_lengths: NDArray[np.int32],
        strokes_per_drawing: Sequence[int] | NDArray[Any],
        times: NDArray[np.float32] | None = None,
    ) -> Ragged:
        """Make the offsets from the counts."""
        stroke_offsets = offsets_of(strokes_per_drawing)
        point_offsets = offsets_of(stroke_lengths)[stroke_offsets]
        return cls(points, stroke_lengths, stroke_offsets, point_offsets, times)

    @classmethod
    def empty(cls) -> Ragged:
        zero = np.zeros(1, np.int64)
        return cls(np.zeros((0, 2), np.uint8), np.zeros(0, np.int32), zero, zero)

    @classmethod
    def concat(cls, parts: Sequence[Ragged]) -> Ragged:
        """Lay several one after the other; where some have no times, theirs are NaN."""
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return cls.empty()
        return cls.from_lengths(
            points=np.concatenate([part.points for part in parts]),
            stroke_lengths=np.concatenate([part.stroke_lengths for part in parts]),
            strokes_per_drawing=np.concatenate([np.diff(part.stroke_offsets) for part in parts]),
            times=_joined([(len(part.points), part.times) for part in parts]),
        )

    def take(self, rows: NDArray[np.integer[Any]]) -> Ragged:
        """The drawings of these rows, in this order, copied."""
        stroke_index = ranges(self.stroke_offsets, rows)
        point_index = ranges(self.point_offsets, rows)
        return Ragged(
            points=self.points[point_index],
            stroke_lengths=self.stroke_lengths[stroke_index],
            stroke_offsets=offsets_of(np.diff(self.stroke_offsets)[rows]),
            point_offsets=offsets_of(np.diff(self.point_offsets)[rows]),
            times=None if self.times is None else self.times[point_index],
        )

    def slice(self, first: int, last: int) -> Ragged:
        """The drawings first to last, without copying points."""
        stroke_offsets = self.stroke_offsets[first : last + 1]
        point_offsets = self.point_offsets[first : last + 1]
        within = slice(point_offsets[0], point_offsets[-1])
        return Ragged(
            points=self.points[within],
            stroke_lengths=self.stroke_lengths[stroke_offsets[0] : stroke_offsets[-1]],
            stroke_offsets=stroke_offsets - stroke_offsets[0],
            point_offsets=point_offsets - point_offsets[0],
            times=None if self.times is None else self.times[within],
        )


def _joined(
    parts: Sequence[tuple[int, NDArray[np.float32] | None]],
) -> NDArray[np.float32] | None:
    """The times of parts of so many points, one after the other."""
    if all(times is None for _, times in parts):
        return None
    return np.concatenate(
        [np.full(n, np.nan, np.float32) if times is None else times for n, times in parts]
    ).astype(np.float32, copy=False)


def offsets_of(lengths: Sequence[int] | NDArray[Any]) -> NDArray[np.int64]:
    """0 and the running sums: where each of the ranges of these lengths begins and ends."""
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def ranges(offsets: NDArray[np.int64], rows: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Indices of everything that lies in the ranges of these rows, one range after the other."""
    first = offsets[rows]
    lengths = offsets[np.asarray(rows) + 1] - first
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    begins: NDArray[np.int64] = np.repeat(first - (ends - lengths), lengths)
    return begins + np.arange(total)
