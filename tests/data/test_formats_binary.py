from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doodlewise import errors
from doodlewise.data.chunk import Chunk, Skips, Source, Wanted
from doodlewise.data.formats import detect, read_drawings, word_of, write_binary
from doodlewise.data.formats.binary import BINARY
from doodlewise.drawing import Drawing

QUICKDRAW = Path(__file__).resolve().parents[3] / "shared" / "data" / "quickdraw"
needs_quickdraw = pytest.mark.skipif(not QUICKDRAW.is_dir(), reason=f"no data at {QUICKDRAW}")

TWO_STROKES = [[[0, 255, 7], [3, 4, 5]], [[10, 20], [0, 200]]]
MEND = "run: doodlewise data download --classes cat --format binary"


def record(
    strokes: Sequence[Sequence[Sequence[int]]] = TWO_STROKES,
    *,
    key_id: int = 5201136883597312,
    country: bytes = b"DE",
    recognised: int = 1,
    seconds: int = 1488497110,
) -> bytes:
    """One record, field by field as Google's parser reads them."""
    fields = [
        struct.pack("<Q", key_id),
        country,
        struct.pack("<b", recognised),
        struct.pack("<I", seconds),
        struct.pack("<H", len(strokes)),
    ]
    for x, y in strokes:
        fields += [struct.pack("<H", len(x)), bytes(x), bytes(y)]
    return b"".join(fields)


def put(folder: Path, *records: bytes) -> Path:
    path = folder / "cat.bin"
    path.write_bytes(b"".join(records))
    return path


def read(path: Path) -> tuple[list[Chunk], Skips]:
    skips = Skips()
    return list(BINARY.read_chunks(Source(path, word_of(path)), Wanted(), skips)), skips


def test_a_record_becomes_a_row(tmp_path: Path) -> None:
    path = put(tmp_path, record(), record([[[9], [8]]], country=b"ZZ", recognised=0, key_id=2**63))
    (chunk,), skips = read(path)
    assert detect(path) is BINARY
    assert chunk.words == ["cat", "cat"]
    assert chunk.countries == ["DE", ""]
    assert chunk.key_ids.dtype == np.uint64
    assert chunk.key_ids.tolist() == [5201136883597312, 2**63]
    assert chunk.recognised.dtype == np.int8
    assert chunk.recognised.tolist() == [1, 0]
    assert chunk.drawings is not None
    assert chunk.drawings.points.dtype == np.uint8
    assert chunk.drawings[0].to_strokes() == TWO_STROKES
    assert chunk.drawings[1].to_strokes() == [[[9, 9], [8, 8]]]
    assert skips.to_dict() == {
        "counts": {},
        "examples": {},
        "notes": {"one-point strokes made two equal points": 1},
    }


def test_drawings_come_with_all_that_is_known(tmp_path: Path) -> None:
    anonymous = record([[[9], [8]]], country=b"ZZ", recognised=0, key_id=0, seconds=0)
    one, two = read_drawings(put(tmp_path, record(), anonymous))
    assert one.to_strokes() == TWO_STROKES
    assert (one.word, one.country, one.recognised) == ("cat", "DE", True)
    assert one.key_id == 5201136883597312
    assert one.timestamp == datetime(2017, 3, 2, 23, 25, 10, tzinfo=UTC)
    assert two.to_strokes() == [[[9], [8]]]
    assert (two.country, two.recognised, two.key_id, two.timestamp) == ("", False, None, None)


def test_a_key_of_zero_becomes_a_hash_of_the_content(tmp_path: Path) -> None:
    other = record([[[1, 2], [3, 4]]], key_id=0)
    (chunk,), _ = read(put(tmp_path, record(key_id=0), other, record(key_id=0)))
    first, second, third = chunk.key_ids.tolist()
    assert first == third != second
    assert 0 not in (first, second)


