"""Bitmaps without the .npy header: extracts of numpy_bitmap that are handed round ("cat1000.bin").

They were cut out of a file of Google's by hand. Some were cut a byte too early: they begin with the
last byte of the header, and every picture is moved by one pixel. Google's pictures tell where they
begin, because no line comes near the border: the right place is the one at which all borders are
empty.

Source: the extracts in elicorrales/doodle-classifier-neural-network-demo, compared with Google's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import FormatError
from ..chunk import Chunk, Skips, Source, SourceFormat, Wanted
from .bitmap import PIXELS, SIDE, bitmaps_chunk
from .naming import mend_command
from .rows import CHUNK_ROWS

__all__ = ["HEADERLESS"]

MENDED = "bitmaps without header, shifted by one byte, mended"

_TOLERATED = 0.01
"""Share of pictures that may have ink at the border."""


def _read_chunks(source: Source, _wanted: Wanted, skips: Skips) -> Iterator[Chunk]:
    """The rows of a file; see `SourceFormat.read_chunks`.

    Raises:
        FormatError: no bitmaps, wherever they might begin, or not one with ink.
    """
    path = source.path
    size = path.stat().st_size
    every = np.memmap(path, np.uint8, mode="r") if size else np.zeros(0, np.uint8)
    start = _start(every[: CHUNK_ROWS * PIXELS], size)
    if start is None:
        raise FormatError(
            f"{path} is no extract of Google's bitmaps: read as pictures of {SIDE} x {SIDE} bytes,"
            " they have ink at their borders, which Google's never have. Get the real file, run:"
            f" {mend_command(path, 'bitmap')}"
        )
    n_rows = 0
    for first in range(0, size // PIXELS, CHUNK_ROWS):
        chunk = bitmaps_chunk(_rows(every, start, first), source, first, skips)
        n_rows += len(chunk)
        if start and len(chunk):
            skips.notes[MENDED] += len(chunk)
        if len(chunk):
            yield chunk
    if n_rows == 0:
        raise FormatError(
            f"There is not one bitmap with ink in {path}. Get the real file, run:"
            f" {mend_command(path, 'bitmap')}"
        )


def _rows(every: NDArray[np.uint8], start: int, first: int) -> NDArray[np.uint8]:
    """Some pictures, uint8 (n, 784), copied.

    A file that was cut a byte too early may also end a byte too early; the byte that the last
    picture lacks is its corner, which is paper.
    """
    n_rows = min(CHUNK_ROWS, len(every) // PIXELS - first)
    stretch = every[start + first * PIXELS : start + (first + n_rows) * PIXELS]
    return np.pad(stretch, (0, n_rows * PIXELS - len(stretch))).reshape(n_rows, PIXELS)


def _start(beginning: NDArray[np.uint8], size: int) -> int | None:
    """At which byte the first picture begins, 0 or 1; None if there are no pictures.

    Args:
        beginning: of the file, uint8 (bytes,).
        size: of the whole file, bytes.
    """
    if size < PIXELS or size % PIXELS > 1:
        return None
    # Where both are as good, because the drawings are narrow, the size decides.
    likely = size % PIXELS
    start = min((likely, 1 - likely), key=lambda start: _share_at_border(beginning[start:]))
    return start if _share_at_border(beginning[start:]) <= _TOLERATED else None


def _share_at_border(content: NDArray[np.uint8]) -> float:
    """Share of the whole pictures that have ink in the outermost rows and columns."""
    n_pictures = max(1, len(content) // PIXELS)
    whole = np.pad(content, (0, max(0, PIXELS - len(content))))[: n_pictures * PIXELS]
    pictures = whole.reshape(n_pictures, SIDE, SIDE)
    across = pictures[:, [0, -1]].any(axis=(1, 2))
    down = pictures[:, :, [0, -1]].any(axis=(1, 2))
    return float((across | down).mean())


def _sniff(head: bytes, path: Path) -> bool:
    """Ink, some of it black, in pictures with empty borders."""
    return (
        b"\xff" in head and _start(np.frombuffer(head, np.uint8), path.stat().st_size) is not None
    )


HEADERLESS = SourceFormat(
    name="numpy_bitmap without header",
    sniff=_sniff,
    read_chunks=_read_chunks,
)
