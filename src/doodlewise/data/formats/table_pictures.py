"""Pictures in a column of a table: files, as bytes, or pixels as lists of numbers.

Files are binary, or structs {bytes, path} as Hugging Face datasets keeps them. Pixels are whole
numbers from 0 to 255 in lists of rows, with a list for each pixel that has colours; or in one list,
if the picture is square and grey.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ...errors import PictureError
from ...image import ImageSpec, Picture, image_pixels, open_image, read_image
from .table_lists import levels_of, numbers_in, stored, stored_type, unnest

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Pictures", "is_picture"]

_CHANNELS = (1, 3, 4)


def is_picture(kind: pa.DataType) -> bool:
    """Whether a column of this type may hold pictures."""
    from pyarrow import types

    kind = stored_type(kind)
    if types.is_struct(kind):
        index = kind.get_field_index("bytes")
        return index >= 0 and _is_file(kind.field(index).type)
    depth, inside = levels_of(kind)
    return _is_file(kind) or (1 <= depth <= 3 and types.is_integer(inside))


class Pictures:
    """The pictures of a column for which `is_picture` holds, by row; none is decoded in vain."""

    def __init__(self, column: pa.Array) -> None:
        import pyarrow.compute as pc
        from pyarrow import types

        column = stored(column)
        if types.is_struct(column.type):
            column = pc.struct_field(column, "bytes")
        self._files = column if _is_file(column.type) else None
        self._offsets = []
        if self._files is None:
            for _ in range(levels_of(column.type)[0]):
                offsets, column = unnest(column)
                self._offsets.append(offsets)
            self._numbers = numbers_in(column)

    def open(self, row: int) -> Image.Image:
        """A picture, as `open_image` gives it.

        Raises:
            PictureError: there is none, or it is none that can be used.
        """
        return self._pixels(row) if self._files is None else open_image(self._content(row))

    def read(self, row: int, spec: ImageSpec) -> Picture:
        """A picture, as `read_image` gives it.

        Raises:
            PictureError: there is none, or it is none that can be used.
        """
        if self._files is not None:
            return read_image(self._content(row), spec)
        image = self._pixels(row)
        return Picture(image_pixels(image, spec), *image.size)

    def _content(self, row: int) -> bytes:
        assert self._files is not None
        content: bytes | None = self._files[row].as_py()
        if not content:
            raise PictureError("There is no picture in the row. Remove it.", "no picture")
        return content

    def _pixels(self, row: int) -> Image.Image:
        shape: list[int] = []
        first, last = row, row + 1
        for offsets in self._offsets:
            lengths = np.diff(offsets[first : last + 1])
            if len(lengths) == 0 or lengths.max() == 0:
                raise PictureError("There is no picture in the row. Remove it.", "no picture")
            if lengths.min() < lengths.max():
                raise PictureError("The rows of pixels are of unequal length.", "no rectangle")
            shape.append(int(lengths[0]))
            first, last = offsets[first], offsets[last]
        if len(shape) == 1:
            shape = [math.isqrt(shape[0])] * 2
        numbers = self._numbers[first:last]
        if math.prod(shape) != len(numbers) or (len(shape) == 3 and shape[2] not in _CHANNELS):
            raise PictureError(
                "The pixels make no picture: give rows of grey, RGB or RGBA, or a square.",
                "no rectangle",
            )
        if not ((numbers >= 0) & (numbers <= 255)).all():
            raise PictureError("Pixels have to be numbers from 0 to 255.", "pixels beyond 0..255")
        pixels = numbers.astype(np.uint8).reshape(shape)
        return Image.fromarray(pixels[..., 0] if shape[2:] == [1] else pixels)


def _is_file(kind: pa.DataType) -> bool:
    from pyarrow import types

    return bool(types.is_binary(kind) or types.is_large_binary(kind))
