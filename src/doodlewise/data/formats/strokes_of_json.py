"""Strokes as Google writes them in JSON, lists of lists, and how they become rows of a chunk.

Drawings as Google writes them take a quick way. The coordinates of one that is in the frame are
checked and packed by `bytes`; those with pen times are gathered, and the raw ones among them
simplified together. Any other drawing
takes the slow way through `Drawing`, which finds out what is wrong with it.
"""

from __future__ import annotations

from array import array
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...drawing import FARTHEST, Drawing
from ...errors import DrawingError
from ...ragged import Ragged
from ..chunk import Chunk, Skips, codes_of
from .rows import CHUNK_ROWS, EMPTY, MAX_STROKE_POINTS, fills_frame, in_frame, strokes_chunk
from .simplify import simplified

__all__ = [
    "FRAMED",
    "LONG_STROKE",
    "NO_NUMBERS",
    "OUT_OF_RANGE",
    "SHAPE",
    "UNEQUAL",
    "StrokeRows",
    "UnusableError",
    "country_of",
    "drawing_of",
    "framed",
    "key_id_of",
    "timestamp_of",
]

NO_NUMBERS = "strokes that are not lists of numbers"
UNEQUAL = "a stroke whose lists differ in length"
SHAPE = "strokes that are neither all [x, y] nor all [x, y, t]"
OUT_OF_RANGE = "a number that is out of range"
LONG_STROKE = f"a stroke of more than {MAX_STROKE_POINTS:,} points"
FRAMED = "brought into the 0..255 frame"

_CHUNK_POINTS = 4_000_000
"""A chunk of scribbles ends early, so that it stays within tens of megabytes."""

_QUICK_STROKE = 30_000
"""Points of a raw stroke that takes the quick way. Thinning keeps two for each at most, which are
never more than `MAX_STROKE_POINTS`."""

_RECOGNISED = {None: -1, False: 0, True: 1}


class UnusableError(Exception):
    """A drawing cannot be used; the message is the reason."""


