from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doodlewise import errors
from doodlewise.data.chunk import Chunk, Skips, Source, Wanted
from doodlewise.data.formats import detect, read_drawings, word_of
from doodlewise.data.formats.ndjson import NDJSON
from doodlewise.drawing import Drawing
from doodlewise.ragged import Ragged

QUICKDRAW = Path(__file__).resolve().parents[3] / "shared" / "data" / "quickdraw"
needs_quickdraw = pytest.mark.skipif(not QUICKDRAW.is_dir(), reason=f"no data at {QUICKDRAW}")

GOOD = {
    "word": "cat",
    "countrycode": "DE",
    "timestamp": "2017-03-02 23:25:10.07453 UTC",
    "recognized": True,
    "key_id": "5201136883597312",
    "drawing": [[[0, 255, 7], [3, 4, 5]], [[10, 20], [0, 200]]],
}

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes lines: bytes as they are, anything else as JSON."""

    def write_lines(*lines: Any, end: bytes = b"\n", name: str = "cat.ndjson") -> Path:
        path = tmp_path / name
        encoded = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
        path.write_bytes(b"\n".join(encoded) + end)
        return path

    return write_lines


def read(path: Path, word: str = "cat") -> tuple[list[Chunk], Skips]:
    skips = Skips()
    return list(NDJSON.read_chunks(Source(path, word), Wanted(), skips)), skips


def read_one(path: Path, word: str = "cat") -> tuple[Chunk, Ragged, Skips]:
    chunks, skips = read(path, word)
    assert len(chunks) == 1
    drawings = chunks[0].drawings
    assert drawings is not None
    return chunks[0], drawings, skips


def test_a_line_of_google_becomes_a_row(write: Write) -> None:
    chunk, drawings, skips = read_one(write(GOOD))
    assert chunk.words == ["cat"]
    assert chunk.countries == ["DE"]
    assert chunk.key_ids.dtype == np.uint64
    assert chunk.key_ids.tolist() == [5201136883597312]
    assert chunk.recognised.dtype == np.int8
    assert chunk.recognised.tolist() == [1]
    assert drawings.points.dtype == np.uint8
    assert drawings.points.tolist() == [[0, 3], [255, 4], [7, 5], [10, 0], [20, 200]]
    assert drawings.stroke_lengths.tolist() == [3, 2]
    assert drawings.stroke_offsets.tolist() == [0, 2]
    assert skips == Skips()


@pytest.mark.parametrize(
    ("change", "words", "country", "recognised"),
    [
        ({"word": None}, "given", "DE", 1),
        ({"word": ""}, "given", "DE", 1),
        ({"word": "The Eiffel Tower"}, "The Eiffel Tower", "DE", 1),
        ({"countrycode": None}, "cat", "", 1),
        ({"countrycode": 5}, "cat", "", 1),
        ({"countrycode": "Germany"}, "cat", "", 1),
        ({"recognized": None}, "cat", "DE", -1),
        ({"recognized": False}, "cat", "DE", 0),
        ({"recognized": "yes"}, "cat", "DE", -1),
        ({"unknown key": {"a": [1, 2]}}, "cat", "DE", 1),
    ],
)
def test_what_is_said_of_a_drawing(
    write: Write, change: dict[str, Any], words: str, country: str, recognised: int
) -> None:
    chunk, drawings, skips = read_one(write({**GOOD, **change}), "given")
    assert chunk.words == [words]
    assert chunk.countries == [country]
    assert chunk.recognised.tolist() == [recognised]
    assert drawings.points[0].tolist() == [0, 3]
    assert skips == Skips()


def test_only_the_drawing_is_needed(write: Write) -> None:
    chunk, _, skips = read_one(write({"drawing": GOOD["drawing"]}), "dog")
    assert (chunk.words, chunk.countries, chunk.recognised.tolist()) == (["dog"], [""], [-1])
    assert skips == Skips()


@pytest.mark.parametrize(
    ("key_id", "expected"),
    [("17", 17), (17, 17), ("18446744073709551615", 2**64 - 1), (2**64 - 1, 2**64 - 1)],
)
def test_keys_are_strings_or_numbers(write: Write, key_id: Any, expected: int) -> None:
    chunk, _, _ = read_one(write({**GOOD, "key_id": key_id}))
    assert chunk.key_ids.tolist() == [expected]


def test_a_key_that_is_none_becomes_a_hash_of_the_content(write: Write) -> None:
    bad_keys = [None, "", "abc", -1, "0", 2**64, 10**40, [1], 1.5e300]
    other = {**GOOD, "key_id": None, "drawing": [[[0, 255], [3, 4]]]}
    resplit = {**GOOD, "key_id": None, "drawing": [[[0, 255], [3, 4]], [[7, 10, 20], [5, 0, 200]]]}
    lines = [{**GOOD, "key_id": key} for key in bad_keys]
    chunk, _, _ = read_one(write(*lines, other, resplit))
    keys = chunk.key_ids.tolist()
    assert len(set(keys[: len(bad_keys)])) == 1
    assert len(set(keys)) == 3
    assert 0 not in keys


def test_one_file_may_hold_several_words(write: Write) -> None:
    chunk, _, _ = read_one(write(GOOD, {**GOOD, "word": "dog"}, {**GOOD, "word": None}), "x")
    assert chunk.words == ["cat", "dog", "x"]


@pytest.mark.parametrize("end", [b"\n", b"", b"\r\n", b"\n\n  \n"])
def test_byte_order_mark_windows_line_ends_and_blank_lines_are_fine(
    write: Write, end: bytes
) -> None:
    line = json.dumps(GOOD).encode()
    path = write(b"\xef\xbb\xbf" + line + b"\r", b"\r", b"   ", line, end=end)
    chunk, _, skips = read_one(path)
    assert len(chunk) == 2
    assert skips == Skips()
    assert detect(path) is NDJSON


BAD_LINES = [
    (b'{"word": "cat", "drawing": [[[1,2],[3,', "broken JSON"),
    (b"nonsense", "broken JSON"),
    (b"\x00\x00\x00", "broken JSON"),
    (b'{"word": "\xff\xfe", "drawing": [[[1,2],[3,4]]]}', "broken JSON"),
    (b'{"drawing": [[[1,NaN],[3,4]]]}', "broken JSON"),
    (b'{"drawing": [[[1,Infinity],[3,4]]]}', "broken JSON"),
    (b'{"drawing": [[[1,2],[3,4]]]} {}', "broken JSON"),
    (b'{"drawing": ' + b"[" * 100_000, "broken JSON"),
    (b'{"extra": ' + b"[" * 100_000, "broken JSON"),
    (b"[1, 2, 3]", "no drawing in the line"),
    (b"17", "no drawing in the line"),
    (b'{"word": "cat"}', "no drawing in the line"),
    (b'{"drawing": null}', "no drawing in the line"),
    (b'{"drawing": []}', "empty drawing"),
    (b'{"drawing": [[]]}', "empty drawing"),
    (b'{"drawing": [[[],[]],[[],[]]]}', "empty drawing"),
    (b'{"drawing": [[[1,2,3],[4,5]]]}', "a stroke whose lists differ in length"),
    (b'{"drawing": [[[1,2],[4]],[[1],[4,5]]]}', "a stroke whose lists differ in length"),
    (b'{"drawing": [[[1.5,2],[4,5],[6]]]}', "a stroke whose lists differ in length"),
    (b'{"drawing": [[[1,2]]]}', "strokes that are neither all [x, y] nor all [x, y, t]"),
    (b'{"drawing": [[[1],[2],[3],[4]]]}', "strokes that are neither all [x, y] nor all [x, y, t]"),
    (
        b'{"drawing": [[[1],[2]],[[1],[2],[3]]]}',
        "strokes that are neither all [x, y] nor all [x, y, t]",
    ),
    (b'{"drawing": "strokes"}', "strokes that are not lists of numbers"),
    (b'{"drawing": [[["1"],["2"]]]}', "strokes that are not lists of numbers"),
    (b'{"drawing": [[[true],[false]]]}', "strokes that are not lists of numbers"),
    (b'{"drawing": [[[null],[1]]]}', "strokes that are not lists of numbers"),
    (b'{"drawing": [[1,2],[3,4]]}', "strokes that are not lists of numbers"),
    (b'{"drawing": [[[1e999],[1]]]}', "a number that is out of range"),
    (b'{"drawing": [[[1e300],[1]]]}', "a number that is out of range"),
    (b'{"drawing": [[[1],[1],[1e300]]]}', "a number that is out of range"),
]


@pytest.mark.parametrize(("line", "reason"), BAD_LINES)
def test_a_bad_line_is_skipped_with_its_reason(write: Write, line: bytes, reason: str) -> None:
    chunk, _, skips = read_one(write(GOOD, line, GOOD))
    assert len(chunk) == 2
    assert skips.to_dict() == {
        "counts": {reason: 1},
        "examples": {reason: ["cat.ndjson:2"]},
        "notes": {},
    }


@pytest.mark.parametrize(("line", "reason"), BAD_LINES)
def test_reading_drawings_stops_at_a_bad_line(write: Write, line: bytes, reason: str) -> None:
    drawings = read_drawings(write(GOOD, line, GOOD))
    assert next(drawings).word == "cat"
    with pytest.raises(errors.FormatError) as caught:
        next(drawings)
    assert f"cat.ndjson, line 2: {reason}. Mend or remove" in str(caught.value)


def test_places_count_blank_lines_too(write: Write) -> None:
    _, skips = read(write(b"", GOOD, b"", b"oops", b"", GOOD))
    assert skips.examples == {"broken JSON": ["cat.ndjson:4"]}


def test_a_cut_off_end_is_called_truncated_and_says_how_to_mend_it(write: Write) -> None:
    whole = json.dumps(GOOD).encode()
    chunk, _, skips = read_one(write(GOOD, GOOD, whole[: len(whole) // 2], end=b""))
    assert len(chunk) == 2
    assert skips.counts == {"truncated last line": 1}
    assert skips.examples["truncated last line"] == [
        "cat.ndjson:3, run: doodlewise data download --classes cat --format simplified"
    ]


def test_a_cut_off_raw_file_is_mended_by_the_raw_file(write: Write) -> None:
    raw = {**GOOD, "drawing": [[[1.5, 2.5], [3.5, 90.0], [0, 17]]]}
    _, _, skips = read_one(write(raw, b'{"word":"ca', end=b""))
    assert skips.examples["truncated last line"][0].endswith("--format raw")


def test_a_line_of_many_megabytes_is_skipped(write: Write) -> None:
    long = b'{"drawing": [[[' + b"1," * (17 << 20) + b"1],[1]]]}"
    chunk, _, skips = read_one(write(GOOD, long, GOOD))
    assert len(chunk) == 2
    assert skips.examples == {"line of more than 32 MiB": ["cat.ndjson:2"]}


def test_raw_lines_are_simplified_as_google_does(write: Write) -> None:
    strokes = [[[100.5, 150.25, 300.0], [20.0, 30.5, 400.0], [0, 16, 40]]]
    chunk, drawings, skips = read_one(write({**GOOD, "drawing": strokes}))
    expected = Drawing.from_strokes(strokes).simplified()
    assert np.array_equal(drawings.points, expected.points)
    assert drawings.points.dtype == np.uint8
    assert drawings.points.max() == 255
    assert chunk.key_ids.tolist() == [5201136883597312]
    assert skips == Skips()


@pytest.mark.parametrize(
    "stroke",
    [
        [[-5, 300], [0, 10]],
        [[0, 256], [0, 10]],
        [[0.5, 20], [0, 10]],
        [[1e30, 2e30], [0, 10]],
        [[10**19, 10**20], [0, 10]],
        [[1e-30, 2e-30], [0, 0]],
    ],
)
def test_what_is_outside_the_frame_is_brought_in(write: Write, stroke: list[Any]) -> None:
    _, drawings, skips = read_one(write({**GOOD, "drawing": [stroke]}))
    assert drawings.points.min() == 0
    assert drawings.points.max() == 255
    assert skips.counts == {}
    assert skips.notes == {"brought into the 0..255 frame": 1}


def test_whole_numbers_written_as_floats_are_left_as_they_are(write: Write) -> None:
    _, drawings, skips = read_one(write({**GOOD, "drawing": [[[10.0, 20.0], [30.0, 40.0]]]}))
    assert drawings.points.tolist() == [[10, 30], [20, 40]]
    assert skips == Skips()


def test_a_dot_is_kept_and_a_stroke_of_one_point_gets_a_second(write: Write) -> None:
    dot = {**GOOD, "drawing": [[[47, 47], [94, 94]]]}
    single = {**GOOD, "drawing": [[[0, 9], [1, 2]], [[47], [94]], [[3], [4]]]}
    _, drawings, skips = read_one(write(dot, single))
    assert drawings.stroke_lengths.tolist() == [2, 2, 2, 2]
    assert drawings.points.tolist() == [
        [47, 94], [47, 94], [0, 1], [9, 2], [47, 94], [47, 94], [3, 4], [3, 4],
    ]  # fmt: skip
    assert drawings.point_offsets.tolist() == [0, 2, 8]
    assert skips.counts == {}
    assert skips.notes == {"one-point strokes made two equal points": 1}


def test_strokes_without_points_are_left_out(write: Write) -> None:
    _, drawings, skips = read_one(write({**GOOD, "drawing": [[[], []], [[1, 2], [3, 4]], []]}))
    assert drawings.points.tolist() == [[1, 3], [2, 4]]
    assert skips == Skips()


def test_a_drawing_of_ten_thousand_points(write: Write) -> None:
    angle = np.linspace(0, 60 * math.pi, 10_000)
    x, y = np.cos(angle) * angle, np.sin(angle) * angle
    simplified = [np.rint(127 + x * 0.6).astype(int).tolist(), np.rint(127 + y * 0.6).tolist()]
    raw = [x.tolist(), y.tolist(), list(range(10_000))]
    _, drawings, skips = read_one(
        write({**GOOD, "drawing": [simplified]}, {**GOOD, "drawing": [raw]})
    )
    assert drawings.stroke_lengths[0] == 10_000
    assert 100 < drawings.stroke_lengths[1] < 10_000
    assert skips == Skips()


def test_a_stroke_that_16_bits_cannot_count_is_simplified_or_skipped(write: Write) -> None:
    rng = np.random.default_rng(0)
    scribble = rng.integers(0, 256, (2, 100_000)).tolist()
    _, drawings, skips = read_one(
        write({**GOOD, "drawing": [[list(range(256)) * 300, [0] * 76_800]]}, GOOD)
    )
    assert drawings.stroke_lengths[0] < 65_536
    assert skips.notes == {"brought into the 0..255 frame": 1}
    _, _, skips = read_one(write({**GOOD, "drawing": [scribble]}, GOOD))
    assert skips.counts == {"a stroke of more than 65,535 points": 1}


def test_chunks_have_about_8192_rows(write: Write) -> None:
    lines = [{**GOOD, "key_id": str(key + 1)} for key in range(20_000)]
    chunks, _ = read(write(*lines))
    assert [len(chunk) for chunk in chunks] == [8192, 8192, 3616]
    assert np.concatenate([chunk.key_ids for chunk in chunks]).tolist() == list(range(1, 20_001))


def test_a_chunk_of_huge_drawings_ends_early(write: Write) -> None:
    huge = {**GOOD, "drawing": [[[1, 2] * 30_000, [3, 4] * 30_000]] * 20}
    chunks, _ = read(write(*[huge] * 5))
    assert [len(chunk) for chunk in chunks] == [4, 1]


def test_a_file_without_one_usable_line_is_an_error(write: Write) -> None:
    path = write(b"oops", {"drawing": []}, b"", b"{", b"more")
    skips = Skips()
    with pytest.raises(errors.FormatError) as caught:
        list(NDJSON.read_chunks(Source(path, "cat"), Wanted(), skips))
    message = str(caught.value)
    assert "line 1: broken JSON; line 2: empty drawing; line 4: broken JSON)" in message
    assert str(path) in message
    assert message.endswith("doodlewise data download --classes cat --format simplified")
    assert skips.counts == {"broken JSON": 3, "empty drawing": 1}


@pytest.mark.parametrize("content", [b"", b"\n\n  \n"])
def test_a_file_without_lines_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cat.ndjson"
    path.write_bytes(content)
    with pytest.raises(errors.FormatError, match=r"it has no lines"):
        read(path)


def test_drawings_come_with_all_that_is_known(write: Write) -> None:
    raw = {**GOOD, "drawing": [[[414.5, 410.25], [3.5, 90.0], [0, 17]], [[5.0], [6.0], [99]]]}
    one, two, three = read_drawings(write(raw, GOOD, {"drawing": [[[1], [2]]]}))
    assert one.to_strokes() == raw["drawing"]
    assert one.times is not None
    assert one.times.tolist() == [0, 17, 99]
    assert (one.word, one.country, one.recognised) == ("cat", "DE", True)
    assert one.key_id == 5201136883597312
    assert one.timestamp == datetime(2017, 3, 2, 23, 25, 10, 74530, tzinfo=UTC)
    assert two.to_strokes() == GOOD["drawing"]
    assert two.times is None
    assert (three.word, three.country, three.recognised) == (None, "", None)
    assert (three.key_id, three.timestamp, three.times) == (None, None, None)
    assert three.lengths.tolist() == [1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2017-03-02 23:25:10 UTC", datetime(2017, 3, 2, 23, 25, 10, tzinfo=UTC)),
        ("2017-03-02 23:25:10.5 UTC", datetime(2017, 3, 2, 23, 25, 10, 500_000, tzinfo=UTC)),
        ("2017-03-08 21:12:07.266040", datetime(2017, 3, 8, 21, 12, 7, 266_040, tzinfo=UTC)),
        ("2017-03-02T23:25:10+02:00", datetime(2017, 3, 2, 21, 25, 10, tzinfo=UTC)),
        ("0001-01-01T00:00:00+10:00", None),
        ("yesterday", None),
        (1488497110, None),
        (None, None),
    ],
)
def test_timestamps(write: Write, text: Any, expected: datetime | None) -> None:
    (drawing,) = read_drawings(write({**GOOD, "timestamp": text}))
    assert drawing.timestamp == expected


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_damaged_lines_never_stop_the_reader(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    line = bytearray(json.dumps(GOOD).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(line) - 1))
        line[at : at + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=3))
    path = tmp_path_factory.getbasetemp() / "damaged.ndjson"
    good = json.dumps(GOOD).encode()
    path.write_bytes(good + b"\n" + bytes(line) + b"\n" + good)
    chunks, skips = read(path)
    n_lines = sum(1 for each in path.read_bytes().split(b"\n") if each.strip())
    assert sum(map(len, chunks)) + skips.counts.total() == n_lines
    for chunk in chunks:
        assert chunk.drawings is not None
        assert len(chunk) == len(chunk.drawings) == len(chunk.key_ids)
        assert len(chunk.drawings.points) == chunk.drawings.point_offsets[-1]


@needs_quickdraw
def test_raw_files_of_google_give_what_its_simplified_files_hold() -> None:
    simplified: dict[int, Drawing] = {}
    for path in sorted((QUICKDRAW / "simplified").glob("c*.ndjson")):
        simplified |= {d.key_id: d for d in read_drawings(path) if d.key_id is not None}
    same = of = 0
    for path in sorted((QUICKDRAW / "raw").glob("c*.ndjson")):
        for chunk in NDJSON.read_chunks(Source(path, word_of(path)), Wanted(), Skips()):
            assert chunk.drawings is not None
            for row, key in enumerate(chunk.key_ids.tolist()):
                if key in simplified:
                    of += 1
                    same += np.array_equal(chunk.drawings[row].points, simplified[key].points)
    assert of > 20
    assert same / of > 0.8


@needs_quickdraw
def test_simplified_files_of_google_are_read_whole() -> None:
    path = QUICKDRAW / "simplified" / "alarm clock.ndjson"
    chunk, drawings, skips = read_one(path, word_of(path))
    assert len(chunk) == len(path.read_text().splitlines())
    assert set(chunk.words) == {"alarm clock"}
    assert skips == Skips()
    first = json.loads(path.read_text().splitlines()[0])
    assert drawings[0].to_strokes() == first["drawing"]
