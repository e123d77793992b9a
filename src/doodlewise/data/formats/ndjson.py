"""Files with one JSON object a line, as Google writes them: simplified, or raw with times.

A line that is as Google writes it takes a quick way: decoded by type, its coordinates checked and
packed by `bytes`. Any other takes the slow way through `Drawing`, which brings raw strokes into the
frame, or finds out what is wrong with the line. No line is fatal.

Source of the layout: README of googlecreativelab/quickdraw-dataset.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...drawing import Drawing
from ...errors import DrawingError, FormatError
from ...files import replacing
from ..chunk import Chunk, Skips, Source, SourceFormat, Wanted, codes_of
from .naming import mend_command
from .rows import CHUNK_ROWS, EMPTY, MAX_STROKE_POINTS, in_frame, strokes_chunk

__all__ = ["NDJSON", "write_ndjson"]

BROKEN = "broken JSON"
TRUNCATED_LINE = "truncated last line"
LONG_LINE = "line of more than 32 MiB"
NO_DRAWING = "no drawing in the line"
NO_NUMBERS = "strokes that are not lists of numbers"
UNEQUAL = "a stroke whose lists differ in length"
SHAPE = "strokes that are neither all [x, y] nor all [x, y, t]"
OUT_OF_RANGE = "a number that is out of range"
LONG_STROKE = f"a stroke of more than {MAX_STROKE_POINTS:,} points"
FRAMED = "brought into the 0..255 frame"

_LONGEST_LINE = 32 << 20
_READ_AHEAD = 4 << 20
_CHUNK_POINTS = 4_000_000
"""A chunk of scribbles ends early, so that it stays within tens of megabytes."""

_BOM = b"\xef\xbb\xbf"
_RECOGNISED = {None: -1, False: 0, True: 1}


class _Line(msgspec.Struct, gc=False):
    """A simplified line as Google writes it, as far as a chunk has a place for it."""

    drawing: list[list[list[int]]]
    word: str | None = None
    countrycode: str | None = None
    recognized: bool | None = None
    key_id: str | int | None = None


class _AnyLine(msgspec.Struct):
    """Any line that is a JSON object."""

    drawing: Any = None
    word: Any = None
    countrycode: Any = None
    recognized: Any = None
    key_id: Any = None
    timestamp: Any = None


_decode_line = msgspec.json.Decoder(_Line).decode
_decode_any_line = msgspec.json.Decoder(_AnyLine).decode


class _UnusableError(Exception):
    """A line cannot be used; the message is the reason."""


class _Rows:
    """The rows of a chunk in the making."""

    def __init__(self) -> None:
        self.x: list[bytes] = []
        self.y: list[bytes] = []
        self.lengths: list[int] = []
        self.strokes_per_drawing: list[int] = []
        self.names: dict[str, int] = {}
        self.labels: list[int] = []
        self.key_ids: list[int] = []
        self.countries: list[str] = []
        self.recognised: list[int] = []
        self.n_points = 0

    def add_line(self, line: bytes, word: str) -> bool:
        """Add a simplified line; False, and nothing added, if it is any other."""
        x_of, y_of, lengths = [], [], []
        try:
            row = _decode_line(line)
            for x, y in row.drawing:
                if len(x) != len(y):
                    return False
                x_of.append(bytes(x))
                y_of.append(bytes(y))
                lengths.append(len(x))
        except (msgspec.DecodeError, ValueError, RecursionError):
            return False
        if not lengths or min(lengths) == 0 or max(lengths) > MAX_STROKE_POINTS:
            return False
        self.x += x_of
        self.y += y_of
        self.lengths += lengths
        self._end_row(
            len(lengths),
            sum(lengths),
            row.word or word,
            _key_id(row.key_id) or 0,
            _country(row.countrycode),
            _RECOGNISED[row.recognized],
        )
        return True

    def add_drawing(self, drawing: Drawing, word: str) -> None:
        """Add a drawing that is in the frame."""
        points = drawing.points.astype(np.uint8)
        self.x.append(points[:, 0].tobytes())
        self.y.append(points[:, 1].tobytes())
        self.lengths += drawing.lengths.tolist()
        self._end_row(
            drawing.n_strokes,
            drawing.n_points,
            drawing.word or word,
            drawing.key_id or 0,
            drawing.country,
            _RECOGNISED[drawing.recognised],
        )

    def _end_row(
        self,
        n_strokes: int,
        n_points: int,
        word: str,
        key_id: int,
        country: str,
        recognised: int,
    ) -> None:
        self.strokes_per_drawing.append(n_strokes)
        self.n_points += n_points
        self.labels.append(self.names.setdefault(word, len(self.names)))
        self.key_ids.append(key_id)
        self.countries.append(country)
        self.recognised.append(recognised)

    @property
    def is_full(self) -> bool:
        return len(self.labels) >= CHUNK_ROWS or self.n_points >= _CHUNK_POINTS

    def chunk(self, skips: Skips) -> Chunk:
        return strokes_chunk(
            names=list(self.names),
            labels=np.array(self.labels, np.int32),
            key_ids=np.array(self.key_ids, np.uint64),
            codes=codes_of(self.countries),
            recognised=np.array(self.recognised, np.int8),
            points=np.stack([_joined(self.x), _joined(self.y)], axis=1),
            stroke_lengths=np.array(self.lengths, np.int32),
            strokes_per_drawing=np.array(self.strokes_per_drawing),
            skips=skips,
        )


def _read_chunks(source: Source, _wanted: Wanted, skips: Skips) -> Iterator[Chunk]:
    """The rows of a file; see `SourceFormat.read_chunks`.

    Raises:
        FormatError: there is not one usable line in the file.
    """
    path, word = source.path, source.word
    rows, n_rows = _Rows(), 0
    is_raw = False
    first_bad: list[str] = []
    for number, line in _lines(path):
        if not rows.add_line(line, word):
            try:
                drawing = _drawing(line)
                is_raw = is_raw or drawing.times is not None
                rows.add_drawing(_framed(drawing, skips), word)
            except _UnusableError as problem:
                place = f"{path.name}:{number}"
                if str(problem) == TRUNCATED_LINE:
                    place += f", run: {mend_command(path, 'raw' if is_raw else 'simplified')}"
                skips.add(str(problem), place)
                if len(first_bad) < 3:
                    first_bad.append(f"line {number}: {problem}")
                continue
        n_rows += 1
        if rows.is_full:
            yield rows.chunk(skips)
            rows = _Rows()
    if rows.labels:
        yield rows.chunk(skips)
    if n_rows == 0:
        found = "; ".join(first_bad) or "it has no lines"
        raise FormatError(
            f"There is not one usable drawing in {path} ({found}). Each line has to be a JSON"
            ' object such as {"word": "cat", "drawing": [[[0, 255], [0, 255]]]}. For a file of'
            f" Google's, run: {mend_command(path)}"
        )


def _read_drawings(path: Path) -> Iterator[Drawing]:
    """The drawings of a file as they are in it; see `SourceFormat.read_drawings`.

    Raises:
        FormatError: a line that cannot be used.
    """
    for number, line in _lines(path):
        try:
            yield _drawing(line)
        except _UnusableError as problem:
            raise FormatError(
                f"{path}, line {number}: {problem}. Mend or remove this line and try again."
            ) from None


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Numbers, from 1, and lines that are not blank; of one that is too long, the beginning."""
    with path.open("rb", buffering=_READ_AHEAD) as file:
        number = 0
        while line := file.readline(_LONGEST_LINE):
            number += 1
            if number == 1:
                line = line.removeprefix(_BOM)
            if not line.isspace():
                yield number, line
            while len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
                line = file.readline(_LONGEST_LINE)


