from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from doodlewise import errors
from doodlewise.data.chunk import Chunk, Skips, Source, Wanted
from doodlewise.data.formats import detect, read_drawings, word_of
from doodlewise.data.formats.bitmap import BITMAP

QUICKDRAW = Path(__file__).resolve().parents[3] / "shared" / "data" / "quickdraw"
needs_quickdraw = pytest.mark.skipif(not QUICKDRAW.is_dir(), reason=f"no data at {QUICKDRAW}")

MEND = "run: doodlewise data download --classes cat --format bitmap"


def bitmaps(n: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (n, 784), dtype=np.uint8)


def put(folder: Path, array: NDArray[Any], cut: int = 0) -> Path:
    path = folder / "cat.npy"
    np.save(path, array)
    path.write_bytes(path.read_bytes()[: path.stat().st_size - cut])
    return path


def read(path: Path) -> tuple[list[Chunk], Skips]:
    skips = Skips()
    return list(BITMAP.read_chunks(Source(path, word_of(path)), Wanted(), skips)), skips


def images_of(chunks: list[Chunk]) -> NDArray[np.uint8]:
    return np.concatenate([chunk.images for chunk in chunks if chunk.images is not None])


@pytest.mark.parametrize("shape", [(5, 784), (5, 28, 28)])
def test_rows_become_images(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = bitmaps(5)
    path = put(tmp_path, array.reshape(shape))
    (chunk,), skips = read(path)
    assert detect(path) is BITMAP
    assert chunk.images is not None
    assert chunk.images.dtype == np.uint8
    assert np.array_equal(chunk.images, array.reshape(5, 28, 28, 1))
    assert not isinstance(chunk.images, np.memmap)
    assert chunk.words == ["cat"] * 5
    assert chunk.countries == [""] * 5
    assert chunk.recognised.tolist() == [-1] * 5
    assert chunk.drawings is None
    assert skips == Skips()


def test_keys_are_hashes_of_the_pixels(tmp_path: Path) -> None:
    array = bitmaps(3)
    array[2] = array[0]
    (chunk,), _ = read(put(tmp_path, array))
    first, second, third = chunk.key_ids.tolist()
    assert chunk.key_ids.dtype == np.uint64
    assert first == third != second
    (alone,), _ = read(put(tmp_path, array[1:2]))
    assert alone.key_ids.tolist() == [second]


def test_chunks_have_8192_rows(tmp_path: Path) -> None:
    array = bitmaps(9000)
    chunks, _ = read(put(tmp_path, array))
    assert [len(chunk) for chunk in chunks] == [8192, 808]
    assert np.array_equal(images_of(chunks).reshape(-1, 784), array)


def test_an_empty_canvas_is_skipped(tmp_path: Path) -> None:
    array = bitmaps(8200)
    array[[1, 8195]] = 0
    chunks, skips = read(put(tmp_path, array))
    assert len(images_of(chunks)) == 8198
    assert skips.to_dict() == {
        "counts": {"empty drawing": 2},
        "examples": {"empty drawing": ["cat.npy[1]", "cat.npy[8195]"]},
        "notes": {},
    }


@pytest.mark.parametrize(("cut", "kept"), [(1, 9), (784, 9), (785, 8)])
def test_a_truncated_file_keeps_the_whole_rows(tmp_path: Path, cut: int, kept: int) -> None:
    array = bitmaps(10)
    chunks, skips = read(put(tmp_path, array, cut))
    assert np.array_equal(images_of(chunks).reshape(-1, 784), array[:kept])
    assert skips.to_dict() == {
        "counts": {"truncated file": 10 - kept},
        "examples": {"truncated file": [f"cat.npy[{kept}:10], {MEND}"]},
        "notes": {},
    }


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (np.zeros((3, 784), np.float32), "float32 (3, 784)"),
        (np.zeros((3, 784), bool), "bool (3, 784)"),
        (np.zeros((3, 64, 64), np.uint8), "uint8 (3, 64, 64)"),
        (np.zeros(784, np.uint8), "uint8 (784,)"),
        (np.zeros((), np.uint8), "uint8 ()"),
        (np.array([[1], None], dtype=object), "object (2,)"),
        (np.asfortranarray(bitmaps(3)), "uint8 (3, 784) in Fortran order"),
    ],
)
def test_other_arrays_are_refused(tmp_path: Path, array: NDArray[Any], found: str) -> None:
    path = put(tmp_path, array)
    with pytest.raises(errors.FormatError) as caught:
        read(path)
    assert f"{path} holds {found}. A bitmap file holds a uint8 array" in str(caught.value)


@pytest.mark.parametrize(
    ("array", "cut"),
    [
        (np.zeros((0, 784), np.uint8), 0),
        (np.zeros((2, 784), np.uint8), 0),
        (bitmaps(1), 10),
    ],
)
def test_a_file_without_one_bitmap_is_an_error(
    tmp_path: Path, array: NDArray[Any], cut: int
) -> None:
    with pytest.raises(errors.FormatError, match="not one bitmap with ink") as caught:
        read(put(tmp_path, array, cut))
    assert str(caught.value).endswith(MEND)


def test_a_file_cut_off_in_its_header_is_an_error(tmp_path: Path) -> None:
    for length in range(6, 128, 7):
        with pytest.raises(errors.FormatError, match=r"The header of .* is broken"):
            read(put(tmp_path, bitmaps(1), 784 + 128 - length))


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_damaged_headers_are_format_errors(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    buffer = io.BytesIO()
    np.save(buffer, bitmaps(2))
    content = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(6, 127))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "cat.npy"
    path.write_bytes(content)
    with contextlib.suppress(errors.FormatError):
        chunks, _ = read(path)
        assert images_of(chunks).shape[1:] == (28, 28, 1)


def test_bitmaps_have_no_strokes_to_read(tmp_path: Path) -> None:
    with pytest.raises(errors.FormatError, match="it holds pixels, not strokes"):
        read_drawings(put(tmp_path, bitmaps(1)))


@needs_quickdraw
def test_files_of_google_are_read_whole() -> None:
    path = QUICKDRAW / "numpy_bitmap" / "The Mona Lisa.npy"
    chunks, skips = read(path)
    images = images_of(chunks)
    assert np.array_equal(images.reshape(-1, 784), np.load(path))
    assert skips == Skips()
    keys = np.concatenate([chunk.key_ids for chunk in chunks])
    assert len(np.unique(keys)) > 0.99 * len(keys)
