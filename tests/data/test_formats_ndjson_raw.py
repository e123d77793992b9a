"""Raw drawings take a quick way into a chunk, on which they become what the slow way makes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from doodlewise.data.chunk import Chunk, Skips, Source, Wanted
from doodlewise.data.formats import read_drawings
from doodlewise.data.formats.ndjson import NDJSON
from doodlewise.data.formats.strokes_of_json import (
    StrokeRows,
    UnusableError,
    drawing_of,
    framed,
)
from doodlewise.drawing import Drawing
from doodlewise.ragged import Ragged

QUICKDRAW = Path(__file__).resolve().parents[3] / "shared" / "data" / "quickdraw"
needs_quickdraw = pytest.mark.skipif(not QUICKDRAW.is_dir(), reason=f"no data at {QUICKDRAW}")

RAW = [[[3.5, 9, 200.25], [4, 700.5, 5], [0, 16, 33]], [[40, 41], [7, 300.125], [70, 80]]]
SIMPLE = [[[0, 255, 7], [3, 4, 5]], [[10, 20], [0, 200]]]


def slow_way(strokes: Any) -> Chunk | str:
    """The chunk of one drawing, or why it cannot be used."""
    rows, skips = StrokeRows(), Skips()
    try:
        rows.add_drawing(framed(drawing_of(strokes), skips), "cat")
    except UnusableError as problem:
        return str(problem)
    return rows.chunk(skips)


def drawings_of(chunk: Chunk) -> Ragged:
    assert chunk.drawings is not None
    return chunk.drawings


def assert_same(ours: Ragged, theirs: Ragged) -> None:
    assert ours.points.dtype == theirs.points.dtype == np.uint8
    assert np.array_equal(ours.points, theirs.points)
    assert np.array_equal(ours.stroke_lengths, theirs.stroke_lengths)
    assert np.array_equal(ours.stroke_offsets, theirs.stroke_offsets)
    if ours.times is not None or theirs.times is not None:
        assert np.array_equal(ours.times, theirs.times, equal_nan=True)  # type: ignore[arg-type]


numbers = (
    st.integers(0, 600)
    | st.floats(-1e3, 1e3)
    | st.sampled_from([255, 1e38, 1.1e38, -2e38, 1e300, 10**18, 1e-40])
)


@st.composite
def strokes_of_any_kind(draw: st.DrawFn) -> list[list[list[float]]]:
    """Mostly raw; sometimes without points, without times, or with lists of unequal length."""
    n_lists = draw(st.sampled_from([3, 3, 3, 3, 2, 4]))
    strokes = []
    for _ in range(draw(st.integers(0, 4))):
        n = draw(st.integers(0, 5))
        stroke = [draw(st.lists(numbers, min_size=n, max_size=n)) for _ in range(n_lists)]
        if draw(st.integers(0, 9)) == 0:
            stroke[draw(st.integers(0, n_lists - 1))].append(7)
        strokes.append(stroke)
    return strokes


@settings(max_examples=400, deadline=None)
@given(strokes_of_any_kind())
@example(RAW)
@example(SIMPLE)
@example([[*stroke, [3, 40, 5][: len(stroke[0])]] for stroke in SIMPLE])
@example([[[1], [2], [0]]])
@example([[[], [], []]])
@example([[[1, 2], [3, 4], [0, 1e39]]])
@example([[[1, 2], [3, 10**400], [0, 1]]])
@example([[[0.5] * 30_001, list(range(30_001)), [0] * 30_001]])
def test_the_quick_way_gives_what_the_slow_one_gives(strokes: Any) -> None:
    expected = slow_way(strokes)
    rows = StrokeRows()
    added = rows.add_strokes(strokes, "cat", None, "", None)
    assert len(rows) == added
    if added:
        assert isinstance(expected, Chunk), f"it was taken, though: {expected}"
        ours = rows.chunk(Skips())
        assert_same(drawings_of(ours), drawings_of(expected))
        assert ours.key_ids.tolist() == expected.key_ids.tolist()


@pytest.mark.parametrize(
    "strokes", [RAW, [[[1], [2], [0]], [[], [], []], [[3, 4.5], [5, 6], [7, 8]]]]
)
def test_raw_drawings_take_the_quick_way(strokes: Any) -> None:
    rows = StrokeRows()
    assert rows.add_strokes(strokes, "cat", 5, "DE", True)
    assert rows.has_raw
    drawing = Drawing.from_strokes([stroke for stroke in strokes if stroke[0]]).simplified()
    assert drawings_of(rows.chunk(Skips()))[0].to_strokes() == drawing.to_strokes()


def test_raw_and_simplified_lines_stay_in_their_order(tmp_path: Path) -> None:
    """Every kind of line: simplified, raw, raw in a slow way, out of the frame, and unusable."""
    loose = [[[0, 510], [0, 51]]]
    kinds: list[dict[str, Any]] = [
        {"drawing": SIMPLE},
        {"drawing": RAW, "word": "dog"},
        {"drawing": RAW, "word": 17},
        {"drawing": loose},
        {"drawing": [[[1, 2], [3], [0, 1]]]},
        {"drawing": [*RAW, [[9, 9.5], [1, 900], [90, 95]]]},
    ]
    order = np.random.default_rng(3).integers(0, len(kinds), size=200).tolist()
    path = tmp_path / "cat.ndjson"
    path.write_text(
        "".join(json.dumps(kinds[kind] | {"key_id": n + 1}) + "\n" for n, kind in enumerate(order))
    )
    skips = Skips()
    (chunk,) = NDJSON.read_chunks(Source(path, "cat"), Wanted(), skips)
    kept = [n for n, kind in enumerate(order) if kind != 4]
    assert chunk.key_ids.tolist() == [n + 1 for n in kept]
    assert chunk.words == ["dog" if order[n] == 1 else "cat" for n in kept]
    assert skips.counts == {"a stroke whose lists differ in length": order.count(4)}
    assert skips.notes == {"brought into the 0..255 frame": order.count(3)}
    for drawing, n in zip(drawings_of(chunk), kept, strict=True):
        expected = Drawing.from_strokes(kinds[order[n]]["drawing"])
        if order[n]:
            expected = expected.simplified()
        assert drawing.to_strokes() == expected.to_strokes()


def test_a_truncated_raw_file_is_mended_as_such(tmp_path: Path) -> None:
    path = tmp_path / "cat.ndjson"
    path.write_text(json.dumps({"drawing": RAW}) + "\n" + json.dumps({"drawing": RAW})[:-9])
    skips = Skips()
    (chunk,) = NDJSON.read_chunks(Source(path, "cat"), Wanted(), skips)
    assert len(chunk) == 1
    (place,) = skips.examples["truncated last line"]
    assert place.endswith("--format raw")


@needs_quickdraw
def test_real_raw_files() -> None:
    for path in sorted(QUICKDRAW.glob("raw/*.ndjson"))[::9]:
        every = list(read_drawings(path))
        skips = Skips()
        (chunk,) = NDJSON.read_chunks(Source(path, "cat"), Wanted(), skips)
        assert skips == Skips()
        assert chunk.key_ids.tolist() == [drawing.key_id for drawing in every]
        for ours, drawing in zip(drawings_of(chunk), every, strict=True):
            assert ours.to_strokes() == drawing.simplified().to_strokes()