def test_drawings_without_points_are_skipped(tmp_path: Path) -> None:
    empty = [record([]), record([[[], []], [[], []]])]
    gap = record([[[], []], [[1, 2], [3, 4]], [[], []]])
    path = put(tmp_path, record(), *empty, gap, empty[0])
    (chunk,), skips = read(path)
    assert chunk.drawings is not None
    assert [chunk.drawings[row].to_strokes() for row in range(len(chunk))] == [
        TWO_STROKES,
        [[[1, 2], [3, 4]]],
    ]
    assert skips.counts == {"empty drawing": 3}
    assert skips.examples["empty drawing"][:2] == ["cat.bin at byte 31", "cat.bin at byte 48"]
    with pytest.raises(errors.FormatError, match=r"cat\.bin at byte 31: empty drawing"):
        list(read_drawings(path))


@pytest.mark.parametrize("cut", [1, 2, 14, 15, 30])
def test_a_truncated_file_keeps_the_whole_records(tmp_path: Path, cut: int) -> None:
    whole = record() + record(key_id=6)
    path = put(tmp_path, whole[:-cut])
    (chunk,), skips = read(path)
    assert chunk.key_ids.tolist() == [5201136883597312]
    assert skips.to_dict() == {
        "counts": {"truncated file": 1},
        "examples": {"truncated file": [f"cat.bin at byte 31, {MEND}"]},
        "notes": {},
    }
    drawings = read_drawings(path)
    assert next(drawings).n_strokes == 2
    with pytest.raises(errors.FormatError, match=r"cat\.bin at byte 31: truncated file\. .*binary"):
        next(drawings)


@pytest.mark.parametrize(
    "garbage",
    [record(country=b"d1"), record(recognised=2), record(recognised=-1), b"\0" * 50, b"<html>" * 9],
)
def test_garbage_ends_the_file(tmp_path: Path, garbage: bytes) -> None:
    path = put(tmp_path, record(), record(), garbage, record())
    (chunk,), skips = read(path)
    assert len(chunk) == 2
    assert skips.examples == {"bytes that are not a drawing": [f"cat.bin at byte 62, {MEND}"]}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "it is empty"),
        (b"<html>" * 20, "bytes that are not a drawing at byte 0"),
        (record()[:20], "truncated file at byte 0"),
        (record([]), "none has points"),
    ],
)
def test_a_file_without_one_drawing_is_an_error(tmp_path: Path, content: bytes, found: str) -> None:
    path = put(tmp_path, content)
    with pytest.raises(errors.FormatError) as caught:
        read(path)
    assert f"in {path} ({found})" in str(caught.value)
    assert str(caught.value).endswith(MEND)