class StrokeRows:
    """The rows of a chunk in the making.

    Attributes:
        has_raw: whether there was a drawing with times among them.
    """

    def __init__(self) -> None:
        self.has_raw = False
        self._raw = _TimedDrawings()
        self._times: dict[int, NDArray[np.float32]] = {}
        self._x: list[bytes] = []
        self._y: list[bytes] = []
        self._lengths: list[int] = []
        self._strokes_per_drawing: list[int] = []
        self._names: dict[str, int] = {}
        self._labels: list[int] = []
        self._key_ids: list[int] = []
        self._countries: list[str] = []
        self._recognised: list[int] = []
        self._n_points = 0

    def __len__(self) -> int:
        return len(self._labels)

    def add_strokes(
        self,
        strokes: list[list[list[Any]]],
        word: str,
        key_id: int | None,
        country: str,
        recognised: bool | None,
    ) -> bool:
        """Add a drawing as Google writes it, simplified or raw; False if it is any other.

        Args:
            strokes: lists of numbers, which need not be as they should.
            word: its class; and what else is known.
        """
        lengths = self._add_framed(strokes) or self._add_raw(strokes)
        if not lengths:
            return False
        self._lengths += lengths
        self._end_row(len(lengths), sum(lengths), word, key_id, country, recognised)
        return True

    def _add_framed(self, strokes: list[list[list[Any]]]) -> list[int]:
        """Add the points of a drawing that is in the frame; how many each stroke has."""
        x_of, y_of, lengths = [], [], []
        try:
            for x, y in strokes:
                if len(x) != len(y):
                    return []
                x_of.append(bytes(x))
                y_of.append(bytes(y))
                lengths.append(len(x))
        except (ValueError, TypeError):
            return []
        if not lengths or min(lengths) == 0 or max(lengths) > MAX_STROKE_POINTS:
            return []
        self._x += x_of
        self._y += y_of
        return lengths

    def _add_raw(self, strokes: list[list[list[Any]]]) -> list[int]:
        """Add the points of a raw drawing, to be simplified; how many each stroke has now."""
        lengths = self._raw.add(strokes, (len(self._x), len(self._lengths)))
        if lengths:
            self.has_raw = True
            # Filled in by `chunk`.
            self._x.append(b"")
            self._y.append(b"")
        return lengths

    def add_drawing(self, drawing: Drawing, word: str) -> None:
        """Add a drawing that is in the frame; `word` is its class if it does not say one."""
        points = drawing.points.astype(np.uint8)
        if drawing.times is not None:
            self._times[len(self._x)] = drawing.times
        self._x.append(points[:, 0].tobytes())
        self._y.append(points[:, 1].tobytes())
        self._lengths += drawing.lengths.tolist()
        self._end_row(
            drawing.n_strokes,
            drawing.n_points,
            drawing.word or word,
            drawing.key_id,
            drawing.country,
            drawing.recognised,
        )

    def _end_row(
        self,
        n_strokes: int,
        n_points: int,
        word: str,
        key_id: int | None,
        country: str,
        recognised: bool | None,
    ) -> None:
        self._strokes_per_drawing.append(n_strokes)
        self._n_points += n_points
        self._labels.append(self._names.setdefault(word, len(self._names)))
        self._key_ids.append(key_id or 0)
        self._countries.append(country)
        self._recognised.append(_RECOGNISED[recognised])

    @property
    def is_full(self) -> bool:
        return len(self._labels) >= CHUNK_ROWS or self._n_points >= _CHUNK_POINTS

    def chunk(self, skips: Skips) -> Chunk:
        """The rows so far, not none."""
        self._raw.put_into(self._x, self._y, self._times, self._lengths)
        return strokes_chunk(
            names=list(self._names),
            labels=np.array(self._labels, np.int32),
            key_ids=np.array(self._key_ids, np.uint64),
            codes=codes_of(self._countries),
            recognised=np.array(self._recognised, np.int8),
            points=np.stack([_joined(self._x), _joined(self._y)], axis=1),
            stroke_lengths=np.array(self._lengths, np.int32),
            strokes_per_drawing=np.array(self._strokes_per_drawing),
            skips=skips,
            times=self._joined_times(),
        )

    def _joined_times(self) -> NDArray[np.float32] | None:
        """The times of all points, NaN where there are none; None if there are none at all."""
        if not self._times:
            return None
        ends = np.cumsum([len(part) for part in self._x])
        times = np.full(ends[-1], np.nan, np.float32)
        for row, own in self._times.items():
            times[ends[row] - len(own) : ends[row]] = own
        return times


class _TimedDrawings:
    """Drawings with times among the rows of a chunk; the raw ones are simplified together."""

    def __init__(self) -> None:
        self._points: list[NDArray[np.float32]] = []
        self._times: list[NDArray[np.float32]] = []
        self._lengths: list[int] = []
        self._strokes_per_drawing: list[int] = []
        self._is_raw: list[bool] = []
        self._places: list[tuple[int, int]] = []

    def add(self, strokes: list[list[list[Any]]], place: tuple[int, int]) -> list[int]:
        """Add a drawing; how many points each stroke has, or nothing if it has no times.

        Args:
            strokes: lists of x, y and milliseconds.
            place: where `put_into` puts its x and y, and the first of its lengths.
        """
        lengths = []
        values = array("d")
        try:
            for x, y, times in strokes:
                if not len(x) == len(y) == len(times) <= _QUICK_STROKE:
                    return []
                if x:
                    lengths.append(len(x))
            for axis in range(3):
                for stroke in strokes:
                    values.fromlist(stroke[axis])
        except (ValueError, TypeError, OverflowError):
            return []
        if not lengths:
            return []
        every = np.frombuffer(values).reshape(3, -1)
        if np.abs(every).max() > FARTHEST:
            return []
        points = every[:2].T.astype(np.float32)
        self._points.append(points)
        self._times.append((every[2] - every[2, 0]).astype(np.float32))
        self._lengths += lengths
        self._strokes_per_drawing.append(len(lengths))
        self._is_raw.append(not fills_frame(points))
        self._places.append(place)
        return lengths

    def put_into(
        self,
        x: list[bytes],
        y: list[bytes],
        times: dict[int, NDArray[np.float32]],
        lengths: list[int],
    ) -> None:
        """Bring all into the frame, and put them where they belong.

        Args:
            x: of each row, to be filled in; likewise y.
            y: of each row.
            times: of rows that have some.
            lengths: of every stroke.
        """
        if not self._places:
            return
        drawings = self._in_frame()
        assert drawings.times is not None
        every_x, every_y = drawings.points[:, 0].tobytes(), drawings.points[:, 1].tobytes()
        every_length = drawings.stroke_lengths.tolist()
        points_of = pairwise(drawings.point_offsets.tolist())
        strokes_of = pairwise(drawings.stroke_offsets.tolist())
        for (part, stroke), (first, last), (begin, end) in zip(
            self._places, points_of, strokes_of, strict=True
        ):
            x[part], y[part] = every_x[first:last], every_y[first:last]
            times[part] = drawings.times[first:last]
            lengths[stroke : stroke + end - begin] = every_length[begin:end]

    def _in_frame(self) -> Ragged:
        """All of them, with uint8 points."""
        every = Ragged.from_lengths(
            np.concatenate(self._points),
            np.array(self._lengths, np.int32),
            self._strokes_per_drawing,
            np.concatenate(self._times),
        )
        is_raw = np.array(self._is_raw)
        if is_raw.all():
            return simplified(every)
        there, raw = np.flatnonzero(~is_raw), np.flatnonzero(is_raw)
        framed = every.take(there)
        framed = replace(framed, points=framed.points.astype(np.uint8))
        together = Ragged.concat([framed, simplified(every.take(raw))])
        return together.take(np.argsort(np.concatenate([there, raw])))


