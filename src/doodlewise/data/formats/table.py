"""Tables, Parquet or Arrow: a row for each drawing or picture, its class in a column.

The columns are found by their usual names; see `table_columns`. A table is read a few thousand rows
at a time. Rows are counted from 0, as pandas does. Where there are both strokes and pictures,
pictures are taken if they are asked for (--size).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...drawing import Drawing
from ...errors import DrawingError, FormatError, PictureError
from ...image import Picture
from ..chunk import Chunk, Origins, Skips, Source, SourceFormat, Wanted
from .doodle_dataset import UNOPENED
from .framing import framed
from .rows import TRUNCATED, content_key, strokes_chunk
from .table_columns import (
    Columns,
    class_names,
    codes_in,
    find_columns,
    key_ids_in,
    labels_in,
    no_label_column,
    recognised_in,
)
from .table_files import (
    ARROW_FILE,
    ARROW_STREAM,
    PARQUET,
    BrokenTableError,
    TableFile,
    breaking_off,
    open_table,
)
from .table_pictures import Pictures
from .table_strokes import Strokes, strokes_in

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TABLE"]

_STROKE_ROWS = 2048
_PICTURE_ROWS = 64
"""Rows that are read at once: a photo is as large as a thousand drawings."""
_STRETCH_BYTES = 32 << 20
_SAMPLES = 8
_LARGEST_SCHEMA = 64 << 20


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known about the rows of a batch, apart from what is drawn; see `Chunk`.

    Attributes:
        problems: why rows cannot be used, by row.
    """

    names: list[str]
    labels: NDArray[np.int32]
    key_ids: NDArray[np.uint64]
    codes: NDArray[np.bytes_]
    recognised: NDArray[np.int8]
    problems: dict[int, str]

    def word(self, row: int) -> str:
        return self.names[self.labels[row]] if self.labels[row] >= 0 else ""

    def country(self, row: int) -> str:
        return str(self.codes[row].decode("ascii"))

    def is_wanted(self, row: int, wanted: Wanted) -> bool:
        return wanted.takes(self.word(row), self.country(row), int(self.recognised[row]))

    def take(self, rows: NDArray[np.int64]) -> _Known:
        """These rows, and the names that occur in them."""
        used, labels = np.unique(self.labels[rows], return_inverse=True)
        return _Known(
            [self.names[label] for label in used.tolist()],
            labels.astype(np.int32),
            self.key_ids[rows],
            self.codes[rows],
            self.recognised[rows],
            {},
        )


class _Table:
    """A table whose columns have been found; as pictures, or as strokes.

    Attributes:
        columns: those that are used.
        as_pictures: whether pictures are taken.
        drawn: the column of what is drawn.
    """

    def __init__(self, path: Path, wanted: Wanted) -> None:
        self._file: TableFile = open_table(path)
        self.schema = self._file.schema
        self.columns: Columns = find_columns(self.schema, path, wanted.label_column)
        self.as_pictures = self.columns.strokes is None or (
            wanted.image is not None and self.columns.picture is not None
        )
        drawn = self.columns.picture if self.as_pictures else self.columns.strokes
        assert drawn is not None
        self.drawn = drawn

    def batches(self, source: Source) -> Iterator[tuple[int, pa.RecordBatch]]:
        """The rows of a stretch, and the number of the first of each batch.

        Raises:
            BrokenTableError: the rest cannot be read; what came before was yielded.
        """
        last = len(self._file.group_bytes) if source.last is None else source.last
        n_rows = _PICTURE_ROWS if self.as_pictures else _STROKE_ROWS
        used = self.columns.used(self.drawn)
        with breaking_off():
            row = self._file.rows_before(source.first)
            for batch in self._file.batches(source.first, last, used, n_rows):
                yield row, batch
                row += batch.num_rows

    def known(self, batch: pa.RecordBatch) -> _Known:
        """All but what is drawn. Rows without a label have the class -1, and are a problem."""
        columns, schema, n_rows = self.columns, self.schema, batch.num_rows
        names: list[str] = []
        labels = np.full(n_rows, -1, np.int32)
        problems: dict[int, str] = {}
        if columns.label is not None:
            names_of = class_names(schema, columns.label)
            names, labels, problems = labels_in(batch.column(columns.label), names_of)
        codes = np.zeros(n_rows, "S2")
        if columns.country is not None:
            names_of = class_names(schema, columns.country)
            codes = codes_in(batch.column(columns.country), names_of)
        recognised = np.full(n_rows, -1, np.int8)
        if columns.recognised is not None:
            recognised = recognised_in(batch.column(columns.recognised))
        key_ids = np.zeros(n_rows, np.uint64)
        if columns.key_id is not None:
            key_ids = key_ids_in(batch.column(columns.key_id))
        return _Known(names, labels, key_ids, codes, recognised, problems)


