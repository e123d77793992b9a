from __future__ import annotations

import contextlib
import io
import os
import pickle
import struct
import tracemalloc
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib import format as npy
from numpy.typing import NDArray

from doodlewise import errors
from doodlewise.data.chunk import Chunk, Skips, Source, Wanted
from doodlewise.data.formats import word_of
from doodlewise.data.formats.pickled_arrays import (
    BrokenPickleError,
    ForbiddenGlobalError,
    pickled_arrays,
)
from doodlewise.data.formats.sketchrnn import SKETCHRNN
from doodlewise.drawing import Drawing

OMNIGLOT = Path(__file__).resolve().parents[3] / "shared" / "data" / "sketchrnn" / "omniglot.npz"
needs_omniglot = pytest.mark.skipif(not OMNIGLOT.is_file(), reason=f"no data at {OMNIGLOT}")

MEND = "run: doodlewise data download --classes cat --format sketchrnn"
STEPS = [[10, 20, 0], [392, 0, 0], [0, 50, 1], [-100, 7, 0], [0, -30, 1]]
STROKES = [[[10, 402, 402], [20, 20, 70]], [[302, 302], [77, 47]]]


def python2_pickle(arrays: Iterable[NDArray[np.int16]]) -> bytes:
    """An array of objects as NumPy under Python 2 pickles it, instruction by instruction."""

    def dtype(code: bytes, order: bytes, index: int) -> bytes:
        made = b"h\x04" if index > 5 else b"cnumpy\ndtype\nq\x04"
        made += b"U" + bytes([len(code)]) + code + b"K\x00K\x01\x87R" + b"q" + bytes([index])
        return made + b"(K\x03U\x01" + order + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"

    def small(number: int) -> bytes:
        return b"K" + bytes([number]) if number < 256 else b"M" + struct.pack("<H", number)

    arrays = list(arrays)
    out = [b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02"]
    out += [b"K\x00\x85U\x01b\x87Rq\x03(K\x01", small(len(arrays)), b"\x85"]
    out += [dtype(b"O8", b"|", 5), b"\x89]q\x06"]
    for at in range(0, len(arrays), 1000):
        out.append(b"(")
        for number, array in enumerate(arrays[at : at + 1000], at):
            out.append(b"h\x01h\x02K\x00\x85U\x01b\x87Rr" + struct.pack("<I", 10 + 2 * number))
            out += [b"(K\x01", small(len(array)), small(array.shape[1]), b"\x86"]
            out.append(b"h\x08" if number else dtype(b"i2", b"<", 8))
            data = array.astype("<i2").tobytes()
            length = struct.pack("<i", len(data))
            out.append(b"\x89" + (b"T" + length if len(data) > 255 else b"U" + length[:1]) + data)
            out.append(b"r" + struct.pack("<I", 11 + 2 * number) + b"tb")
        out.append(b"e")
    return b"".join([*out, b"tb."])


def npy_of(pickled: bytes, count: int) -> bytes:
    header = f"{{'descr': '|O', 'fortran_order': False, 'shape': ({count},), }}"
    header = header.ljust(69) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + pickled


def put(folder: Path, **members: bytes) -> Path:
    path = folder / "cat.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def put_python2(folder: Path, *arrays: Any) -> Path:
    steps = [np.array(array, np.int16) for array in arrays]
    return put(folder, train=npy_of(python2_pickle(steps), len(steps)))


def objects(elements: list[Any]) -> NDArray[Any]:
    array = np.empty(len(elements), dtype=object)
    array[:] = elements
    return array


def save(folder: Path, **members: Any) -> Path:
    path = folder / "cat.npz"
    np.savez_compressed(path, **members)
    return path


def read(path: Path) -> tuple[list[Chunk], Skips]:
    skips = Skips()
    return list(SKETCHRNN.read_chunks(Source(path, word_of(path)), Wanted(), skips)), skips


def drawings_of(path: Path) -> list[Drawing]:
    assert SKETCHRNN.read_drawings is not None
    return list(SKETCHRNN.read_drawings(path))


def test_python_2_files_are_read(tmp_path: Path) -> None:
    long = np.tile(np.array([[3, 4, 0]], np.int16), (300, 1))
    path = put_python2(tmp_path, STEPS, long, STEPS)
    first, second, third = drawings_of(path)
    assert first.to_strokes() == third.to_strokes() == STROKES
    assert first.word == "cat"
    assert second.lengths.tolist() == [300]
    assert second.points[-1].tolist() == [900, 1200]


def test_chunks_are_in_the_frame(tmp_path: Path) -> None:
    path = put_python2(tmp_path, STEPS, [[0, 0, 0], [5, 5, 1]], STEPS)
    (chunk,), skips = read(path)
    assert chunk.drawings is not None
    assert chunk.drawings.points.dtype == np.uint8
    expected = Drawing.from_strokes(STROKES).simplified().to_strokes()
    assert chunk.drawings[0].to_strokes() == expected
    assert chunk.drawings[1].to_strokes() == [[[0, 255], [0, 255]]]
    assert chunk.words == ["cat"] * 3
    assert chunk.countries == [""] * 3
    assert chunk.recognised.tolist() == [-1] * 3
    keys = chunk.key_ids.tolist()
    assert keys[0] == keys[2] != keys[1]
    assert 0 not in keys
    assert skips == Skips()


@pytest.mark.parametrize("kind", ["<i2", ">i2", "<i4", "<i8", "<f2", "<f4", "<f8", "u2"])
def test_files_of_newer_numpy_are_read(tmp_path: Path, kind: str) -> None:
    steps = np.abs(STEPS).astype(kind)
    upright = np.asfortranarray(steps)
    path = save(tmp_path, train=objects([steps, upright, steps[:3]]), test=objects([steps]))
    one, two, three, four = drawings_of(path)
    assert one.to_strokes() == two.to_strokes() == four.to_strokes()
    assert one.to_strokes() == [[[10, 402, 402], [20, 20, 70]], [[502, 502], [77, 107]]]
    assert three.to_strokes() == [[[10, 402, 402], [20, 20, 70]]]


def test_members_are_read_in_order_and_need_not_all_be_there(tmp_path: Path) -> None:
    lone = [objects([np.array([[n, 0, 0], [n, 1, 1]], np.int16)]) for n in (1, 2, 3)]
    path = save(tmp_path, test=lone[2], valid=lone[1], train=lone[0], note=np.zeros(2))
    assert [drawing.points[0, 0] for drawing in drawings_of(path)] == [1, 2, 3]
    assert len(drawings_of(save(tmp_path, valid=lone[1]))) == 1


def test_a_last_point_that_does_not_lift_the_pen_ends_the_drawing(tmp_path: Path) -> None:
    path = put_python2(tmp_path, [[1, 1, 0], [2, 2, 0]], [[1, 1, 1], [2, 2, 0]], [[9, 9, 1]])
    assert [drawing.to_strokes() for drawing in drawings_of(path)] == [
        [[[1, 3], [1, 3]]],
        [[[1], [1]], [[3], [3]]],
        [[[9], [9]]],
    ]


def test_what_cannot_be_used_is_counted(tmp_path: Path) -> None:
    good = np.array(STEPS, np.float32)
    nan, infinite, far, pen, wide = (good.copy() for _ in range(5))
    nan[1, 0], infinite[0, 1], far[2, 1], pen[1, 2] = np.nan, np.inf, 1e7, 0.5
    others = [nan, infinite, far, pen, good[:, :2], good[:0], good.ravel(), "cat", None, [1, 2]]
    path = save(tmp_path, train=objects([good, *others[:-1], wide]))
    (chunk,), skips = read(path)
    assert len(chunk) == 2
    assert skips.counts == {
        "a number that is out of range": 3,
        "a pen state that is neither 0 nor 1": 1,
        "empty drawing": 1,
        "not an array of numbers of shape (points, 3)": 4,
    }
    assert skips.examples["empty drawing"] == ["cat.npz train[6]"]
    with pytest.raises(errors.FormatError, match=r"cat\.npz train\[1\]: a number that is out"):
        drawings_of(path)
    with pytest.raises(errors.FormatError, match=r"not one usable drawing in .*none of its"):
        read(save(tmp_path, train=objects(others[:-1])))
    with pytest.raises(errors.FormatError, match="there are lists in the list"):
        read(save(tmp_path, train=objects(others)))


class Evil:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


def test_a_file_that_would_run_code_is_refused_and_does_not(tmp_path: Path) -> None:
    good = np.array(STEPS, np.int16)
    for elements in ([Evil(f"touch {tmp_path}/run")], [good, Evil(f"touch {tmp_path}/run")]):
        path = save(tmp_path, train=objects(elements))
        with pytest.raises(errors.FormatError, match=r"would run code .* asks for posix.system,"):
            read(path)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["numpy.core.multiarray\nscalar", "builtins\neval", "os\nsystem"])
