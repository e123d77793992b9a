"""Kaggle's CSV files of drawings: of the Doodle Recognition Challenge, and the Doodle Dataset.

Columns are found by their names, in whatever order they are: `drawing` (strokes, simplified or raw)
or `image_path` (a picture, see `doodle_dataset`), and where they are there `word`, `countrycode`,
`recognized`, `key_id` and `timestamp`.

Source of the layouts: notebooks in public repositories that show the heads of the files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ...drawing import Drawing
from ...errors import FormatError
from ..chunk import Chunk, Skips, Source, SourceFormat, Wanted
from .csv_rows import CsvRows, header_of
from .doodle_dataset import PICTURE_COLUMN, read_pictures, sample_pictures
from .kaggle_columns import KaggleColumns
from .strokes_of_json import (
    StrokeRows,
    UnusableError,
    drawing_of,
    framed,
    timestamp_of,
)

__all__ = ["CSV", "DrawingRows", "count_rows"]

BROKEN_DRAWING = "broken drawing"
NO_DRAWING = "no drawing in the row"

_STRETCH = 32 << 20
_PICTURES_STRETCH = 4 << 20
"""Bytes of CSV that are read as one task; each stands for thousands of pictures to open."""

_decode_strokes = msgspec.json.Decoder(list[list[list[int | float]]]).decode
_decode_any = msgspec.json.Decoder().decode


class DrawingRows:
    """Turns rows of a CSV file into drawings.

    Args:
        table: the file.
        word: the class of rows that do not say theirs.
        label_column: see `Wanted`.

    Raises:
        FormatError: the file has no strokes.
    """

    def __init__(self, table: CsvRows, word: str, label_column: str | None = None) -> None:
        why = "Strokes are in a column 'drawing'."
        if PICTURE_COLUMN in table.names:
            why = "It lists pictures; say how large they are to be, for example --size 64."
        self._drawing = table.required("drawing", why)
        self._timestamp = table.column("timestamp")
        self._columns = KaggleColumns(table, word, label_column)

    def add(self, fields: list[bytes], rows: StrokeRows, skips: Skips) -> None:
        """Add a row to a chunk, brought into the frame.

        Raises:
            UnusableError: with the reason; nothing is added.
        """
        columns = self._columns
        word = columns.word(fields)
        try:
            strokes = _decode_strokes(fields[self._drawing])
        except (msgspec.DecodeError, RecursionError):
            strokes = []
        if not rows.add_strokes(
            strokes,
            word,
            columns.key_id(fields),
            columns.country(fields),
            columns.recognised(fields),
        ):
            rows.add_drawing(framed(self.drawing(fields), skips), word)

    def drawing(self, fields: list[bytes]) -> Drawing:
        """The drawing of a row as it is, with all that is known about it.

        Raises:
            UnusableError: with the reason.
        """
        text, columns = fields[self._drawing], self._columns
        if not text:
            raise UnusableError(NO_DRAWING)
        try:
            strokes = _decode_any(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise UnusableError(BROKEN_DRAWING) from None
        return drawing_of(
            strokes,
            word=columns.word(fields) or None,
            country=columns.country(fields),
            recognised=columns.recognised(fields),
            key_id=columns.key_id(fields),
            timestamp=timestamp_of(fields[self._timestamp].decode("ascii", "replace")),
        )


def count_rows(source: Source) -> Counter[tuple[str, str]]:
    """Rows of a source by word and country, without a look at the drawings."""
    table = CsvRows(source.path, source.first, source.last)
    columns = KaggleColumns(table, source.word)
    counts: Counter[tuple[str, str]] = Counter()
    for _, fields, problem in table:
        if not problem:
            counts[columns.word(fields), columns.country(fields)] += 1
    return counts


def _read_chunks(source: Source, wanted: Wanted, skips: Skips) -> Iterator[Chunk]:
    """The rows of a file; see `SourceFormat.read_chunks`.

    Raises:
        FormatError: there is not one usable row, or no column of what is wanted.
    """
    table = CsvRows(source.path, source.first, source.last)
    if wanted.image is not None:
        yield from read_pictures(table, source, wanted, skips)
        return
    drawings = DrawingRows(table, source.word, wanted.label_column)
    rows, n_rows = StrokeRows(), 0
    for number, fields, problem in table:
        try:
            if problem:
                raise UnusableError(problem)
            drawings.add(fields, rows, skips)
        except UnusableError as reason:
            skips.add(str(reason), table.place_of(number))
            continue
        n_rows += 1
        if rows.is_full:
            yield rows.chunk(skips)
            rows = StrokeRows()
    if len(rows):
        yield rows.chunk(skips)
    if n_rows == 0:
        raise table.unusable(skips)


def _read_drawings(path: Path) -> Iterator[Drawing]:
    """The drawings of a file as they are in it; see `SourceFormat.read_drawings`.

    Raises:
        FormatError: no strokes, or a row that cannot be used.
    """
    table = CsvRows(path)
    drawings = DrawingRows(table, "")
    for number, fields, problem in table:
        try:
            if problem:
                raise UnusableError(problem)
            yield drawings.drawing(fields)
        except UnusableError as reason:
            raise FormatError(
                f"{path}, line {table.line_of(number)}: {reason}. Mend or remove this row and try"
                " again."
            ) from None


def _cut(path: Path, wanted: Wanted) -> list[tuple[int, int]]:
    """Stretches of a long file; see `SourceFormat.cut`."""
    return CsvRows(path).stretches(_STRETCH if wanted.image is None else _PICTURES_STRETCH)


def _sniff(head: bytes, _path: Path) -> bool:
    """A first line that is a header with strokes or pictures."""
    line = head.split(b"\n", 1)[0]
    return not {"drawing", PICTURE_COLUMN}.isdisjoint(header_of(line))


CSV = SourceFormat(
    name="csv",
    sniff=_sniff,
    read_chunks=_read_chunks,
    read_drawings=_read_drawings,
    cut=_cut,
    sample=sample_pictures,
    count=count_rows,
)