def _read_chunks(source: Source, wanted: Wanted, skips: Skips) -> Iterator[Chunk]:
    """The rows of a stretch; see `SourceFormat.read_chunks`.

    Raises:
        FormatError: a broken table, one without the columns that are needed or with strokes only
            where pictures are asked for, or not one usable row.
        MissingExtraError: pyarrow is not installed.
    """
    path = source.path
    table = _Table(path, wanted)
    if table.columns.label is None:
        raise no_label_column(table.schema.names, path)
    if wanted.image is None and table.as_pictures:
        raise FormatError(
            f"{path} holds pictures (column {table.drawn!r}). Say to which size they are to be"
            " brought: --size 64."
        )
    if wanted.image is not None and not table.as_pictures:
        raise FormatError(
            f"{path} holds strokes (column {table.drawn!r}), which are kept as they are: a size is"
            " for pictures. Leave out --size."
        )
    n_usable = 0
    try:
        for first, batch in table.batches(source):
            place = _Place(path, first)
            known = table.known(batch)
            drawn = batch.column(table.drawn)
            if wanted.image is None:
                chunk = _strokes(drawn, known, place, skips)
                n_usable += len(chunk)
            else:
                chunk, n_unopened = _pictures(drawn, known, place, wanted, skips)
                n_usable += len(chunk) + n_unopened
            if len(chunk):
                yield chunk
    except BrokenTableError as problem:
        skips.add(TRUNCATED, f"{path.name} ({problem}). Get it again.")
    if n_usable == 0:
        found = next(iter(skips.counts), "it has no rows")
        raise FormatError(
            f"There is not one usable row in {path} ({found}). Look at its columns"
            f" {table.columns.label!r} and {table.drawn!r}."
        )


@dataclass(frozen=True, slots=True)
class _Place:
    """Names rows of a batch, whose first is this row of the file."""

    path: Path
    first: int

    def __call__(self, row: int) -> str:
        return f"{self.path.name} row {self.first + row}"


def _strokes(column: pa.Array, known: _Known, place: _Place, skips: Skips) -> Chunk:
    strokes = strokes_in(column)
    drawings, rows = framed(
        strokes.drawings,
        problems=strokes.problems | known.problems,
        is_raw=strokes.is_raw,
        place=place,
        skips=skips,
    )
    known = known.take(rows)
    return strokes_chunk(
        names=known.names,
        labels=known.labels,
        key_ids=known.key_ids,
        codes=known.codes,
        recognised=known.recognised,
        points=drawings.points,
        stroke_lengths=drawings.stroke_lengths,
        strokes_per_drawing=np.diff(drawings.stroke_offsets),
        skips=skips,
        times=drawings.times,
    )


def _pictures(
    column: pa.Array, known: _Known, place: _Place, wanted: Wanted, skips: Skips
) -> tuple[Chunk, int]:
    """The pictures that are wanted, and how many were not."""
    spec = wanted.image
    assert spec is not None
    pictures, problems = Pictures(column), dict(known.problems)
    read: dict[int, Picture] = {}
    n_unopened = 0
    for row in range(len(column)):
        if row in problems:
            continue
        if not known.is_wanted(row, wanted):
            n_unopened += 1
            continue
        try:
            read[row] = pictures.read(row, spec)
        except PictureError as error:
            problems[row] = error.reason
    for row in sorted(problems):
        skips.add(problems[row], place(row))
    if n_unopened:
        skips.notes[UNOPENED] += n_unopened
    known = known.take(np.array(list(read), np.int64))
    shape = (len(read), spec.height, spec.width, spec.channels)
    images = np.array([picture.pixels for picture in read.values()], np.uint8).reshape(shape)
    for row in np.flatnonzero(known.key_ids == 0).tolist():
        known.key_ids[row] = content_key(images[row].tobytes())
    sizes = [(picture.width, picture.height) for picture in read.values()]
    return (
        Chunk(
            known.names,
            known.labels,
            known.key_ids,
            known.codes,
            known.recognised,
            images=images,
            origins=Origins([place(row) for row in read], np.array(sizes, np.uint32)),
        ),
        n_unopened,
    )


