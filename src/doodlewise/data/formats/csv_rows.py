"""The rows of a CSV file, or of a stretch of one, as fields of bytes; a broken row harms no other.

Python's csv module knows neither where in the file it is nor where a row with a lost quotation mark
should have ended. Here, a row ends with its line unless a quotation mark is open, and then with the
line in which it is closed, unless that line is a whole row of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from ...errors import FormatError
from ..chunk import Skips

__all__ = ["CsvRows", "header_of"]

TRUNCATED_ROW = "truncated last row"
WRONG_COLUMNS = "wrong number of columns"
UNCLOSED = "a quotation mark that is not closed"
LONG_ROW = "row of more than 32 MiB"

_LONGEST_ROW = 32 << 20
_READ_AHEAD = 4 << 20
_LINES_TO_A_BORDER = 1_000
"""Lines that are tried for the beginning of a stretch before it is given up."""

_BOM = b"\xef\xbb\xbf"


def header_of(line: bytes) -> list[str]:
    """The names of the columns, in lower case."""
    fields = _fields(line.removeprefix(_BOM).rstrip(b"\r\n"))
    return [field.decode("utf-8", "replace").strip().lower() for field in fields]


class CsvRows:
    """Iterating gives, for each row: its line, its fields, and what is wrong with it.

    The line is counted from where the stretch begins; see `line_of`. The fields are bytes, with one
    empty field more behind the last, which is what columns that are not there are read from. What
    is wrong is "" for a whole row, and the fields of any other are those that could be made out.

    Args:
        path: of the file.
        first: where the stretch begins, bytes; a line must begin there.
        last: where the next one begins, bytes; None for the end.

    Attributes:
        names: of the columns, in lower case.
        at: how far the file has been read, bytes.
        size: of the file, bytes.
    """

    def __init__(self, path: Path, first: int = 0, last: int | None = None) -> None:
        self._path = path
        self.size = path.stat().st_size
        with path.open("rb") as file:
            header = file.readline(_LONGEST_ROW)
        self.names = header_of(header)
        self._first = max(first, len(header))
        self._last = self.size if last is None else last
        self.at = self._first

    def column(self, name: str) -> int:
        """Position of a column; that of an empty field if there is no such column."""
        return self.names.index(name) if name in self.names else len(self.names)

    def required(self, name: str, why: str) -> int:
        """Position of a column that must be there.

        Raises:
            FormatError: it is not there; the message ends with `why`.
        """
        if name not in self.names:
            raise FormatError(
                f"{self._path} has no column '{name}'; it has {', '.join(self.names)}. {why}"
            )
        return self.names.index(name)

    def line_of(self, number: int) -> int:
        """The line in the file of a line of the stretch."""
        return self._lines_before + number

    def place_of(self, number: int) -> str:
        """Such as "cat.csv:17", for a line of the stretch."""
        return f"{self._path.name}:{self.line_of(number)}"

    def unusable(self, skips: Skips, advice: str = "") -> FormatError:
        """The error for a stretch without one usable row, for the reasons in `skips`."""
        reasons = [f"{reason} ({n:,}x)" for reason, n in skips.counts.most_common(3)]
        return FormatError(
            f"There is not one usable row in {self._path} ({'; '.join(reasons) or 'it has none'})."
            f"{advice} For Kaggle's files, download and unpack them again."
        )

    @cached_property
    def _lines_before(self) -> int:
        count, left = 0, self._first
        with self._path.open("rb") as file:
            while left and (block := file.read(min(left, _READ_AHEAD))):
                count += block.count(b"\n")
                left -= len(block)
        return count

    def stretches(self, length: int) -> list[tuple[int, int]]:
        """Cut the file into stretches of about so many bytes; none if it is not longer than that.

        A stretch begins at a line that is a whole row, so that none begins within quotes.
        """
        borders = [0]
        with self._path.open("rb") as file:
            for aim in range(length, self.size - length // 2, length):
                file.seek(max(aim, borders[-1]))
                file.readline(_LONGEST_ROW)
                for _ in range(_LINES_TO_A_BORDER):
                    at = file.tell()
                    line = file.readline(_LONGEST_ROW)
                    if self._is_whole(line):
                        borders.append(at)
                        break
        return list(pairwise([*dict.fromkeys(borders), self.size])) if len(borders) > 1 else []

    def __iter__(self) -> Iterator[tuple[int, list[bytes], str]]:
        n_columns, word = len(self.names), self.column("word")
        word_above = b""
        with self._path.open("rb", buffering=_READ_AHEAD) as file:
            for number, row, problem in self._rows(file):
                text = row.rstrip(b"\r\n")
                if not text:
                    continue
                fields = _fields(text) if problem != LONG_ROW else []
                if not problem and len(fields) != n_columns:
                    problem = WRONG_COLUMNS if row.endswith(b"\n") else TRUNCATED_ROW
                elif word == n_columns - 1 and not problem:
                    # The end of a file may be lost within the last field of its last row.
                    if not row.endswith(b"\n") and fields[word] != word_above:
                        problem = TRUNCATED_ROW if word_above.startswith(fields[word]) else ""
                    word_above = fields[word]
                fields.append(b"")
                yield number, fields, problem

    def _rows(self, file: BinaryIO) -> Iterator[tuple[int, bytes, str]]:
        """First line, text and problem of each row: one line, or several within quotes."""
        file.seek(self._first)
        self.at = begin = self._first
        number, line = 0, self._line(file)
        while line and begin < self._last:
            number += 1
            start, row = number, line
            is_open = line.count(b'"') % 2 == 1
            begin, line = self.at, self._line(file)
            while is_open and line and len(row) < _LONGEST_ROW and not self._is_whole(line):
                number, row = number + 1, row + line
                is_open = line.count(b'"') % 2 == 0
                begin, line = self.at, self._line(file)
            if len(row) >= _LONGEST_ROW:
                yield start, row, LONG_ROW
            elif is_open:
                yield start, row, UNCLOSED if line else TRUNCATED_ROW
            else:
                yield start, row, ""

    def _line(self, file: BinaryIO) -> bytes:
        """The next line; of one that is too long, the beginning."""
        line = file.readline(_LONGEST_ROW)
        self.at += len(line)
        if len(line) == _LONGEST_ROW:
            rest = line
            while rest and not rest.endswith(b"\n"):
                rest = file.readline(_LONGEST_ROW)
                self.at += len(rest)
        return line

    def _is_whole(self, line: bytes) -> bool:
        """Whether a line can only be a row of its own."""
        if line.count(b'"') % 2:
            return False
        fields = _fields(line.rstrip(b"\r\n"))
        drawing = self.column("drawing")
        return len(fields) == len(self.names) and (
            drawing == len(fields) or fields[drawing].startswith(b"[")
        )


def _fields(text: bytes) -> list[bytes]:
    """The fields of a row, without their quotation marks."""
    pieces = text.split(b'"')
    # Most rows have one field in quotes, the drawing.
    if len(pieces) == 3:
        fields = pieces[0].split(b",")
        after = pieces[2]
        if not fields[-1] and after[:1] in b",":
            fields[-1] = pieces[1]
            if after:
                fields += after[1:].split(b",")
            return fields
    fields = [b""]
    for index, piece in enumerate(pieces):
        if index % 2:
            fields[-1] += piece
        elif not piece and 0 < index < len(pieces) - 1:
            fields[-1] += b'"'
        else:
            head, *others = piece.split(b",")
            fields[-1] += head
            fields += others
    return fields