def _drawing(line: bytes) -> Drawing:
    """Any line as a drawing, with all that is known about it.

    Raises:
        _UnusableError: with the reason.
    """
    if len(line) >= _LONGEST_LINE:
        raise _UnusableError(LONG_LINE)
    try:
        row = _decode_any_line(line)
    except msgspec.ValidationError:
        raise _UnusableError(OUT_OF_RANGE if line.lstrip()[:1] == b"{" else NO_DRAWING) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _UnusableError(BROKEN if line.endswith(b"\n") else TRUNCATED_LINE) from None
    if row.drawing is None:
        raise _UnusableError(NO_DRAWING)
    try:
        strokes = msgspec.convert(row.drawing, list[list[list[float]]])
    except msgspec.ValidationError:
        raise _UnusableError(NO_NUMBERS) from None
    strokes = [stroke for stroke in strokes if any(stroke)]
    if not strokes:
        raise _UnusableError(EMPTY)
    if {len(stroke) for stroke in strokes} not in ({2}, {3}):
        raise _UnusableError(SHAPE)
    if any(len({len(values) for values in stroke}) > 1 for stroke in strokes):
        raise _UnusableError(UNEQUAL)
    try:
        with np.errstate(over="ignore"):
            drawing = Drawing.from_strokes(
                strokes,
                word=row.word if isinstance(row.word, str) and row.word else None,
                country=_country(row.countrycode),
                recognised=row.recognized if isinstance(row.recognized, bool) else None,
                key_id=_key_id(row.key_id),
                timestamp=_timestamp(row.timestamp),
            )
    except DrawingError:
        raise _UnusableError(OUT_OF_RANGE) from None
    if drawing.times is not None and not np.isfinite(drawing.times).all():
        raise _UnusableError(OUT_OF_RANGE)
    return drawing


