"""Pen times from a source into a store, and out again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doodlewise.cli.data_stats import facts_of
from doodlewise.data.chunk import Skips
from doodlewise.data.export import export
from doodlewise.data.formats import read_drawings
from doodlewise.data.pen_times import LONGEST, mended
from doodlewise.data.prepare import prepare
from doodlewise.data.rows import Rows
from doodlewise.data.split import Fractions
from doodlewise.data.store import MANIFEST, Store
from doodlewise.drawing import Drawing
from doodlewise.errors import StoreError
from doodlewise.ragged import Ragged

NONE_HELD_OUT = Fractions(0.0, 0.0)


def timed(*times: list[float]) -> Ragged:
    """A drawing for each list, with a point for each time."""
    return Ragged.from_drawings(
        Drawing.from_strokes([[list(range(len(each))), [0] * len(each), each]]) for each in times
    )


def write(path: Path, drawings: list[Any], word: str = "cat") -> Path:
    lines = [
        json.dumps({"word": word, "key_id": str(key), "drawing": drawing}) + "\n"
        for key, drawing in enumerate(drawings, 1)
    ]
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(lines))
    return path


def rows_of(store: Path) -> Rows:
    """All rows, in the order of their keys."""
    opened = Store(store)
    rows = Rows.concat([opened.read(shard) for shard in opened.shards("all") if shard.rows])
    return rows.take(np.argsort(rows.key_ids))


def times_of(drawings: Ragged | None) -> list[list[float] | None]:
    assert drawings is not None
    return [None if each.times is None else each.times.tolist() for each in drawings]


RAW = [
    [[[3.5, 90, 200.25], [4, 700.5, 5], [0, 16, 33]], [[40, 41], [7, 300.125], [70, 80]]],
    [[[500, 600, 700], [0, 4, 90], [1_753_000_000_005, 1_753_000_000_105, 1_753_000_000_225]]],
]
SIMPLE = [[[0, 255, 7], [3, 4, 5]], [[10, 20], [0, 200]]]


def test_times_that_are_as_they_should_be_stay() -> None:
    skips = Skips()
    drawings = timed([0, 1, 1, 20_000], [7, 9])
    assert times_of(mended(drawings, skips)) == [[0, 1, 1, 20_000], [0, 2]]
    bare = Ragged.from_drawings([Drawing.from_strokes(SIMPLE)])
    assert mended(bare, skips) is bare
    assert skips == Skips()


def test_times_are_mended_and_it_is_noted() -> None:
    skips = Skips()
    nan = float("nan")
    drawings = timed(
        [0, 10, 4, 12.6], [0, -5, -7], [0, 70_000], [0, 90_000, 3], [0, nan, 5], [nan, nan], [0, 8]
    )
    assert times_of(mended(drawings, skips)) == [
        [0, 10, 10, 13],
        [0, 0, 0],
        [0, LONGEST],
        [0, LONGEST, LONGEST],
        None,
        None,
        [0, 8],
    ]
    assert skips.notes == {
        "pen times that ran backwards evened out": 3,
        "pen times of more than 65 seconds cut to that": 2,
        "pen times left out, as some points had none": 1,
    }
    assert mended(timed([nan, nan]), Skips()).times is None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.floats(-1e38, 1e38) | st.just(float("nan")), min_size=1, max_size=6),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_the_times_are_they_can_be_stored(times: list[list[float]]) -> None:
    drawings = mended(timed(*times), Skips())
    for own, before in zip(times_of(drawings), times, strict=True):
        assert (own is None) == bool(np.isnan(before).any())
        if own is not None:
            assert own[0] == 0
            assert own == sorted(own)
            assert own == [round(each) for each in own]
            assert own[-1] <= LONGEST


def test_a_store_keeps_the_times_of_raw_drawings(tmp_path: Path) -> None:
    source = write(tmp_path / "raw" / "cat.ndjson", RAW)
    manifest = prepare([source], tmp_path / "store", fractions=NONE_HELD_OUT)
    assert manifest.has_times
    assert facts_of(Store(tmp_path / "store"))["has_times"]
    field = Store(tmp_path / "store").schema.field("times")
    assert str(field.type) == "list<item: uint16>"
    drawings = rows_of(tmp_path / "store").drawings
    expected = Ragged.from_drawings(Drawing.from_strokes(each).simplified() for each in RAW)
    assert drawings is not None
    assert np.array_equal(drawings.points, expected.points)
    assert times_of(drawings) == times_of(expected)
    assert drawings[1].times is not None
    assert drawings[1].times[-1] == 220
    # The same again: it is there already.
    assert prepare([source], tmp_path / "store", fractions=NONE_HELD_OUT) == manifest


def test_a_store_can_do_without(tmp_path: Path) -> None:
    source = write(tmp_path / "raw" / "cat.ndjson", [*RAW, [[[1, 2], [3, 4], [9, 5]]]])
    manifest = prepare([source], tmp_path / "store", fractions=NONE_HELD_OUT, times=False)
    assert not manifest.has_times
    assert manifest.skipped["notes"] == {}
    drawings = rows_of(tmp_path / "store").drawings
    assert drawings is not None
    assert drawings.times is None
    with pytest.raises(StoreError, match="with other settings"):
        prepare([source], tmp_path / "store", fractions=NONE_HELD_OUT)


def test_where_some_sources_have_no_times_those_are_unknown(tmp_path: Path) -> None:
    sources = [
        write(tmp_path / "raw" / "cat.ndjson", [RAW[0], SIMPLE]),
        write(tmp_path / "simplified" / "dog.ndjson", [SIMPLE] * 3, "dog"),
    ]
    manifest = prepare(sources, tmp_path / "store", fractions=NONE_HELD_OUT)
    assert manifest.has_times
    rows = rows_of(tmp_path / "store")
    assert rows.drawings is not None
    assert sorted(rows.drawings.is_timed.tolist()) == [False] * 4 + [True]
    only_dogs = prepare(sources[1:], tmp_path / "dogs", fractions=NONE_HELD_OUT)
    assert not only_dogs.has_times
    assert "times" not in Store(tmp_path / "dogs").schema.names


def test_a_store_of_before_there_were_times_opens(tmp_path: Path) -> None:
    source = write(tmp_path / "simplified" / "cat.ndjson", [SIMPLE] * 3)
    store = tmp_path / "store"
    prepare([source], store, fractions=NONE_HELD_OUT)
    manifest = json.loads((store / MANIFEST).read_text())
    del manifest["has_times"], manifest["settings"]["times"]
    (store / MANIFEST).write_text(json.dumps(manifest))
    assert not Store(store).manifest.has_times
    assert rows_of(store).drawings is not None
    assert prepare([source], store, fractions=NONE_HELD_OUT).settings == manifest["settings"]


@pytest.mark.parametrize("format", ["ndjson", "parquet"])
def test_times_go_out_and_come_in_again(tmp_path: Path, format: str) -> None:
    sources = [write(tmp_path / "raw" / "cat.ndjson", [*RAW, SIMPLE])]
    prepare(sources, tmp_path / "store", fractions=NONE_HELD_OUT)
    export(Store(tmp_path / "store"), tmp_path / "out", format=format)
    (file,) = (tmp_path / "out").glob(f"*.{format}")
    drawings = {each.key_id: each.to_strokes() for each in read_drawings(file)}
    rows = rows_of(tmp_path / "store")
    assert rows.drawings is not None
    before = [each.to_strokes() for each in rows.drawings]
    assert [drawings[key] for key in (1, 2, 3)] == before
    assert [len(each[0]) for each in before] == [3, 3, 2]
    prepare([file], tmp_path / "again", fractions=NONE_HELD_OUT)
    again = rows_of(tmp_path / "again").drawings
    assert again is not None
    assert [each.to_strokes() for each in again] == before


def test_bin_files_say_that_they_have_no_room_for_times(tmp_path: Path) -> None:
    prepare(
        [write(tmp_path / "raw" / "cat.ndjson", [*RAW, SIMPLE])],
        tmp_path / "store",
        fractions=NONE_HELD_OUT,
    )
    report = export(Store(tmp_path / "store"), tmp_path / "out", format="bin")
    assert report.notes["drawings whose pen times .bin has no room for"] == 2