def test_no_other_name_is_allowed(name: str) -> None:
    with pytest.raises(ForbiddenGlobalError, match=name.replace("\n", ".")):
        list(pickled_arrays(io.BytesIO(f"\x80\x02c{name}\n(U\x02id".encode("latin1"))))


@pytest.mark.parametrize(
    ("pickled", "reason"),
    [
        (b"", "an end before the last instruction"),
        (b"\x80\x02N.", "no list in it"),
        (b"\x80\x02}.", r"the instruction b'}'"),
        (b"\x80\x02]h\x07.", "far back, or to nothing"),
        (b"\x80\x02]Ne.", "b'e' has not what it needs"),
        (b"\x80\x02NR.", "b'R' has not what it needs"),
        (b"\x80\x02NNR.", "of what is no function"),
        (b"\x80\x02T\xff\xff\xff\x7f", "256 MiB and more in one piece"),
        (b"\x80\x02T\xff\xff\xff\xff", "a text of -1 bytes"),
        (b"\x80\x02T\xff\x00\x00\x00abc", "breaks off"),
        (b"\x80\x02]]", "lists in the list"),
    ],
)
def test_other_pickles_are_broken(pickled: bytes, reason: str) -> None:
    with pytest.raises(BrokenPickleError, match=reason):
        list(pickled_arrays(io.BytesIO(pickled)))


