"""Where the first rows of a remote file end, found while its bytes arrive.

A head is fed the bytes of a file from its start, in pieces of any size. It counts whole rows, knows
where the last of them ends, and recognises bytes that cannot be of its format.
"""

from __future__ import annotations

import io
import zipfile
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from ..errors import FormatError
from .catalog import Format

__all__ = ["Head", "head_of"]

_SMALLEST_REQUEST = 1 << 14
"""Fewer bytes are not worth the time of a request."""

_LONGEST_NPY_HEADER = 1 << 16

_RECORD_HEADER = 17
"""Bytes before the strokes of a binary record; see `formats.binary`."""

_LONGEST_RECORD = 1 << 25


def head_of(format: Format, limit: int | None) -> Head:
    """The head for files of this format, done after `limit` rows; None: after the whole file."""
    if format == "sketchrnn":
        return ZipHead()
    if format == "bitmap":
        return ArrayHead(limit, typical_row=784)
    if format == "binary":
        return RecordHead(limit, typical_row=130)
    return LineHead(limit, typical_row=600 if format == "simplified" else 5_000)


class Head(ABC):
    """The first rows of a file.

    Attributes:
        rows: whole rows so far, at most `limit`; None where the format cannot be cut.
        end: the offset after them.
        seen: how many bytes were fed.
    """

    rows: int | None

    def __init__(self, limit: int | None, typical_row: float) -> None:
        self.limit, self.typical_row = limit, typical_row
        self.rows = 0
        self.end = 0
        self.seen = 0

    def feed(self, data: bytes) -> None:
        """Go on with the next bytes of the file; those after the last row wanted do no harm.

        Raises:
            FormatError: they cannot be of this format.
        """
        if data and not self.done:
            self._feed(data)
            self.seen += len(data)

    @property
    def done(self) -> bool:
        """Whether all rows that are wanted are there."""
        return self.limit is not None and self.rows is not None and self.rows >= self.limit

    @property
    def goal(self) -> int | None:
        """The offset after the last row wanted, where it is known before it is reached."""
        return None

    def next_stop(self) -> int | None:
        """The offset up to which to ask for bytes next; None: the end of the file."""
        if self.limit is None or self.rows is None:
            return None
        row = self.end / self.rows if self.rows else self.typical_row
        return self.seen + max(_SMALLEST_REQUEST, int(1.1 * row * (self.limit - self.rows)))

    def close(self) -> None:
        """Take note that the file ended here.

        Raises:
            FormatError: it ended within a row, or without any.
        """
        if self.seen > self.end:
            raise FormatError(f"it ends in the middle of a row, {self.seen - self.end} bytes in")
        if self.rows == 0:
            raise FormatError("it is empty")

    def mend(self, path: Path) -> None:  # noqa: B027 - most formats need nothing
        """Make a whole file of the first `end` bytes, which lie at `path`.

        Raises:
            FormatError: that is not possible.
        """

    @abstractmethod
    def _feed(self, data: bytes) -> None: ...


class LineHead(Head):
    """One JSON object a line; the line feed after the last one may be missing."""

    rows: int

    def __init__(self, limit: int | None, typical_row: float) -> None:
        super().__init__(limit, typical_row)
        self._last = b""

    def close(self) -> None:
        if self.seen > self.end and self._last == b"}":
            self.rows += 1
            self.end = self.seen
        super().close()

    def _feed(self, data: bytes) -> None:
        if not self.seen and data[:1] != b"{":
            raise FormatError("it does not begin with a JSON object")
        lines = data.count(b"\n")
        if self.limit is not None and self.rows + lines > self.limit:
            lines = self.limit - self.rows
            at = -1
            for _ in range(lines):
                at = data.index(b"\n", at + 1)
        else:
            at = data.rfind(b"\n")
        if lines:
            self.rows += lines
            self.end = self.seen + at + 1
        self._last = data[-1:]


class RecordHead(Head):
    """Binary records, one after another, each as long as its strokes say."""

    rows: int

    def __init__(self, limit: int | None, typical_row: float) -> None:
        super().__init__(limit, typical_row)
        self._begun = b""

    def _feed(self, data: bytes) -> None:
        data = self._begun + data
        start = 0
        while not self.done and (stop := _record_end(data, start)) is not None:
            self.rows += 1
            start = stop
        self.end += start
        self._begun = data[start:]
        if len(self._begun) > _LONGEST_RECORD:
            raise FormatError("its records are not as they should be")