def _framed(drawing: Drawing, skips: Skips) -> Drawing:
    """The drawing in the frame, with strokes that a store can hold.

    Raises:
        _UnusableError: a stroke is too long even when simplified.
    """
    is_raw = drawing.times is not None
    if is_raw or not in_frame(drawing) or drawing.lengths.max() > MAX_STROKE_POINTS:
        drawing = drawing.simplified()
        if drawing.lengths.max() > MAX_STROKE_POINTS:
            raise _UnusableError(LONG_STROKE)
        if not is_raw:
            skips.notes[FRAMED] += 1
    return drawing


def _key_id(value: Any) -> int | None:
    """A key from 1 to 2**64 - 1; None for anything else."""
    try:
        key_id = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return key_id if 0 < key_id < 1 << 64 else None


def _country(value: Any) -> str:
    return value if isinstance(value, str) and len(value) == 2 else ""


def _timestamp(value: Any) -> datetime | None:
    """Google's "2017-03-02 23:25:10.07453 UTC", or ISO 8601; None for anything else."""
    try:
        timestamp = datetime.fromisoformat(value.removesuffix(" UTC"))
        return timestamp.astimezone(UTC) if timestamp.tzinfo else timestamp.replace(tzinfo=UTC)
    except (AttributeError, ValueError, OverflowError):
        return None


def _joined(parts: list[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(parts), np.uint8)


def write_ndjson(drawings: Iterable[Drawing], path: Path) -> None:
    """Write drawings as Google does, one a line, raw if they have times.

    What is not known is written as null, the country as "".

    Args:
        path: replaced at once when all is written.
    """
    with replacing(path) as temporary, temporary.open("wb") as file:
        for drawing in drawings:
            row = {
                "word": drawing.word,
                "countrycode": drawing.country,
                "timestamp": _google_time(drawing.timestamp),
                "recognized": drawing.recognised,
                "key_id": None if drawing.key_id is None else str(drawing.key_id),
                "drawing": drawing.to_strokes(),
            }
            line = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
            file.write(line.encode() + b"\n")


def _google_time(timestamp: datetime | None) -> str | None:
    if timestamp is None:
        return None
    if timestamp.tzinfo is not None:
        timestamp = timestamp.astimezone(UTC).replace(tzinfo=None)
    text = timestamp.isoformat(sep=" ", timespec="microseconds")
    return text.rstrip("0").rstrip(".") + " UTC"


def _sniff(head: bytes, path: Path) -> bool:
    """An object on the first line; or on a later one, where the name says ndjson."""
    is_named_so = path.suffix.lower() in (".ndjson", ".jsonl")
    return head.removeprefix(_BOM).lstrip().startswith(b"{") or (is_named_so and b"\n{" in head)


NDJSON = SourceFormat(
    name="ndjson",
    sniff=_sniff,
    read_chunks=_read_chunks,
    read_drawings=_read_drawings,
)
