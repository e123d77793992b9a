"""Google's numpy_bitmap .npy files: every drawing of a word as 28 x 28 pixels, 0 paper, 255 ink.

Memory-mapped, so that a file of any size takes no memory; the header is parsed without pickle.

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

__all__ = ["BITMAP", "is_headerless"]

_SIDE = 28
_PIXELS = _SIDE * _SIDE
_ROW_SHAPES = ((_PIXELS,), (_SIDE, _SIDE))
_EXPECTED = f"A bitmap file holds a uint8 array of shape (drawings, {_PIXELS})"


def _read_chunks(source: Source, _wanted: Wanted, skips: Skips) -> Iterator[Chunk]:
    """The rows of a file; see `SourceFormat.read_chunks`.

    Raises:
        FormatError: another array than bitmaps, or not one bitmap with ink.
    """
    path = source.path
    bitmaps, missing = _open(path)
    if missing:
        skips.add(
            TRUNCATED,
            f"{path.name}[{len(bitmaps)}:{len(bitmaps) + missing}],"
            f" run: {mend_command(path, 'bitmap')}",
            missing,
        )
    n_rows = 0
    for first in range(0, len(bitmaps), CHUNK_ROWS):
        rows = np.asarray(bitmaps[first : first + CHUNK_ROWS])
        has_ink = rows.any(axis=1)
        for row in np.flatnonzero(~has_ink):
            skips.add(EMPTY, f"{path.name}[{first + row}]")
        rows = rows[has_ink]
        if not len(rows):
            continue
        n_rows += len(rows)
        yield Chunk(
            names=[source.word],
            labels=np.zeros(len(rows), np.int32),
            key_ids=np.array([content_key(row.tobytes()) for row in rows], np.uint64),
            codes=np.zeros(len(rows), "S2"),
            recognised=np.full(len(rows), -1, np.int8),
            images=rows.reshape(-1, _SIDE, _SIDE, 1),
        )
    if n_rows == 0:
        raise FormatError(
            f"There is not one bitmap with ink in {path}. For a file of Google's, run:"
            f" {mend_command(path, 'bitmap')}"
        )


def _open(path: Path) -> tuple[NDArray[np.uint8], int]:
    """The whole bitmaps of a file, uint8 (n, 784), mapped; and how many more its header promises.

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
    whole = min(promised, (path.stat().st_size - start) // _PIXELS)
    if whole == 0:
        return np.zeros((0, _PIXELS), np.uint8), promised
    bitmaps = np.memmap(path, np.uint8, mode="r", offset=start, shape=(whole, _PIXELS))
    return bitmaps, promised - whole


def is_headerless(head: bytes, size: int) -> bool:
    """Whether a file looks like bitmaps without the .npy header.

    Such extracts ("cat1000.bin") are handed round in tutorials. Some keep one byte of the header,
    which moves every picture by a pixel.

    Args:
        head: the first bytes, some tens of thousands.
        size: of the whole file, bytes.
    """
    if size < _PIXELS or size % _PIXELS > 1:
        return False
    paper, ink = head.count(0), head.count(255)
    return paper > len(head) // 3 and ink > 0


def _sniff(head: bytes, _path: Path) -> bool:
    return head.startswith(npy.MAGIC_PREFIX)


BITMAP = SourceFormat(name="numpy_bitmap", sniff=_sniff, read_chunks=_read_chunks)