class ArrayHead(Head):
    """A NumPy file; cut short, it says so in its header, which keeps its length."""

    rows: int

    def __init__(self, limit: int | None, typical_row: float) -> None:
        super().__init__(limit, typical_row)
        self._begun = b""
        self._header_length = 0
        self._row_bytes = 0
        self._declared = 0

    @property
    def goal(self) -> int | None:
        if self.limit is None or not self._header_length:
            return None
        return self._header_length + self.limit * self._row_bytes

    def next_stop(self) -> int | None:
        if self.limit is None:
            return None
        return self.goal or 128 + int(self.typical_row) * self.limit

    def close(self) -> None:
        super().close()
        # More than declared is what is seen when a file that was cut short is fetched to its end.
        if self.rows < self._declared:
            raise FormatError(f"it ends after {self.rows:,} of {self._declared:,} rows")

    def mend(self, path: Path) -> None:
        with path.open("r+b") as file:
            version = npy.read_magic(file)
            start = file.tell()
            shape, _, dtype = _read_header(file, version)
            length_bytes = 2 if version == (1, 0) else 4
            if shape[0] != self.rows:
                shape = (self.rows, *shape[1:])
                text = f"{{'descr': {dtype.str!r}, 'fortran_order': False, 'shape': {shape}, }}"
                room = self._header_length - start - length_bytes - 1
                if len(text) > room:
                    raise FormatError("its NumPy header has no room for another number of rows")
                file.seek(start + length_bytes)
                file.write(text.ljust(room).encode("latin1") + b"\n")

    def _feed(self, data: bytes) -> None:
        if not self._header_length:
            self._begun += data
            self._parse_header()
        if self._header_length:
            rows = (self.seen + len(data) - self._header_length) // self._row_bytes
            self.rows = rows if self.limit is None else min(rows, self.limit)
            self.end = self._header_length + self.rows * self._row_bytes

    def _parse_header(self) -> None:
        """Find out how long rows are, once the header is there as a whole."""
        begun = self._begun
        if not begun.startswith(npy.MAGIC_PREFIX[: len(begun)]):
            raise FormatError("it is not a NumPy file")
        if len(begun) < 12:
            return
        text_length, text_start = (
            (int.from_bytes(begun[8:10], "little"), 10)
            if begun[6] == 1
            else (int.from_bytes(begun[8:12], "little"), 12)
        )
        if text_length > _LONGEST_NPY_HEADER:
            raise FormatError("its NumPy header has an impossible length")
        if len(begun) < text_start + text_length:
            return
        try:
            file = io.BytesIO(begun)
            shape, fortran_order, dtype = _read_header(file, npy.read_magic(file))
        except ValueError as error:
            raise FormatError("its NumPy header cannot be read") from error
        row_bytes = dtype.itemsize * int(np.prod(shape[1:]))
        if dtype.hasobject or dtype.fields or fortran_order or not shape or not row_bytes:
            raise FormatError(f"rows of {dtype} in shape {shape} cannot be cut from it")
        self._header_length, self._row_bytes = text_start + text_length, row_bytes
        self._declared, self._begun = shape[0], b""


class ZipHead(Head):
    """A file of zipped arrays, which cannot be cut: its table of contents comes last."""

    def __init__(self) -> None:
        super().__init__(limit=None, typical_row=0)
        self.rows = None

    def mend(self, path: Path) -> None:
        try:
            with zipfile.ZipFile(path) as archive:
                damaged = archive.testzip()
        except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError) as error:
            raise FormatError("it is a broken archive") from error
        if damaged:
            raise FormatError(f"{damaged} in it is damaged")

    def _feed(self, data: bytes) -> None:
        if self.seen < 2 and not b"PK".startswith(data[: 2 - self.seen], self.seen):
            raise FormatError("it is not a zipped NumPy file")
        self.end += len(data)


def _record_end(data: bytes, start: int) -> int | None:
    """The offset after the record that starts here; None where it is not there as a whole."""
    end = start + _RECORD_HEADER
    if end > len(data):
        return None
    if data[start + 10] > 1:
        raise FormatError("its records are not as they should be")
    for _ in range(data[start + 15] | data[start + 16] << 8):
        if end + 2 > len(data):
            return None
        end += 2 + 2 * (data[end] | data[end + 1] << 8)
    return end if end <= len(data) else None


def _read_header(
    file: io.BufferedIOBase, version: tuple[int, int]
) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    return read(file)