def test_what_is_no_array_is_none_and_what_follows_is_not_read() -> None:
    stream = io.BytesIO(b"\x80\x02](NK\x01ta.more")
    assert list(pickled_arrays(stream)) == [None]
    assert stream.read() == b"more"


def test_arrays_are_handed_over_as_they_come() -> None:
    arrays = [np.full((40, 3), number, np.int16) for number in range(30_000)]
    stream = io.BytesIO(python2_pickle(arrays))
    tracemalloc.start()
    try:
        for expected, array in zip(arrays, pickled_arrays(stream), strict=True):
            assert array is not None
            assert array[0, 0] == expected[0, 0]
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()


def test_the_same_array_may_come_again(tmp_path: Path) -> None:
    steps = np.array(STEPS, np.int16)
    assert len(drawings_of(save(tmp_path, train=objects([steps, steps, steps])))) == 3


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_damaged_pickles_are_broken_or_forbidden(data: st.DataObject) -> None:
    steps = np.array(STEPS, np.int16)
    content = bytearray(
        data.draw(
            st.sampled_from(
                [
                    python2_pickle([steps] * 4),
                    pickle.dumps(objects([steps] * 4), 4),
                    pickle.dumps(objects([steps.copy() for _ in range(4)]), 3),
                ]
            )
        )
    )
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=3))
    with contextlib.suppress(BrokenPickleError, ForbiddenGlobalError):
        for array in pickled_arrays(io.BytesIO(bytes(content))):
            assert array is None or isinstance(array, np.ndarray)


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (np.zeros((5, 10, 3), np.int16), r"train in .*cat\.npz holds int16 \(5, 10, 3\)"),
        (np.array([[[1, 2, 0]]], object), r"holds object \(1, 1, 3\)"),
        (np.array(["cat"]), "holds <U3"),
    ],
)
def test_other_arrays_are_refused(tmp_path: Path, array: NDArray[Any], found: str) -> None:
    with pytest.raises(errors.FormatError, match=rf"{found}.* A sketch-rnn file holds a list"):
        read(save(tmp_path, train=array))