def _read_drawings(path: Path) -> Iterator[Drawing]:
    """The drawings of a table as they are in it; see `SourceFormat.read_drawings`.

    Raises:
        FormatError: a table without strokes, or a row that cannot be used.
        MissingExtraError: pyarrow is not installed.
    """
    table = _Table(path, Wanted())
    if table.as_pictures:
        raise FormatError(
            f"{path} holds pictures (column {table.drawn!r}), not strokes. Give a table of strokes."
        )
    try:
        for first, batch in table.batches(Source(path, "")):
            known, strokes = table.known(batch), strokes_in(batch.column(table.drawn))
            for row in range(batch.num_rows):
                yield _drawing(strokes, known, row, _Place(path, first))
    except BrokenTableError as problem:
        raise FormatError(f"{path} breaks off: {problem}. Get it again.") from None


def _drawing(strokes: Strokes, known: _Known, row: int, place: _Place) -> Drawing:
    """A drawing with all that is known about it.

    Raises:
        FormatError: it cannot be used.
    """
    try:
        if row in strokes.problems:
            raise DrawingError(strokes.problems[row])
        bare = strokes.drawings[row]
    except DrawingError as error:
        raise FormatError(
            f"{place(row)} in {place.path.parent}: {error} Remove the row and try again."
        ) from None
    times = bare.times
    return Drawing(
        points=bare.points,
        lengths=bare.lengths,
        times=None if times is None or not np.isfinite(times).all() else times,
        word=known.word(row) or None,
        country=known.country(row),
        recognised={1: True, 0: False}.get(int(known.recognised[row])),
        key_id=int(known.key_ids[row]) or None,
    )


def _cut(path: Path, _wanted: Wanted) -> list[tuple[int, int]]:
    """Stretches of some tens of megabytes; none of a table that is broken, as reading will say."""
    try:
        sizes = open_table(path).group_bytes
    except FormatError:
        return []
    stretches = []
    first, n_bytes = 0, 0
    for group, size in enumerate(sizes):
        n_bytes += size
        if n_bytes >= _STRETCH_BYTES or group == len(sizes) - 1:
            stretches.append((first, group + 1))
            first, n_bytes = group + 1, 0
    return stretches


def _sample(source: Source, wanted: Wanted) -> Iterator[Image.Image]:
    """A few pictures, if it is pictures that are read; a broken table has none."""
    left = _SAMPLES
    with contextlib.suppress(FormatError, BrokenTableError):
        table = _Table(source.path, wanted)
        if not table.as_pictures:
            return
        for _, batch in table.batches(source):
            known, pictures = table.known(batch), Pictures(batch.column(table.drawn))
            for row in range(batch.num_rows):
                if row in known.problems or not known.is_wanted(row, wanted):
                    continue
                with contextlib.suppress(PictureError):
                    yield pictures.open(row)
                    left -= 1
                if left == 0:
                    return


def _sniff(head: bytes, _path: Path) -> bool:
    """Parquet's or Arrow's magic; or, of a stream, how its first message begins."""
    if head.startswith((PARQUET, ARROW_FILE)):
        return True
    size = int.from_bytes(head[4:8], "little")
    return head.startswith(ARROW_STREAM) and 0 < size < _LARGEST_SCHEMA and size % 8 == 0


TABLE = SourceFormat(
    name="table",
    sniff=_sniff,
    read_chunks=_read_chunks,
    read_drawings=_read_drawings,
    cut=_cut,
    sample=_sample,
)
