from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doodlewise.data.chunk import Skips, Source, Wanted
from doodlewise.data.formats import detect, read_drawings, write_binary, write_ndjson
from doodlewise.drawing import Drawing

finite = st.floats(-1e6, 1e6, width=32)
in_the_frame = st.integers(0, 255)
keys = st.none() | st.integers(1, 2**64 - 1)
country_codes = st.sampled_from(["", "DE", "US", "NA"])
times_of_day = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC))


def strokes_of(number: st.SearchStrategy[float], *, width: int) -> st.SearchStrategy[list[object]]:
    point = st.lists(number, min_size=width, max_size=width)
    stroke = st.lists(point, min_size=1, max_size=6).map(np.array)
    return st.lists(stroke, min_size=1, max_size=4)


any_drawing = st.builds(
    Drawing.from_strokes,
    strokes_of(finite, width=2) | strokes_of(finite, width=3),
    word=st.none() | st.text(min_size=1, max_size=8),
    country=country_codes,
    recognised=st.sampled_from([None, True, False]),
    key_id=keys,
    timestamp=st.none() | times_of_day,
)
framed_drawing = st.builds(
    Drawing.from_strokes,
    strokes_of(in_the_frame, width=2),
    word=st.just("cat"),
    country=country_codes,
    recognised=st.booleans(),
    key_id=keys,
    timestamp=st.none() | times_of_day.map(lambda when: when.replace(microsecond=0)),
)


def assert_same(read: Drawing, written: Drawing) -> None:
    assert np.array_equal(read.points, written.points)
    assert np.array_equal(read.lengths, written.lengths)
    assert (read.times is None) == (written.times is None)
    if read.times is not None and written.times is not None:
        assert np.array_equal(read.times, written.times)
    for name in ("word", "country", "recognised", "key_id", "timestamp"):
        assert getattr(read, name) == getattr(written, name)


@settings(max_examples=150, deadline=None)
@given(drawings=st.lists(any_drawing, min_size=1, max_size=4))
def test_ndjson_gives_back_what_was_written(
    drawings: list[Drawing], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "round trip.ndjson"
    write_ndjson(drawings, path)
    for read, written in zip(read_drawings(path), drawings, strict=True):
        assert_same(read, written)


@settings(max_examples=150, deadline=None)
@given(drawings=st.lists(framed_drawing, min_size=1, max_size=4))
def test_binary_gives_back_what_was_written(
    drawings: list[Drawing], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "cat.bin"
    write_binary(drawings, path)
    for read, written in zip(read_drawings(path), drawings, strict=True):
        assert_same(read, written)


@settings(max_examples=100, deadline=None)
@given(drawings=st.lists(framed_drawing, min_size=1, max_size=6))
def test_both_formats_give_the_same_chunks(
    drawings: list[Drawing], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    write_ndjson(drawings, folder / "cat.ndjson")
    write_binary(drawings, folder / "cat.bin")
    (of_lines,) = detect(folder / "cat.ndjson").read_chunks(
        Source(folder / "cat.ndjson", "cat"), Wanted(), Skips()
    )
    (of_bytes,) = detect(folder / "cat.bin").read_chunks(
        Source(folder / "cat.bin", "cat"), Wanted(), Skips()
    )
    assert of_lines.words == of_bytes.words
    assert of_lines.countries == of_bytes.countries
    assert np.array_equal(of_lines.key_ids, of_bytes.key_ids)
    assert np.array_equal(of_lines.recognised, of_bytes.recognised)
    assert of_lines.drawings is not None
    assert of_bytes.drawings is not None
    for name in ("points", "stroke_lengths", "stroke_offsets", "point_offsets"):
        assert np.array_equal(getattr(of_lines.drawings, name), getattr(of_bytes.drawings, name))
        assert getattr(of_lines.drawings, name).dtype == getattr(of_bytes.drawings, name).dtype


def test_a_written_line_is_as_google_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "cat.ndjson"
    known = Drawing.from_strokes(
        [[[0, 255], [3, 4]], [[7], [8]]],
        word="cat",
        country="VE",
        recognised=True,
        key_id=5201136883597312,
        timestamp=datetime(2017, 3, 2, 23, 25, 10, 74530, tzinfo=UTC),
    )
    raw = Drawing.from_strokes([[[1.5, 2], [3, 4], [0, 17]]], word="Öl", recognised=False)
    write_ndjson([known, raw], path)
    assert path.read_text(encoding="utf-8") == (
        '{"word":"cat","countrycode":"VE","timestamp":"2017-03-02 23:25:10.07453 UTC",'
        '"recognized":true,"key_id":"5201136883597312","drawing":[[[0,255],[3,4]],[[7],[8]]]}\n'
        '{"word":"Öl","countrycode":"","timestamp":null,'
        '"recognized":false,"key_id":null,"drawing":[[[1.5,2.0],[3,4],[0,17]]]}\n'
    )


@pytest.mark.parametrize(
    ("when", "text"),
    [
        (datetime(2017, 3, 2, 23, 25, 10), "2017-03-02 23:25:10 UTC"),
        (datetime(2017, 3, 2, 23, 25, 0, 500_000), "2017-03-02 23:25:00.5 UTC"),
        (datetime(2017, 3, 2, 0, 0, 0, 1, tzinfo=UTC), "2017-03-02 00:00:00.000001 UTC"),
        (
            datetime(2017, 3, 3, 1, 0, 30, tzinfo=timezone(timedelta(hours=2))),
            "2017-03-02 23:00:30 UTC",
        ),
    ],
)
def test_written_times(tmp_path: Path, when: datetime, text: str) -> None:
    path = tmp_path / "cat.ndjson"
    write_ndjson([Drawing.from_strokes([[[1], [2]]], timestamp=when)], path)
    assert json.loads(path.read_text())["timestamp"] == text


@pytest.mark.parametrize("write", [write_ndjson, write_binary])
def test_a_file_is_replaced_at_once_or_not_at_all(
    tmp_path: Path, write: Callable[[Iterable[Drawing], Path], None]
) -> None:
    path = tmp_path / "new folder" / "cat.any"
    drawing = Drawing.from_strokes([[[1, 2], [3, 4]]], key_id=1)
    write([drawing], path)
    before = path.read_bytes()

    def broken_off() -> Iterator[Drawing]:
        yield drawing
        assert path.read_bytes() == before
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(broken_off(), path)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["cat.any"]
    write([drawing, drawing], path)
    assert len(list(read_drawings(path))) == 2
