"""Google's .bin files: simplified drawings in records of bytes, one after the other, no header.

Little-endian, without padding: uint64 key_id, char[2] country, int8 recognised, uint32 timestamp
(Unix seconds), uint16 number of strokes; for each stroke uint16 number of points n, uint8 x[n],
uint8 y[n]. The word is the file's name.

A record has to be walked through to find the next: a loop over the few bytes that say how long
things are does that, and NumPy then takes all points of a block at once.

Source: examples/binary_file_parser.py of googlecreativelab/quickdraw-dataset.
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...drawing import Drawing
from ...errors import DrawingError, FormatError
from ...files import replacing
from ...ragged import Ragged
from ..chunk import Chunk, Skips, Source, SourceFormat, Wanted
from .naming import mend_command, word_of
from .rows import EMPTY, MAX_STROKE_POINTS, TRUNCATED, in_frame, strokes_chunk

__all__ = ["BINARY", "COUNTRIES", "HEADER", "UNKNOWN_COUNTRY", "write_binary"]

GARBAGE = "bytes that are not a drawing"

HEADER = struct.Struct("<Q2sbIH")
_HEADER_FIELDS = np.dtype(
    [
        ("key_id", "<u8"),
        ("country", "S2"),
        ("recognised", "i1"),
        ("timestamp", "<u4"),
        ("n_strokes", "<u2"),
    ]
)
COUNTRIES = frozenset(bytes(pair) for pair in itertools.product(range(65, 91), repeat=2))
UNKNOWN_COUNTRY = b"ZZ"

_BLOCK = 1 << 20
"""Bytes that are read at once: 8,000 drawings, about."""
_LONGEST_RECORD = 32 << 20


class _BrokenOffError(Exception):
    """From here on the file cannot be read; the message is the reason.

    Attributes:
        at: where in the file, bytes.
    """

    def __init__(self, reason: str, at: int) -> None:
        super().__init__(reason)
        self.at = at


@dataclass(frozen=True, slots=True)
class _Records:
    """The drawings of a block.

    Attributes:
        headers: _HEADER_FIELDS (drawings,).
        drawings: as they are in the file, but for strokes without points.
        empty_at: places in the file of drawings without points, which are left out, bytes.
    """

    headers: NDArray[Any]
    drawings: Ragged
    empty_at: list[int]


def _read_chunks(source: Source, _wanted: Wanted, skips: Skips) -> Iterator[Chunk]:
    """The rows of a file; see `SourceFormat.read_chunks`.

    Raises:
        FormatError: there is not one drawing in the file.
    """
    path, n_rows = source.path, 0
    end = "none has points" if path.stat().st_size else "it is empty"
    try:
        for records in _records(path):
            for at in records.empty_at:
                skips.add(EMPTY, f"{path.name} at byte {at:,}")
            headers, drawings = records.headers, records.drawings
            if not len(drawings):
                continue
            n_rows += len(drawings)
            yield strokes_chunk(
                names=[source.word],
                labels=np.zeros(len(drawings), np.int32),
                key_ids=headers["key_id"].astype(np.uint64),
                codes=np.where(headers["country"] == UNKNOWN_COUNTRY, b"", headers["country"]),
                recognised=headers["recognised"].astype(np.int8),
                points=drawings.points,
                stroke_lengths=drawings.stroke_lengths,
                strokes_per_drawing=np.diff(drawings.stroke_offsets),
                skips=skips,
            )
    except _BrokenOffError as problem:
        end = f"{problem} at byte {problem.at:,}"
        skips.add(
            str(problem), f"{path.name} at byte {problem.at:,}, run: {mend_command(path, 'binary')}"
        )
    if n_rows == 0:
        raise FormatError(
            f"There is not one drawing in {path} ({end}). For a file of Google's, run:"
            f" {mend_command(path, 'binary')}"
        )


def _read_drawings(path: Path) -> Iterator[Drawing]:
    """The drawings of a file as they are in it; see `SourceFormat.read_drawings`.

    Raises:
        FormatError: a drawing without points, or bytes that are not a drawing.
    """
    word = word_of(path)
    advice = f"For a file of Google's, run: {mend_command(path, 'binary')}"
    try:
        for records in _records(path):
            if records.empty_at:
                raise _BrokenOffError(EMPTY, records.empty_at[0])
            for index, header in enumerate(records.headers.tolist()):
                key_id, country, recognised, seconds, _ = header
                bare = records.drawings[index]
                yield Drawing(
                    points=bare.points,
                    lengths=bare.lengths,
                    word=word,
                    country=_country(country),
                    recognised=recognised == 1,
                    key_id=key_id or None,
                    timestamp=datetime.fromtimestamp(seconds, UTC) if seconds else None,
                )
    except _BrokenOffError as problem:
        raise FormatError(f"{path} at byte {problem.at:,}: {problem}. {advice}") from None


def _records(path: Path) -> Iterator[_Records]:
    """The drawings of a file, block by block.

    Raises:
        _BrokenOffError: the file ends within a record, or something else begins; all drawings
            before were yielded.
    """
    size = path.stat().st_size
    at, wanted = 0, _BLOCK
    with path.open("rb") as file:
        while at < size:
            file.seek(at)
            block = file.read(wanted)
            is_last = at + len(block) >= size
            scan = _scan(block)
            if len(scan.starts):
                yield _take(block, scan, at)
            at += scan.end
            if scan.is_stopped or (not len(scan.starts) and wanted >= _LONGEST_RECORD):
                raise _BrokenOffError(GARBAGE, at)
            if is_last and at < size:
                raise _BrokenOffError(TRUNCATED, at)
            wanted = _BLOCK if len(scan.starts) else 2 * wanted


@dataclass(frozen=True, slots=True)
class _Scan:
    """Where the whole records of a block are.

    Attributes:
        starts: where each record begins, bytes.
        n_strokes: strokes of each record.
        lengths: points of each stroke.
        end: where the last whole record ends, bytes.
        is_stopped: whether what comes next is no record.
    """

    starts: NDArray[np.int64]
    n_strokes: NDArray[np.int64]
    lengths: NDArray[np.int64]
    end: int
    is_stopped: bool


def _scan(block: bytes) -> _Scan:
    """Find the records, by compiled code where there is numba, which the reading of data needs."""
    try:
        from .binary_host import walk
    except ImportError:
        return _scan_plainly(block)
    return _Scan(*walk(block))


def _scan_plainly(block: bytes) -> _Scan:
    starts: list[int] = []
    n_strokes: list[int] = []
    lengths: list[int] = []
    size = len(block)
    start = 0
    is_stopped = False
    while start + HEADER.size <= size:
        if block[start + 8 : start + 10] not in COUNTRIES or block[start + 10] > 1:
            is_stopped = True
            break
        count = block[start + 15] | block[start + 16] << 8
        n_before = len(lengths)
        at = start + HEADER.size
        try:
            for _ in range(count):
                length = block[at] | block[at + 1] << 8
                lengths.append(length)
                at += 2 + 2 * length
        except IndexError:
            at = size + 1
        if at > size:
            del lengths[n_before:]
            break
        starts.append(start)
        n_strokes.append(count)
        start = at
    return _Scan(
        np.array(starts, np.int64),
        np.array(n_strokes, np.int64),
        np.array(lengths, np.int64),
        start,
        is_stopped,
    )


def _take(block: bytes, scan: _Scan, block_at: int) -> _Records:
    """Take the scanned records out of a block that begins at `block_at` in the file."""
    starts, lengths = scan.starts, scan.lengths
    every = np.frombuffer(block, np.uint8)
    headers = every[starts[:, None] + np.arange(HEADER.size)].view(_HEADER_FIELDS)[:, 0]
    points = _points_of(block, scan)
    record_of_stroke = np.repeat(np.arange(len(starts)), scan.n_strokes)
    has_points = lengths > 0
    strokes_per_drawing = np.bincount(record_of_stroke[has_points], minlength=len(starts))
    is_drawn = strokes_per_drawing > 0
    return _Records(
        headers=headers[is_drawn],
        drawings=Ragged.from_lengths(
            points, lengths[has_points].astype(np.int32), strokes_per_drawing[is_drawn]
        ),
        empty_at=(block_at + starts[~is_drawn]).tolist(),
    )


def _points_of(block: bytes, scan: _Scan) -> NDArray[np.uint8]:
    """The points of all records, uint8 (points, 2), by compiled code where there is numba."""
    try:
        from .binary_host import points_of
    except ImportError:
        return _points_plainly(block, scan)
    return points_of(block, scan.starts, scan.n_strokes, scan.lengths)


def _points_plainly(block: bytes, scan: _Scan) -> NDArray[np.uint8]:
    every, lengths = np.frombuffer(block, np.uint8), scan.lengths
    record_of_stroke = np.repeat(np.arange(len(scan.starts)), scan.n_strokes)
    # The block is, stroke after stroke: something between (a header, the length), all x, all y.
    stroke_ends = np.cumsum(2 + 2 * lengths) + (record_of_stroke + 1) * HEADER.size
    between = np.diff(stroke_ends, prepend=0) - 2 * lengths
    sizes = np.stack([between, lengths, lengths], axis=1)
    what = np.repeat(np.tile(np.arange(3, dtype=np.uint8), len(lengths)), sizes.reshape(-1))
    inked = every[: len(what)]
    return np.stack([inked[what == 1], inked[what == 2]], axis=1)


def _country(code: bytes) -> str:
    return "" if code == UNKNOWN_COUNTRY else code.decode("ascii")


def write_binary(drawings: Iterable[Drawing], path: Path) -> None:
    """Write drawings that are in the frame as Google's .bin.

    The word is not written: the reader takes it from the file's name. An unknown country becomes
    "ZZ"; an unknown key, time or recognition becomes 0.

    Args:
        path: replaced at once when all is written.

    Raises:
        DrawingError: what the format has no room for; nothing is written.
    """
    with replacing(path) as temporary, temporary.open("wb") as file:
        for number, drawing in enumerate(drawings, 1):
            file.write(_record(drawing, number))


def _record(drawing: Drawing, number: int) -> bytes:
    if not in_frame(drawing):
        raise DrawingError(
            f"Drawing {number} has coordinates that are not whole numbers from 0 to 255, and a .bin"
            " file holds no others. Bring it into the frame by .simplified(), or write ndjson."
        )
    country = drawing.country.encode() or UNKNOWN_COUNTRY
    if country not in COUNTRIES:
        raise DrawingError(
            f"Drawing {number} has the country {drawing.country!r}."
            " Give two capital letters, or an empty string."
        )
    key_id = drawing.key_id or 0
    seconds = _unix_seconds(drawing.timestamp)
    longest = int(drawing.lengths.max())
    if not (
        0 <= key_id < 1 << 64
        and 0 <= seconds < 1 << 32
        and drawing.n_strokes <= 0xFFFF
        and longest <= MAX_STROKE_POINTS
    ):
        raise DrawingError(
            f"Drawing {number} does not fit into a .bin file (key {key_id}, {seconds} seconds since"
            f" 1970, {drawing.n_strokes} strokes of up to {longest} points). Write ndjson."
        )
    header = HEADER.pack(key_id, country, drawing.recognised is True, seconds, drawing.n_strokes)
    points = drawing.points.astype(np.uint8)
    parts = [header]
    for stroke in np.split(points, np.cumsum(drawing.lengths)[:-1]):
        parts += [struct.pack("<H", len(stroke)), stroke[:, 0].tobytes(), stroke[:, 1].tobytes()]
    return b"".join(parts)


def _unix_seconds(timestamp: datetime | None) -> int:
    """Whole seconds since 1970, UTC, which is also what a time without a zone is taken for."""
    if timestamp is None:
        return 0
    if timestamp.tzinfo is None:
        timestamp = timestamp.replace(tzinfo=UTC)
    return math.floor(timestamp.timestamp())


def _sniff(head: bytes, _path: Path) -> bool:
    """A plausible first record, and a plausible beginning of the second."""
    if len(head) < HEADER.size + 2:
        return False
    _, country, recognised, _, n_strokes = HEADER.unpack_from(head)
    n_points = int.from_bytes(head[HEADER.size : HEADER.size + 2], "little")
    if country not in COUNTRIES or recognised not in (0, 1) or 0 in (n_strokes, n_points):
        return False
    scan = _scan_plainly(head)
    return len(scan.starts) > 1 or not scan.is_stopped


BINARY = SourceFormat(
    name="binary",
    sniff=_sniff,
    read_chunks=_read_chunks,
    read_drawings=_read_drawings,
)
