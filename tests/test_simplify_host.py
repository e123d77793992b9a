"""Compiled simplifying gives what `Drawing.simplified` gives, to the last bit."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doodlewise.data.formats import read_drawings
from doodlewise.data.formats.simplify import simplified
from doodlewise.drawing import MAX_RESAMPLED, Drawing, resample
from doodlewise.ragged import Ragged
from doodlewise.simplify_host import simplify
from raster_cases import QUICKDRAW, drawings, needs_quickdraw


def assert_equal(ours: Ragged, theirs: Ragged) -> None:
    assert ours.points.dtype == np.uint8
    assert ours.stroke_lengths.dtype == np.int32
    assert np.array_equal(ours.points, theirs.points)
    assert np.array_equal(ours.stroke_lengths, theirs.stroke_lengths)
    assert np.array_equal(ours.stroke_offsets, theirs.stroke_offsets)
    assert np.array_equal(ours.point_offsets, theirs.point_offsets)
    assert (ours.times is None) == (theirs.times is None)
    if ours.times is not None and theirs.times is not None:
        assert ours.times.dtype == np.float32
        assert np.array_equal(ours.times, theirs.times, equal_nan=True)


def reference(some: list[Drawing]) -> Ragged:
    return Ragged.from_drawings(drawing.simplified() for drawing in some)


def test_drawings_by_hand(hand_made: dict[str, Drawing]) -> None:
    some = list(hand_made.values())
    assert_equal(simplify(Ragged.from_drawings(some)), reference(some))


@settings(max_examples=300, deadline=None)
@given(st.lists(drawings(), min_size=1, max_size=3))
def test_any_drawings(some: list[Drawing]) -> None:
    assert_equal(simplify(Ragged.from_drawings(some)), reference(some))


@settings(max_examples=100, deadline=None)
@given(st.lists(drawings(), min_size=1, max_size=3), st.integers(0, 2**32))
def test_pen_times_go_along(some: list[Drawing], seed: int) -> None:
    """Of any size and order, and of some of the drawings only."""
    rng = np.random.default_rng(seed)
    timed = [
        replace(each, times=rng.normal(0, 10 ** rng.uniform(0, 9), each.n_points).astype("f4"))
        if rng.random() < 0.8
        else each
        for each in some
    ]
    simple = simplify(Ragged.from_drawings(timed))
    assert_equal(simple, reference(timed))
    assert_equal(replace(simple, times=None), reference(some))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(*2 * [st.integers(-4, 4)]), min_size=1, max_size=30),
        min_size=1,
        max_size=3,
    )
)
def test_where_many_points_are_equally_far(strokes: list[list[tuple[int, int]]]) -> None:
    """Closed and symmetrical strokes: the first of the farthest points decides."""
    some = [Drawing.from_strokes(np.array(stroke) for stroke in strokes)]
    assert_equal(simplify(Ragged.from_drawings(some)), reference(some))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 3000), st.sampled_from([0.05, 1.0, 1e9]))
def test_scribbles(seed: int, n_points: int, scale: float) -> None:
    steps = np.random.default_rng(seed).normal(scale=scale, size=(n_points, 2))
    some = [Drawing.from_strokes([steps]), Drawing.from_strokes([steps.cumsum(axis=0)])]
    assert_equal(simplify(Ragged.from_drawings(some)), reference(some))


@pytest.mark.parametrize("n_points", [390, 2000, 40_000])
def test_a_scribble_of_any_length_is_resampled_to_a_bounded_number(n_points: int) -> None:
    back_and_forth = np.random.default_rng(n_points).uniform(0, 9, (n_points, 2))
    back_and_forth[:, 0] += 900 * (np.arange(n_points) % 2)
    some = [Drawing.from_strokes([back_and_forth]), Drawing.from_strokes([[[0, 3], [0, 4]]])]
    fitted = back_and_forth * (255 / np.ptp(back_and_forth[:, 0]))
    assert len(resample(fitted)) <= MAX_RESAMPLED + 2
    assert_equal(simplify(Ragged.from_drawings(some)), reference(some))


@needs_quickdraw
def test_all_real_drawings() -> None:
    some = [each for path in sorted(QUICKDRAW.glob("raw/*.ndjson")) for each in read_drawings(path)]
    assert len(some) > 3000
    simple = simplify(Ragged.from_drawings(some))
    assert_equal(simple, reference(some))
    # Points in bytes, and drawings that are simple already.
    part = simple.slice(0, 300)
    assert_equal(simplify(part), reference(list(part)))


def test_none_a_part_and_arrays_that_may_not_be_written(hand_made: dict[str, Drawing]) -> None:
    some = list(hand_made.values())
    every = Ragged.from_drawings(some)
    assert_equal(simplify(Ragged.empty()), Ragged.empty())
    assert_equal(simplify(every.slice(2, 6)), reference(some[2:6]))
    assert_equal(simplify(every.slice(3, 3)), Ragged.empty())
    before = every.points.copy()
    for array in (every.points, every.stroke_lengths, every.stroke_offsets, every.point_offsets):
        array.setflags(write=False)
    assert_equal(simplify(every), reference(some))
    assert np.array_equal(every.points, before)


WITHOUT_NUMBA = """
import sys
from pathlib import Path
import numpy as np

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "numba":
            raise ImportError("No module named 'numba'")

if sys.argv[1] == "without":
    sys.meta_path.insert(0, NotInstalled())

from doodlewise.data.chunk import Skips, Source, Wanted
from doodlewise.data.formats.ndjson import NDJSON
from doodlewise.data.formats.simplify import simplified
from doodlewise.ragged import Ragged

path, out = Path(sys.argv[2]), Path(sys.argv[3])
chunks = list(NDJSON.read_chunks(Source(path, "cat"), Wanted(), Skips()))
every = Ragged.concat([chunk.drawings for chunk in chunks])
assert ("numba" in sys.modules) == (sys.argv[1] == "with"), "the other way was taken"
assert len(simplified(Ragged.empty())) == 0
np.savez(out, points=every.points, lengths=every.stroke_lengths, offsets=every.stroke_offsets,
         key_ids=np.concatenate([chunk.key_ids for chunk in chunks]))
"""


def test_readers_need_no_numba(hand_made: dict[str, Drawing], tmp_path: Path) -> None:
    """Two fresh processes read a raw file, one of them where Numba cannot be imported."""
    path = tmp_path / "cat.ndjson"
    # Away from the edges of the frame, where drawings are taken for simplified ones.
    some = [replace(each, points=each.points + np.float32(7)) for each in hand_made.values()]
    with path.open("w") as file:
        for drawing in some:
            strokes = [[*stroke, list(range(len(stroke[0])))] for stroke in drawing.to_strokes()]
            file.write(f'{{"drawing": {strokes}}}\n')
    arrays = []
    for way in ("with", "without"):
        out = tmp_path / f"{way}.npz"
        command = [sys.executable, "-c", WITHOUT_NUMBA, way, str(path), str(out)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        with np.load(out) as file:
            arrays.append({name: file[name] for name in file.files})
    assert arrays[0].keys() == arrays[1].keys()
    for name, array in arrays[0].items():
        assert np.array_equal(array, arrays[1][name]), name
    assert_equal(
        Ragged.from_lengths(
            arrays[0]["points"], arrays[0]["lengths"], np.diff(arrays[0]["offsets"])
        ),
        simplified(Ragged.from_drawings(some)),
    )
