"""Strokes as Google writes them in JSON, lists of lists, and how they become rows of a chunk.

A drawing that is in the frame takes a quick way: its coordinates are checked and packed by `bytes`.
Any other takes the slow way through `Drawing`, which brings raw strokes into the frame, or finds
out what is wrong with them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...drawing import Drawing
from ...errors import DrawingError
from ...ragged import Ragged
from ..chunk import Chunk, Skips, codes_of
from .rows import CHUNK_ROWS, EMPTY, MAX_STROKE_POINTS, in_frame, strokes_chunk
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

_RECOGNISED = {None: -1, False: 0, True: 1}


class UnusableError(Exception):
    """A drawing cannot be used; the message is the reason."""


class StrokeRows:
    """The rows of a chunk in the making."""

    def __init__(self) -> None:
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
        strokes: list[list[list[int]]],
        word: str,
        key_id: int | None,
        country: str,
        recognised: bool | None,
    ) -> bool:
        """Add a drawing that is in the frame; False, and nothing added, if it is any other."""
        x_of, y_of, lengths = [], [], []
        try:
            for x, y in strokes:
                if len(x) != len(y):
                    return False
                x_of.append(bytes(x))
                y_of.append(bytes(y))
                lengths.append(len(x))
        except ValueError:
            return False
        if not lengths or min(lengths) == 0 or max(lengths) > MAX_STROKE_POINTS:
            return False
        self._x += x_of
        self._y += y_of
        self._lengths += lengths
        self._end_row(len(lengths), sum(lengths), word, key_id, country, recognised)
        return True

    def add_drawing(self, drawing: Drawing, word: str) -> None:
        """Add a drawing that is in the frame; `word` is its class if it does not say one."""
        points = drawing.points.astype(np.uint8)
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
        )


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
    try:
        with np.errstate(over="ignore"):
            drawing = Drawing.from_strokes(strokes, **known)
    except DrawingError:
        raise UnusableError(OUT_OF_RANGE) from None
    if drawing.times is not None and not np.isfinite(drawing.times).all():
        raise UnusableError(OUT_OF_RANGE)
    return drawing


def framed(drawing: Drawing, skips: Skips) -> Drawing:
    """The drawing in the frame, with strokes that a store can hold.

    Raises:
        UnusableError: a stroke is too long even when simplified.
    """
    is_raw = drawing.times is not None
    if is_raw or not in_frame(drawing) or drawing.lengths.max() > MAX_STROKE_POINTS:
        (bare,) = simplified(Ragged.from_drawings([drawing]))
        drawing = replace(drawing, points=bare.points, lengths=bare.lengths, times=None)
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