def drawing_of(strokes: Any, **known: Any) -> Drawing:
    """A drawing of anything that came out of JSON; its empty strokes are left out.

    Args:
        strokes: `[[[x, ...], [y, ...]], ...]`, perhaps with a third list of milliseconds.
        **known: `word`, `country`, `recognised`, `key_id`, `timestamp`.

    Raises:
        UnusableError: with the reason.
    """
    try:
        strokes = msgspec.convert(strokes, list[list[list[float]]])
    except msgspec.ValidationError:
        raise UnusableError(NO_NUMBERS) from None
    strokes = [stroke for stroke in strokes if any(stroke)]
    if not strokes:
        raise UnusableError(EMPTY)
    if {len(stroke) for stroke in strokes} not in ({2}, {3}):
        raise UnusableError(SHAPE)
    if any(len({len(values) for values in stroke}) > 1 for stroke in strokes):
        raise UnusableError(UNEQUAL)
    if any(
        abs(number) > FARTHEST for stroke in strokes for times in stroke[2:] for number in times
    ):
        raise UnusableError(OUT_OF_RANGE)
    try:
        with np.errstate(over="ignore"):
            return Drawing.from_strokes(strokes, **known)
    except DrawingError:
        raise UnusableError(OUT_OF_RANGE) from None


def framed(drawing: Drawing, skips: Skips) -> Drawing:
    """The drawing in the frame, with strokes that a store can hold.

    Raises:
        UnusableError: a stroke is too long even when simplified.
    """
    is_raw = drawing.times is not None and not fills_frame(drawing.points)
    if is_raw or not in_frame(drawing) or drawing.lengths.max() > MAX_STROKE_POINTS:
        (bare,) = simplified(Ragged.from_drawings([drawing]))
        drawing = replace(drawing, points=bare.points, lengths=bare.lengths, times=bare.times)
        if drawing.lengths.max() > MAX_STROKE_POINTS:
            raise UnusableError(LONG_STROKE)
        if not is_raw:
            skips.notes[FRAMED] += 1
    return drawing


def key_id_of(value: Any) -> int | None:
    """A key from 1 to 2**64 - 1; None for anything else."""
    try:
        key_id = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return key_id if 0 < key_id < 1 << 64 else None


def country_of(value: Any) -> str:
    """Two letters; "" for anything else."""
    return value if isinstance(value, str) and len(value) == 2 else ""


def timestamp_of(value: Any) -> datetime | None:
    """Google's "2017-03-02 23:25:10.07453 UTC", or ISO 8601; None for anything else."""
    try:
        timestamp = datetime.fromisoformat(value.removesuffix(" UTC"))
        return timestamp.astimezone(UTC) if timestamp.tzinfo else timestamp.replace(tzinfo=UTC)
    except (AttributeError, ValueError, OverflowError):
        return None


def _joined(parts: list[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(parts), np.uint8)