def test_other_members_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path, images=np.zeros(3), labels=np.zeros(3))
    assert not SKETCHRNN.sniff(path.read_bytes(), path)
    with pytest.raises(errors.FormatError, match=r"holds images, labels\. A sketch-rnn"):
        read(path)


def test_a_truncated_archive_is_an_error(tmp_path: Path) -> None:
    path = put_python2(tmp_path, STEPS, STEPS)
    content = path.read_bytes()
    path.write_bytes(content[:-60])
    assert SKETCHRNN.sniff(path.read_bytes(), path)
    with pytest.raises(errors.FormatError, match=r"not a whole \.npz file") as caught:
        read(path)
    assert str(caught.value).endswith(MEND)
    assert not SKETCHRNN.sniff(content[:20], path)
    assert not SKETCHRNN.sniff(b"other things" * 9, path)


def test_a_damaged_archive_keeps_what_comes_before(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    arrays = [rng.integers(-99, 99, (20, 3)) * [1, 1, 0] for _ in range(3000)]
    path = put_python2(tmp_path, *arrays)
    content = bytearray(path.read_bytes())
    content[-1000:-950] = bytes(50)
    path.write_bytes(content)
    (chunk,), skips = read(path)
    assert len(chunk) == 2000
    (place,) = skips.examples["truncated file"]
    assert place.startswith("cat.npz breaks off after train[2000]: ")
    assert place.endswith(MEND)
    with pytest.raises(errors.FormatError, match=r"breaks off after train\[2000\].* run: "):
        drawings_of(path)


def test_fewer_arrays_than_promised_are_noticed(tmp_path: Path) -> None:
    path = put(tmp_path, train=npy_of(python2_pickle([np.array(STEPS, np.int16)]), 2))
    (chunk,), skips = read(path)
    assert len(chunk) == 1
    assert "2 were promised" in skips.examples["truncated file"][0]


def test_a_member_that_claims_to_be_huge_is_refused(tmp_path: Path) -> None:
    path = put_python2(tmp_path, STEPS)
    content = bytearray(path.read_bytes())
    directory = content.rindex(b"PK\1\2")
    content[directory + 24 : directory + 28] = struct.pack("<I", 0xF0000000)
    path.write_bytes(content)
    with pytest.raises(errors.FormatError, match=r"claims to be 3\.8 GiB unpacked; more than 2"):
        read(path)


@pytest.mark.parametrize("cut", [3, 8, 30])
def test_a_broken_header_is_an_error(tmp_path: Path, cut: int) -> None:
    content = npy_of(python2_pickle([np.array(STEPS, np.int16)]), 1)
    with pytest.raises(errors.FormatError, match=r"The header of train in .* is broken"):
        read(put(tmp_path, train=content[:cut]))


@needs_omniglot
def test_a_real_file_is_read() -> None:
    assert SKETCHRNN.sniff(OMNIGLOT.read_bytes()[: 1 << 16], OMNIGLOT)
    counts = {}
    with zipfile.ZipFile(OMNIGLOT) as archive:
        for member in ("train", "valid", "test"):
            with archive.open(f"{member}.npy") as stream:
                npy.read_magic(stream)
                npy.read_array_header_1_0(stream)
                counts[member] = sum(array is not None for array in pickled_arrays(stream))
    assert counts == {"train": 30_000, "valid": 1_000, "test": 1_000}
    drawings = drawings_of(OMNIGLOT)
    assert len(drawings) == 32_000
    assert {drawing.word for drawing in drawings} == {"omniglot"}
    chunk = next(iter(SKETCHRNN.read_chunks(Source(OMNIGLOT, "omniglot"), Wanted(), Skips())))
    assert chunk.drawings is not None
    assert chunk.drawings[5].to_strokes() == drawings[5].simplified().to_strokes()