def test_a_file_of_many_blocks(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    n = 20_000
    lengths = rng.integers(1, 120, n)
    points = [rng.integers(0, 256, (2, length), dtype=np.uint8) for length in lengths]
    path = put(
        tmp_path,
        *(record([(x.tolist(), y.tolist())], key_id=i + 1) for i, (x, y) in enumerate(points)),
    )
    chunks, skips = read(path)
    assert len(chunks) > 2
    assert np.concatenate([chunk.key_ids for chunk in chunks]).tolist() == list(range(1, n + 1))
    assert skips.counts == {}
    row = 0
    for chunk in chunks:
        assert chunk.drawings is not None
        for index in range(len(chunk)):
            expected = points[row].T if lengths[row] > 1 else np.repeat(points[row].T, 2, axis=0)
            assert np.array_equal(chunk.drawings[index].points, expected)
            row += 1


def test_a_drawing_longer_than_a_block(tmp_path: Path) -> None:
    stroke = [[7] * 65_535, [8] * 65_535]
    path = put(tmp_path, record(), record([stroke] * 20), record())
    chunks, skips = read(path)
    drawings = [chunk.drawings for chunk in chunks]
    assert sum(map(len, chunks)) == 3
    assert sum(len(each.points) for each in drawings if each) == 5 + 20 * 65_535 + 5
    assert skips.counts == {}


def test_a_record_that_never_ends_is_garbage(tmp_path: Path) -> None:
    endless = record([[[7] * 65_535, [8] * 65_535]] * 300)
    path = put(tmp_path, record(), endless)
    (chunk,), skips = read(path)
    assert len(chunk) == 1
    assert skips.counts == {"bytes that are not a drawing": 1}


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_damaged_files_never_give_broken_chunks(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = bytearray(record() * 4)
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(31, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=3))
    chunks, _ = read(put(tmp_path_factory.getbasetemp(), bytes(content)))
    assert chunks[0].key_ids[0] == 5201136883597312
    for chunk in chunks:
        assert chunk.drawings is not None
        assert len(chunk) == len(chunk.drawings)
        assert chunk.drawings.stroke_lengths.min() > 0
        assert len(chunk.drawings.points) == chunk.drawings.stroke_lengths.sum()


def test_a_drawing_outside_the_frame_is_not_written(tmp_path: Path) -> None:
    path = put(tmp_path, record())
    before = path.read_bytes()
    good = Drawing.from_strokes(TWO_STROKES)
    for stroke in ([[0, 256], [0, 0]], [[-1, 0], [0, 0]], [[0.5, 1], [0, 0]]):
        with pytest.raises(errors.DrawingError, match=r"Drawing 2 .* by \.simplified\(\)"):
            write_binary([good, Drawing.from_strokes([stroke])], path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["cat.bin"]


@pytest.mark.parametrize(
    ("drawing", "message"),
    [
        (Drawing.from_strokes(TWO_STROKES, country="de"), "two capital letters"),
        (Drawing.from_strokes(TWO_STROKES, country="ÄÖ"), "two capital letters"),
        (Drawing.from_strokes(TWO_STROKES, key_id=-1), "key -1,"),
        (Drawing.from_strokes(TWO_STROKES, key_id=2**64), "does not fit"),
        (
            Drawing.from_strokes(TWO_STROKES, timestamp=datetime(1969, 12, 31, tzinfo=UTC)),
            "-86400 seconds",
        ),
        (Drawing.from_strokes([[[1] * 65_536, [2] * 65_536]]), "strokes of up to 65536 points"),
        (Drawing.from_strokes(np.ones((65_536, 1, 2))), "65536 strokes"),
    ],
)
def test_what_the_format_has_no_room_for_is_not_written(
    tmp_path: Path, drawing: Drawing, message: str
) -> None:
    with pytest.raises(errors.DrawingError, match=message):
        write_binary([drawing], tmp_path / "cat.bin")
    assert list(tmp_path.iterdir()) == []


def test_written_records_are_byte_for_byte_the_layout(tmp_path: Path) -> None:
    path = tmp_path / "cat.bin"
    drawing = Drawing.from_strokes(
        TWO_STROKES,
        country="DE",
        recognised=True,
        key_id=5201136883597312,
        timestamp=datetime(2017, 3, 2, 23, 25, 10, 74530),
    )
    write_binary([drawing, Drawing.from_strokes(TWO_STROKES)], path)
    unknown = record(key_id=0, country=b"ZZ", recognised=0, seconds=0)
    assert path.read_bytes() == record() + unknown


@needs_quickdraw
def test_files_in_googles_layout_hold_the_drawings_of_the_ndjson(tmp_path: Path) -> None:
    path = QUICKDRAW / "binary" / "camel.bin"
    lines = {each.key_id: each for each in read_drawings(QUICKDRAW / "simplified" / "camel.ndjson")}
    drawings = list(read_drawings(path))
    assert len(drawings) > 300
    for drawing in drawings:
        assert drawing.to_strokes() == lines[drawing.key_id].to_strokes()
    copy = tmp_path / "camel.bin"
    write_binary(drawings, copy)
    assert copy.read_bytes() == path.read_bytes()
