"""Tables of drawings and pictures, written and read."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
from PIL import Image
from pyarrow import parquet

from doodlewise.data.chunk import Chunk, Skips, Source, Wanted
from doodlewise.data.formats.table import TABLE
from doodlewise.drawing import Drawing


def put(folder: Path, row_group_size: int | None = None, **columns: Any) -> Path:
    path = folder / "mine.parquet"
    parquet.write_table(pa.table(columns), path, row_group_size=row_group_size)
    return path


def read(path: Path, first: int = 0, last: int | None = None, **wanted: Any) -> tuple[Any, Skips]:
    skips = Skips()
    source = Source(path, "mine", first, last)
    return list(TABLE.read_chunks(source, Wanted(**wanted), skips)), skips


def drawings_of(path: Path) -> list[Drawing]:
    assert TABLE.read_drawings is not None
    return list(TABLE.read_drawings(path))


def strokes_of(chunks: list[Chunk]) -> list[Any]:
    return [
        chunk.drawings[row].to_strokes()
        for chunk in chunks
        if chunk.drawings is not None
        for row in range(len(chunk))
    ]


def as_frame(strokes: Any) -> Any:
    return Drawing.from_strokes(strokes).simplified().to_strokes()


def picture(colour: tuple[int, ...] = (200, 30, 90), size: tuple[int, int] = (20, 10)) -> bytes:
    buffer = io.BytesIO()
    image = Image.new("RGB", size, colour)
    image.putpixel((3, 3), (0, 0, 0))
    image.save(buffer, "PNG")
    return buffer.getvalue()
