"""Google's numpy_bitmap .npy files: every drawing of a word as 28 x 28 pixels, 0 paper, 255 ink.

Read some thousand at a time; the header is parsed without pickle.

Source of the layout: README of googlecreativelab/quickdraw-dataset.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ...errors import FormatError
from ..chunk import Chunk, Skips, Source, SourceFormat, Wanted
from .naming import mend_command
from .rows import CHUNK_ROWS, EMPTY, TRUNCATED, content_key

__all__ = ["BITMAP", "PIXELS", "SIDE", "bitmaps_chunk"]

SIDE = 28
PIXELS = SIDE * SIDE
_ROW_SHAPES = ((PIXELS,), (SIDE, SIDE))
_EXPECTED = f"A bitmap file holds a uint8 array of shape (drawings, {PIXELS})"


def _read_chunks(source: Source, _wanted: Wanted, skips: Skips) -> Iterator[Chunk]:
    """The rows of a file; see `SourceFormat.read_chunks`.

    Raises:
        FormatError: another array than bitmaps, or not one bitmap with ink.
    """
    path = source.path
    start, n_bitmaps, missing = _open(path)
    if missing:
        skips.add(
            TRUNCATED,
            f"{path.name}[{n_bitmaps}:{n_bitmaps + missing}], run: {mend_command(path, 'bitmap')}",
            missing,
        )
    n_rows = 0
    for first in range(0, n_bitmaps, CHUNK_ROWS):
        n = min(CHUNK_ROWS, n_bitmaps - first)
        # Read, not mapped: the pages of a mapped file stay with the process until its end.
        rows = np.fromfile(path, np.uint8, n * PIXELS, offset=start + first * PIXELS)
        chunk = bitmaps_chunk(rows.reshape(n, PIXELS), source, first, skips)
        n_rows += len(chunk)
        if len(chunk):
            yield chunk
    if n_rows == 0:
        raise FormatError(
            f"There is not one bitmap with ink in {path}. For a file of Google's, run:"
            f" {mend_command(path, 'bitmap')}"
        )


def bitmaps_chunk(rows: NDArray[np.uint8], source: Source, first: int, skips: Skips) -> Chunk:
    """A chunk of those bitmaps that have ink.

    Args:
        rows: (n, 784).
        source: that they are of.
        first: the number of the first one in it.
        skips: where the others are counted.
    """
    has_ink = rows.any(axis=1)
    for row in np.flatnonzero(~has_ink):
        skips.add(EMPTY, f"{source.path.name}[{first + row}]")
    rows = rows[has_ink]
    return Chunk(
        names=[source.word],
        labels=np.zeros(len(rows), np.int32),
        key_ids=np.array([content_key(row.tobytes()) for row in rows], np.uint64),
        codes=np.zeros(len(rows), "S2"),
        recognised=np.full(len(rows), -1, np.int8),
        images=rows.reshape(-1, SIDE, SIDE, 1),
    )


def _open(path: Path) -> tuple[int, int, int]:
    """Where the bitmaps begin, how many whole ones there are, and how many more are promised.

    Raises:
        FormatError: another array than bitmaps.
    """
    with path.open("rb") as file:
        try:
            version = npy.read_magic(file)
            read_header = (
                npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            )
            shape, is_fortran, dtype = read_header(file)
        except Exception as error:  # NumPy lets the errors of Python's tokenizer through
            raise FormatError(
                f"The header of {path} is broken: {error}. For a file of Google's, run:"
                f" {mend_command(path, 'bitmap')}"
            ) from None
        start = file.tell()
    if dtype != np.uint8 or shape[1:] not in _ROW_SHAPES or is_fortran:
        order = " in Fortran order" if is_fortran else ""
        raise FormatError(
            f"{path} holds {dtype} {shape}{order}. {_EXPECTED} in C order, 0 paper and 255 ink;"
            " convert yours, for example np.save(path, images.astype(np.uint8).reshape(-1, 784))."
        )
    promised = max(0, shape[0])
    whole = min(promised, (path.stat().st_size - start) // PIXELS)
    return start, whole, promised - whole


def _sniff(head: bytes, _path: Path) -> bool:
    return head.startswith(npy.MAGIC_PREFIX)


BITMAP = SourceFormat(name="numpy_bitmap", sniff=_sniff, read_chunks=_read_chunks)
