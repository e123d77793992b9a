"""What the tests of downloads share: remote files of all formats, and the fetching of them."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import numpy as np
from bucket import Bucket

from doodlewise.data.catalog import Format, remote_path
from doodlewise.data.download import DownloadReport, Patience, download

QUICK = Patience(
    attempts=4, first_delay_s=0.001, longest_delay_s=0.01, timeout_s=2.0, checkpoint_bytes=10_000
)
FORMATS: list[Format] = ["simplified", "raw", "binary", "bitmap", "sketchrnn"]
ROWS = 300


@cache
def content(format: Format, rows: int = ROWS, seed: int = 0) -> bytes:
    """The bytes of a file that is of the format as far as a download is concerned."""
    draw = np.random.default_rng(seed)
    if format in ("simplified", "raw"):
        lengths = draw.integers(20, 60 if format == "simplified" else 400, size=rows)
        return b"".join(b'{"drawing":[[[%s]]]}\n' % (b"7" * length) for length in lengths)
    if format == "binary":
        points = draw.integers(2, 30, size=rows)
        head = b"abcdefghUS\x01tttt\x01\x00"
        return b"".join(head + int(n).to_bytes(2, "little") + bytes([n] * 2 * n) for n in points)
    file = io.BytesIO()
    bitmaps = draw.integers(0, 256, size=(rows, 784), dtype=np.uint8)
    if format == "bitmap":
        np.save(file, bitmaps)
    else:
        np.savez_compressed(file, train=bitmaps)
    return file.getvalue()


def first_rows(format: Format, data: bytes, n: int) -> bytes:
    if format == "binary":
        end = 0
        for _ in range(n):
            end += 19 + 2 * data[end + 17]
        return data[:end]
    return b"".join(data.splitlines(keepends=True)[:n])


def path_of(format: Format) -> str:
    return remote_path("cat", format)


def fetch(
    bucket: Bucket,
    to: Path,
    format: Format = "simplified",
    words: str = "cat",
    per_class: int | None = None,
    patience: Patience = QUICK,
) -> DownloadReport:
    return download(
        words, format=format, to=to, per_class=per_class, base_url=bucket.url, patience=patience
    )


def assert_only(folder: Path, *names: str) -> None:
    """No leftovers lie in the folder."""
    assert {path.name for path in folder.iterdir()} == {*names, "downloads.json"}
