from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from doodlewise import errors
from doodlewise.data.chunk import Chunk, Skips, Source, Wanted
from doodlewise.data.formats.headerless import HEADERLESS

QUICKDRAW = Path(__file__).resolve().parents[3] / "shared" / "data" / "quickdraw"
needs_quickdraw = pytest.mark.skipif(not QUICKDRAW.is_dir(), reason=f"no data at {QUICKDRAW}")

MEND = "run: doodlewise data download --classes cat --format bitmap"
MENDED = "bitmaps without header, shifted by one byte, mended"


def bitmaps(n: int) -> NDArray[np.uint8]:
    """Ink up to the outermost rows and columns that Google's drawings reach."""
    images = np.zeros((n, 28, 28), np.uint8)
    images[:, 1:27, 1:27] = np.random.default_rng(0).integers(0, 256, (n, 26, 26))
    images[:, 5, 5] = 255
    return images


def put(folder: Path, content: bytes) -> Path:
    path = folder / "cat.bin"
    path.write_bytes(content)
    return path


def read(path: Path) -> tuple[list[Chunk], Skips]:
    skips = Skips()
    return list(HEADERLESS.read_chunks(Source(path, "cat"), Wanted(), skips)), skips


def is_recognised(path: Path) -> bool:
    return HEADERLESS.sniff(path.read_bytes()[: 1 << 16], path)


@pytest.mark.parametrize(
    ("before", "cut", "is_mended"),
    [(b"", 0, False), (b"\n", 0, True), (b"\n", 1, True)],
    ids=["as it should be", "a byte too early", "a byte too early to the end"],
)
def test_pictures_begin_where_their_borders_are_empty(
    tmp_path: Path, before: bytes, cut: int, is_mended: bool
) -> None:
    images = bitmaps(9000)
    content = before + images.tobytes()
    path = put(tmp_path, content[: len(content) - cut])
    assert is_recognised(path)
    chunks, skips = read(path)
    assert [len(chunk) for chunk in chunks] == [8192, 808]
    read_images = [chunk.images for chunk in chunks if chunk.images is not None]
    assert np.array_equal(np.concatenate(read_images)[..., 0], images)
    assert not any(isinstance(each, np.memmap) for each in read_images)
    assert chunks[0].words == ["cat"] * 8192
    assert chunks[0].recognised[0] == -1
    assert len(np.unique(chunks[0].key_ids)) == 8192
    assert skips.counts == {}
    assert skips.notes == ({MENDED: 9000} if is_mended else {})


def test_a_byte_too_many_at_the_end_moves_nothing(tmp_path: Path) -> None:
    images = bitmaps(5)
    (chunk,), skips = read(put(tmp_path, images.tobytes() + b"\n"))
    assert chunk.images is not None
    assert np.array_equal(chunk.images[..., 0], images)
    assert skips.notes == {}


@pytest.mark.parametrize("before", [b"", b"\n"])
def test_of_narrow_drawings_the_size_tells(tmp_path: Path, before: bytes) -> None:
    images = np.zeros((3, 28, 28), np.uint8)
    images[:, 1:27, 12:16] = 255
    (chunk,), _ = read(put(tmp_path, before + images.tobytes()))
    assert chunk.images is not None
    assert np.array_equal(chunk.images[..., 0], images)


def test_an_empty_canvas_is_skipped(tmp_path: Path) -> None:
    images = bitmaps(4)
    images[2] = 0
    path = put(tmp_path, images.tobytes())
    (chunk,), skips = read(path)
    assert len(chunk) == 3
    assert skips.examples == {"empty drawing": ["cat.bin[2]"]}
    with pytest.raises(errors.FormatError, match="not one bitmap with ink") as caught:
        read(put(tmp_path, bytes(784)))
    assert str(caught.value).endswith(MEND)


@pytest.mark.parametrize(
    "content",
    [
        np.random.default_rng(0).integers(0, 256, 7840, dtype=np.uint8).tobytes(),
        b"\n\n" + bitmaps(10).tobytes(),
        bitmaps(10).tobytes()[:-2],
        bytes(28) + bitmaps(10).tobytes()[:-28],
        b"\xff" * 783,
        b"",
    ],
    ids=["noise", "two bytes before", "two bytes short", "a row before", "tiny", "empty"],
)
def test_what_is_no_bitmaps_is_refused(tmp_path: Path, content: bytes) -> None:
    path = put(tmp_path, content)
    assert not is_recognised(path)
    with pytest.raises(errors.FormatError, match="is no extract of Google's bitmaps") as caught:
        read(path)
    assert str(caught.value).endswith(MEND)


def test_empty_paper_alone_is_not_recognised(tmp_path: Path) -> None:
    assert not is_recognised(put(tmp_path, bytes(7840)))


@needs_quickdraw
@pytest.mark.parametrize("word", ["candle", "lollipop", "cat"])
@pytest.mark.parametrize("before", [0, 1])
def test_extracts_of_real_files_are_read(tmp_path: Path, word: str, before: int) -> None:
    real = QUICKDRAW / "numpy_bitmap" / f"{word}.npy"
    images = np.load(real)[:400]
    content = real.read_bytes()
    start = content.index(b"\n") + 1 - before
    path = put(tmp_path, content[start : start + 400 * 784])
    assert is_recognised(path)
    (chunk,), skips = read(path)
    assert chunk.images is not None
    assert np.array_equal(chunk.images.reshape(-1, 784), images)
    assert skips.notes == ({MENDED: 400} if before else {})
