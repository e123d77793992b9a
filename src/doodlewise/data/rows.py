"""Rows of a store: as arrays in memory, and as the columns of an Arrow table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..ragged import Ragged, offsets_of
from .chunk import Kind, Origins
from .gather import gather

__all__ = ["Rows", "columns_of", "rows_of", "schema_of"]

MOST_CLASSES = 1 << 16
"""Labels are stored in 16 bits."""
TIMES = "times"
"""The column of pen times, which is there only if any drawing of the store has some."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a store in memory; either `drawings` or `images` is there.

    Attributes:
        labels: int32 (rows,).
        key_ids: uint64 (rows,).
        recognised: int8 (rows,), 1 yes, 0 no, -1 unknown.
        codes: S2 (rows,), country codes, b"" where unknown.
        drawings: strokes.
        images: uint8 (rows, height, width, channels).
        origins: of images that were files.
    """

    labels: NDArray[np.int32]
    key_ids: NDArray[np.uint64]
    recognised: NDArray[np.int8]
    codes: NDArray[np.bytes_]
    drawings: Ragged | None = None
    images: NDArray[np.uint8] | None = None
    origins: Origins | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def countries(self) -> list[str]:
        """The country of each row, two letters, "" where unknown."""
        return [code.decode("ascii") for code in self.codes.tolist()]

    @property
    def nbytes(self) -> int:
        """Size of the points and times, or pixels, about."""
        if self.images is not None:
            return self.images.nbytes
        if self.drawings is None:
            return 0
        times = self.drawings.times
        # In 16 bits in a file, half of what they take in memory.
        return self.drawings.points.nbytes + (0 if times is None else times.nbytes // 2)

    def take(self, chosen: NDArray[np.integer[Any]]) -> Rows:
        """These rows, in this order, copied."""
        return Rows(
            labels=self.labels[chosen],
            key_ids=self.key_ids[chosen],
            recognised=self.recognised[chosen],
            codes=self.codes[chosen],
            drawings=None if self.drawings is None else gather(self.drawings, chosen),
            images=None if self.images is None else self.images[chosen],
            origins=None if self.origins is None else self.origins.take(chosen),
        )

    def slice(self, first: int, last: int) -> Rows:
        """Rows first to last, without copying."""
        within = slice(first, last)
        return Rows(
            labels=self.labels[within],
            key_ids=self.key_ids[within],
            recognised=self.recognised[within],
            codes=self.codes[within],
            drawings=None if self.drawings is None else self.drawings.slice(first, last),
            images=None if self.images is None else self.images[within],
            origins=None if self.origins is None else self.origins.slice(first, last),
        )

    @classmethod
    def concat(cls, parts: Sequence[Rows]) -> Rows:
        """Several, at least one, one after the other."""
        if len(parts) == 1:
            return parts[0]
        drawings = [part.drawings for part in parts if part.drawings is not None]
        images = [part.images for part in parts if part.images is not None]
        origins = [part.origins for part in parts if part.origins is not None]
        return cls(
            labels=np.concatenate([part.labels for part in parts]),
            key_ids=np.concatenate([part.key_ids for part in parts]),
            recognised=np.concatenate([part.recognised for part in parts]),
            codes=np.concatenate([part.codes for part in parts]),
            drawings=Ragged.concat(drawings) if drawings else None,
            images=np.concatenate(images) if images else None,
            origins=Origins.concat(origins) if origins else None,
        )


def schema_of(
    kind: Kind,
    image_shape: Sequence[int] | None,
    *,
    has_origins: bool = False,
    has_times: bool = False,
) -> pa.Schema:
    """Arrow schema of the shards of a store."""
    common = [
        pa.field("label", pa.uint16()),
        pa.field("key_id", pa.uint64()),
        pa.field("country", pa.utf8()),
        pa.field("recognised", pa.bool_()),
    ]
    if kind == "strokes":
        strokes = [
            pa.field("points", pa.list_(pa.uint8()), metadata={"layout": "x, y, x, y, ..."}),
            pa.field("stroke_lengths", pa.list_(pa.uint16())),
        ]
        unit = {"unit": "milliseconds since the first point"}
        times = [pa.field(TIMES, pa.list_(pa.uint16()), metadata=unit)]
        return pa.schema([*common, *strokes, *(times if has_times else [])])
    assert image_shape is not None
    size = int(np.prod(image_shape))
    shape = "x".join(str(n) for n in image_shape)
    origins = [
        pa.field("name", pa.utf8()),
        pa.field("width", pa.uint32()),
        pa.field("height", pa.uint32()),
    ]
    pixels = pa.field("pixels", pa.list_(pa.uint8(), size), metadata={"shape": shape})
    return pa.schema([*common, pixels, *(origins if has_origins else [])])


def columns_of(rows: Rows, *, has_times: bool = False) -> list[pa.Array]:
    """Arrow columns, in the order of `schema_of`.

    Args:
        rows: if they have times, as `pen_times.mended` makes them.
        has_times: whether there is a column of times, null where a drawing has none.
    """
    drawings, images, origins = rows.drawings, rows.images, rows.origins
    columns = [
        pa.array(rows.labels.astype(np.uint16)),
        pa.array(rows.key_ids),
        pa.array(rows.codes).cast(pa.utf8()),
        pa.array(rows.recognised == 1, mask=rows.recognised < 0),
    ]
    if drawings is not None:
        columns.append(
            pa.ListArray.from_arrays(
                pa.array((drawings.point_offsets * 2).astype(np.int32)),
                pa.array(np.ascontiguousarray(drawings.points).reshape(-1)),
            )
        )
        columns.append(
            pa.ListArray.from_arrays(
                pa.array(drawings.stroke_offsets.astype(np.int32)),
                pa.array(drawings.stroke_lengths.astype(np.uint16)),
            )
        )
        if has_times:
            columns.append(_times_column(drawings))
    elif images is not None:
        flat = np.ascontiguousarray(images).reshape(-1)
        size = int(np.prod(images.shape[1:]))
        columns.append(pa.FixedSizeListArray.from_arrays(pa.array(flat), size))
    if origins is not None:
        columns += [
            pa.array(origins.names, pa.utf8()),
            pa.array(np.ascontiguousarray(origins.sizes[:, 0])),
            pa.array(np.ascontiguousarray(origins.sizes[:, 1])),
        ]
    return columns


def rows_of(
    table: pa.Table, image_shape: Sequence[int] | None, n_classes: int = MOST_CLASSES
) -> Rows:
    """Copy the rows of a table.

    Raises:
        ValueError: labels, strokes and points do not fit each other.
    """
    column = {name: table.column(name).combine_chunks() for name in table.column_names}
    labels = column["label"].to_numpy().astype(np.int32)
    if labels.max(initial=0) >= n_classes:
        raise ValueError(f"label {labels.max()} of {n_classes} classes")
    recognised = column["recognised"].cast(pa.int8()).fill_null(-1).to_numpy(zero_copy_only=False)
    drawings, images = None, None
    if "points" in column:
        points, lengths = column["points"], column["stroke_lengths"]
        stroke_offsets = lengths.offsets.to_numpy().astype(np.int64)
        point_offsets = points.offsets.to_numpy().astype(np.int64) // 2
        flat = points.values.to_numpy()[2 * point_offsets[0] : 2 * point_offsets[-1]]
        flat_lengths = lengths.values.to_numpy()[stroke_offsets[0] : stroke_offsets[-1]]
        drawings = Ragged.from_lengths(
            points=flat.reshape(-1, 2).copy(),
            stroke_lengths=flat_lengths.astype(np.int32),
            strokes_per_drawing=np.diff(stroke_offsets),
            times=_times_of(column[TIMES], point_offsets) if TIMES in column else None,
        )
        if not np.array_equal(drawings.point_offsets, point_offsets - point_offsets[0]):
            raise ValueError("strokes that do not fit their points")
    else:
        assert image_shape is not None
        images = column["pixels"].flatten().to_numpy().reshape(-1, *image_shape).copy()
    origins = None
    if "name" in column:
        sizes = np.stack([column[name].to_numpy() for name in ("width", "height")], axis=1)
        origins = Origins(column["name"].to_pylist(), sizes)
    return Rows(
        labels=labels,
        key_ids=column["key_id"].to_numpy().copy(),
        recognised=recognised.astype(np.int8),
        codes=_codes(column["country"]),
        drawings=drawings,
        images=images,
        origins=origins,
    )


def _times_column(drawings: Ragged) -> pa.Array:
    """A list of milliseconds for each drawing; null where they are not known."""
    if drawings.times is None:
        return pa.nulls(len(drawings), pa.list_(pa.uint16()))
    known = ~np.isnan(drawings.times)
    is_known = drawings.is_timed
    ends = offsets_of(np.where(is_known, np.diff(drawings.point_offsets), 0))
    return pa.ListArray.from_arrays(
        pa.array(ends.astype(np.int32)),
        pa.array(drawings.times[known].astype(np.uint16)),
        mask=pa.array(~is_known),
    )


def _times_of(column: pa.ListArray, point_offsets: NDArray[np.int64]) -> NDArray[np.float32] | None:
    """Milliseconds of every point, NaN where they are not known; None if none are.

    Raises:
        ValueError: they do not fit the points.
    """
    if column.null_count == len(column):
        return None
    is_known = column.is_valid().to_numpy(zero_copy_only=False)
    lengths = np.diff(point_offsets)
    if not np.array_equal(np.diff(column.offsets.to_numpy())[is_known], lengths[is_known]):
        raise ValueError("pen times that do not fit their points")
    values: NDArray[np.float32] = column.flatten().to_numpy().astype(np.float32)
    if column.null_count == 0:
        return values
    times = np.full(int(lengths.sum()), np.nan, np.float32)
    times[np.repeat(is_known, lengths)] = values
    return times


def _codes(countries: pa.StringArray) -> NDArray[np.bytes_]:
    """Country codes as `Rows` has them; there are few, so each is decoded once."""
    encoded = countries.dictionary_encode()
    words = np.array(
        [word.encode("ascii") for word in encoded.dictionary.to_pylist()] or [b""], "S2"
    )
    codes: NDArray[np.bytes_] = words[encoded.indices.to_numpy()]
    return codes
