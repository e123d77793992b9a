"""The Parquet files of an export: one of each split, as Hugging Face datasets shows it at once.

Columns: word, label (its number), key_id, countrycode, recognized, and either drawing (strokes as
in Google's files, [[x, ...], [y, ...]], or with pen times as a third list) or image (a PNG). The
metadata of the schema says, in Hugging Face's way, that label is a class and image a picture.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from ..ragged import Ragged, offsets_of
from .export_files import Look, png_of
from .rows import Rows
from .split import Split

__all__ = ["ParquetFiles"]

_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_GROUP_BYTES = 32 * 2**20
"""Of a row group, in memory: readers take one at a time."""


class ParquetFiles:
    """A file for each split that has rows; see `FileWriter`."""

    def __init__(
        self, folder: Path, words: Sequence[str], _wanted: NDArray[np.int64], look: Look, /
    ) -> None:
        self.folder, self.look = folder, look
        self.notes: Counter[str] = Counter()
        # The numbers of the classes are those of the store, whichever of them are wanted.
        self._words = pa.array(words, pa.string())
        self._schema = _schema_of(words, look)
        self._writers: dict[Split, parquet.ParquetWriter] = {}
        self._coming: list[pa.Table] = []
        self._split: Split | None = None

    def add(self, rows: Rows, split: Split, /) -> None:
        if split != self._split:
            self._flush()
        self._split = split
        self._coming.append(self._table_of(rows))
        if sum(table.nbytes for table in self._coming) >= _GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        try:
            self._flush()
        finally:
            for writer in self._writers.values():
                writer.close()

    def _flush(self) -> None:
        """Write what has come as a row group."""
        if not self._coming or self._split is None:
            return
        table = pa.concat_tables(self._coming)
        self._coming = []
        writer = self._writers.get(self._split)
        if writer is None:
            path = self.folder / f"{self._split}.parquet"
            writer = parquet.ParquetWriter(path, self._schema, compression="zstd")
            self._writers[self._split] = writer
        writer.write_table(table, row_group_size=len(table))

    def _table_of(self, rows: Rows) -> pa.Table:
        labels = pa.array(rows.labels.astype(np.int64))
        columns = [
            self._words.take(labels),
            labels,
            pa.array(rows.key_ids),
            pa.array(rows.countries, pa.string()),
            pa.array(rows.recognised == 1, mask=rows.recognised < 0),
            self._drawn(rows),
        ]
        return pa.Table.from_arrays(columns, schema=self._schema)

    def _drawn(self, rows: Rows) -> pa.Array:
        if rows.drawings is None:
            return self._images_of(rows)
        return _strokes_of(rows.drawings, _number_of(self.look))

    def _images_of(self, rows: Rows) -> pa.StructArray:
        pictures = [png_of(picture) for picture in self.look.pictures(rows)]
        paths = [f"{key_id}.png" for key_id in rows.key_ids.tolist()]
        fields = [pa.array(pictures, pa.binary()), pa.array(paths, pa.string())]
        return pa.StructArray.from_arrays(fields, fields=list(_IMAGE))


def _number_of(look: Look) -> pa.DataType:
    """Of coordinates and, where there are some, milliseconds."""
    return pa.uint16() if look.has_times else pa.uint8()


def _strokes_of(drawings: Ragged, number: pa.DataType) -> pa.ListArray:
    """Strokes as [[[x, ...], [y, ...]], ...] of each drawing, with times where they are known."""
    lengths = drawings.stroke_lengths.astype(np.int64)
    is_timed = np.repeat(drawings.is_timed, np.diff(drawings.stroke_offsets))
    n_lists = np.where(is_timed, 3, 2)
    # All x of a stroke, then all its y, and then perhaps all its times.
    offsets = offsets_of(lengths * n_lists)
    within = np.arange(len(drawings.points)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    at = np.repeat(offsets[:-1], lengths) + within
    further = np.repeat(lengths, lengths)
    values = np.empty(offsets[-1], number.to_pandas_dtype())
    values[at] = drawings.points[:, 0]
    values[at + further] = drawings.points[:, 1]
    if drawings.times is not None:
        known = np.repeat(is_timed, lengths)
        values[(at + 2 * further)[known]] = drawings.times[known]
    axes = pa.ListArray.from_arrays(_offsets(np.repeat(lengths, n_lists)), pa.array(values))
    strokes = pa.ListArray.from_arrays(_offsets(n_lists), axes)
    return pa.ListArray.from_arrays(pa.array(drawings.stroke_offsets.astype(np.int32)), strokes)


def _offsets(lengths: NDArray[np.int64]) -> pa.Array:
    return pa.array(offsets_of(lengths).astype(np.int32))


def _schema_of(words: Sequence[str], look: Look) -> pa.Schema:
    """Columns, and what Hugging Face datasets is told about them."""
    is_strokes = look.image_shape is None
    number = _number_of(look)
    drawing = pa.field("drawing", pa.list_(pa.list_(pa.list_(number))))
    last = drawing if is_strokes else pa.field("image", _IMAGE)
    features: dict[str, Any] = {
        "word": _value("string"),
        "label": {"names": list(words), "_type": "ClassLabel"},
        "key_id": _value("uint64"),
        "countrycode": _value("string"),
        "recognized": _value("bool"),
        last.name: [[[_value(str(number))]]] if is_strokes else {"_type": "Image"},
    }
    return pa.schema(
        [
            pa.field("word", pa.string()),
            pa.field("label", pa.int64()),
            pa.field("key_id", pa.uint64()),
            pa.field("countrycode", pa.string()),
            pa.field("recognized", pa.bool_()),
            last,
        ],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )


def _value(dtype: str) -> dict[str, str]:
    return {"dtype": dtype, "_type": "Value"}
