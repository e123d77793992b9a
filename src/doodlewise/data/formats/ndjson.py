"""Files with one JSON object a line, as Google writes them: simplified, or raw with times.

A line as Google writes it is decoded by type, any other as whatever it is, to find out what is
wrong with it. No line is fatal.

Source of the layout: README of googlecreativelab/quickdraw-dataset.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from ...drawing import Drawing
from ...errors import FormatError
from ...files import replacing
from ..chunk import Chunk, Skips, Source, SourceFormat, Wanted
from .naming import mend_command
from .strokes_of_json import (
    OUT_OF_RANGE,
    StrokeRows,
    UnusableError,
    country_of,
    drawing_of,
    framed,
    key_id_of,
    timestamp_of,
)

__all__ = ["NDJSON", "write_ndjson"]

BROKEN = "broken JSON"
TRUNCATED_LINE = "truncated last line"
LONG_LINE = "line of more than 32 MiB"
NO_DRAWING = "no drawing in the line"

_LONGEST_LINE = 32 << 20
_READ_AHEAD = 1 << 20

_BOM = b"\xef\xbb\xbf"


class _Line(msgspec.Struct, gc=False):
    """A line as Google writes it, as far as a chunk has a place for it."""

    drawing: list[list[list[int | float]]]
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


def _read_chunks(source: Source, _wanted: Wanted, skips: Skips) -> Iterator[Chunk]:
    """The rows of a file; see `SourceFormat.read_chunks`.

    Raises:
        FormatError: there is not one usable line in the file.
    """
    path, word = source.path, source.word
    rows, n_rows = StrokeRows(), 0
    is_raw = False
    first_bad: list[str] = []
    for number, line in _lines(path):
        if not _add_line(line, rows, word):
            try:
                drawing = _drawing(line)
                is_raw = is_raw or drawing.times is not None
                rows.add_drawing(framed(drawing, skips), word)
            except UnusableError as problem:
                place = f"{path.name}:{number}"
                if str(problem) == TRUNCATED_LINE:
                    place += f", run: {mend_command(path, 'raw' if is_raw else 'simplified')}"
                skips.add(str(problem), place)
                if len(first_bad) < 3:
                    first_bad.append(f"line {number}: {problem}")
                continue
        n_rows += 1
        is_raw = is_raw or rows.has_raw
        if rows.is_full:
            yield rows.chunk(skips)
            rows = StrokeRows()
    if len(rows):
        yield rows.chunk(skips)
    if n_rows == 0:
        found = "; ".join(first_bad) or "it has no lines"
        raise FormatError(
            f"There is not one usable drawing in {path} ({found}). Each line has to be a JSON"
            ' object such as {"word": "cat", "drawing": [[[0, 255], [0, 255]]]}. For a file of'
            f" Google's, run: {mend_command(path)}"
        )


def _add_line(line: bytes, rows: StrokeRows, word: str) -> bool:
    """Add a line as Google writes it; False, and nothing added, if it is any other."""
    try:
        row = _decode_line(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return rows.add_strokes(
        row.drawing,
        row.word or word,
        key_id_of(row.key_id),
        country_of(row.countrycode),
        row.recognized,
    )


def _read_drawings(path: Path) -> Iterator[Drawing]:
    """The drawings of a file as they are in it; see `SourceFormat.read_drawings`.

    Raises:
        FormatError: a line that cannot be used.
    """
    for number, line in _lines(path):
        try:
            yield _drawing(line)
        except UnusableError as problem:
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
        UnusableError: with the reason.
    """
    if len(line) >= _LONGEST_LINE:
        raise UnusableError(LONG_LINE)
    try:
        row = _decode_any_line(line)
    except msgspec.ValidationError:
        raise UnusableError(OUT_OF_RANGE if line.lstrip()[:1] == b"{" else NO_DRAWING) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UnusableError(BROKEN if line.endswith(b"\n") else TRUNCATED_LINE) from None
    if row.drawing is None:
        raise UnusableError(NO_DRAWING)
    return drawing_of(
        row.drawing,
        word=row.word if isinstance(row.word, str) and row.word else None,
        country=country_of(row.countrycode),
        recognised=row.recognized if isinstance(row.recognized, bool) else None,
        key_id=key_id_of(row.key_id),
        timestamp=timestamp_of(row.timestamp),
    )


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
