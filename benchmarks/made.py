"""Any number of drawings to prepare: real ones, repeated, each point moved by up to two pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from common import read_real
from doodlewise.data.formats import word_of
from doodlewise.ragged import Ragged, offsets_of
from doodlewise.raster import RenderSpec
from doodlewise.raster_host import render_rows

__all__ = ["write_photos", "write_sources"]

JITTER = 2
HEADER = np.dtype(
    [
        ("key_id", "<u8"),
        ("country", "S2"),
        ("recognised", "i1"),
        ("timestamp", "<u4"),
        ("n_strokes", "<u2"),
    ]
)
BLOCK = 20_000


def write_sources(files: list[Path], folder: Path, n: int, format: str = "bin") -> int:
    """About n drawings, a file of each word; the bytes of all.

    Args:
        files: ndjson files of real drawings, a word each.
        folder: that is written to.
        n: how many in all.
        format: "bin", "ndjson" or "npy".
    """
    random = np.random.default_rng(0)
    written, n_bytes = 0, 0
    for number, file in enumerate(files, 1):
        last = n * number // len(files)
        drawings, _ = read_real([file], 100_000)
        target = folder / f"{word_of(file)}.{format}"
        with target.open("wb") as stream:
            if format == "npy":
                header = {"descr": "|u1", "fortran_order": False, "shape": (last - written, 784)}
                npy.write_array_header_1_0(stream, header)
            for first in range(written, last, BLOCK):
                rows = np.arange(first, min(first + BLOCK, last)) % len(drawings)
                block = moved(drawings.take(rows), random)
                stream.write(_bytes_of(block, first + 1, word_of(file), format))
        n_bytes += target.stat().st_size
        written = last
    return n_bytes


def write_photos(photos: Path, folder: Path, n: int) -> int:
    """About n photos, a folder of each class; the bytes of all.

    The real ones again and again, each with bytes of its own at the end, which no decoder reads.
    """
    real = sorted(path for path in photos.rglob("*") if path.suffix == ".jpg")
    n_bytes = 0
    for number in range(n):
        path = real[number % len(real)]
        content = path.read_bytes() + number.to_bytes(8, "little")
        target = folder / path.parent.name / f"{number}.jpg"
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(content)
        n_bytes += len(content)
    return n_bytes


def _bytes_of(drawings: Ragged, first_key: int, word: str, format: str) -> bytes:
    if format == "bin":
        return binary_of(drawings, first_key).tobytes()
    if format == "npy":
        return render_rows(drawings, RenderSpec(), np.arange(len(drawings))).tobytes()
    return b"".join(_lines_of(drawings, first_key, word))


def _lines_of(drawings: Ragged, first_key: int, word: str) -> Iterator[bytes]:
    encode = msgspec.json.Encoder().encode
    x, y = drawings.points[:, 0].tolist(), drawings.points[:, 1].tolist()
    ends = offsets_of(drawings.stroke_lengths).tolist()
    strokes = [[x[a:b], y[a:b]] for a, b in pairwise(ends)]
    of = drawings.stroke_offsets.tolist()
    for row in range(len(drawings)):
        line = {
            "word": word,
            "countrycode": "US",
            "timestamp": "2017-03-02 23:25:10.07453 UTC",
            "recognized": True,
            "key_id": str(first_key + row),
            "drawing": strokes[of[row] : of[row + 1]],
        }
        yield encode(line) + b"\n"


def moved(drawings: Ragged, random: np.random.Generator) -> Ragged:
    """The same drawings, each point moved by up to two pixels, within the frame."""
    by = random.integers(-JITTER, JITTER + 1, drawings.points.shape, dtype=np.int16)
    points = np.clip(drawings.points + by, 0, 255).astype(np.uint8)
    return replace(drawings, points=points)


def binary_of(drawings: Ragged, first_key: int) -> NDArray[np.uint8]:
    """The bytes of Google's .bin with these drawings, all written in one go."""
    lengths = drawings.stroke_lengths.astype(np.int64)
    n_strokes = np.diff(drawings.stroke_offsets)
    header = np.zeros(len(drawings), HEADER)
    header["key_id"] = first_key + np.arange(len(drawings), dtype=np.uint64)
    header["country"] = b"ZZ"
    header["recognised"] = 1
    header["n_strokes"] = n_strokes

    # Where each record and each stroke begins, and where each point's x and y go.
    drawing = np.repeat(np.arange(len(drawings)), n_strokes)
    strokes = offsets_of(2 + 2 * lengths) + HEADER.itemsize * np.append(drawing + 1, len(drawings))
    records = strokes[drawings.stroke_offsets[:-1]] - HEADER.itemsize
    within = np.arange(len(drawings.points)) - np.repeat(offsets_of(lengths)[:-1], lengths)
    x_at = np.repeat(strokes[:-1] + 2, lengths) + within
    content = np.empty(strokes[-1], np.uint8)
    content[records[:, None] + np.arange(HEADER.itemsize)] = header.view(np.uint8).reshape(
        len(drawings), -1
    )
    content[strokes[:-1]], content[strokes[:-1] + 1] = lengths & 255, lengths >> 8
    content[x_at] = drawings.points[:, 0]
    content[x_at + np.repeat(lengths, lengths)] = drawings.points[:, 1]
    return content
