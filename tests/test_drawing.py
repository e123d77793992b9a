from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doodlewise.data.formats import read_drawings
from doodlewise.drawing import Drawing, resample, thin
from doodlewise.errors import DrawingError
from doodlewise.raster_host import copy_prefix

QUICKDRAW = Path(__file__).resolve().parents[2] / "shared" / "data" / "quickdraw"
needs_quickdraw = pytest.mark.skipif(not QUICKDRAW.is_dir(), reason=f"no data at {QUICKDRAW}")

coordinates = st.floats(-1e6, 1e6, width=32)
strokes_of_lists = st.lists(
    st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=8).map(
        lambda points: [[x for x, _ in points], [y for _, y in points]]
    ),
    min_size=1,
    max_size=5,
)


def grid_strokes(most: int) -> st.SearchStrategy[list[Any]]:
    number = st.integers(0, most)
    stroke = st.lists(st.tuples(number, number), min_size=1, max_size=8)
    return st.lists(stroke.map(np.array), min_size=1, max_size=5)


def test_strokes_are_laid_end_to_end() -> None:
    drawing = Drawing.from_strokes([[[0, 3], [0, 4]], [[5], [6]]], word="cat", key_id=7)
    assert drawing.points.tolist() == [[0, 0], [3, 4], [5, 6]]
    assert drawing.points.dtype == np.float32
    assert drawing.lengths.tolist() == [2, 1]
    assert drawing.lengths.dtype == np.int32
    assert drawing.times is None
    assert (drawing.word, drawing.key_id) == ("cat", 7)
    assert (drawing.country, drawing.recognised, drawing.timestamp) == ("", None, None)
    assert [stroke.tolist() for stroke in drawing.strokes] == [[[0, 0], [3, 4]], [[5, 6]]]
    assert (drawing.n_strokes, drawing.n_points) == (2, 3)
    assert drawing.bounds == (0.0, 0.0, 5.0, 6.0)
    assert drawing.ink == 5.0
    assert repr(drawing) == "Drawing('cat', 2 strokes, 3 points)"


def test_strokes_may_be_arrays_of_points() -> None:
    lists = Drawing.from_strokes([[[1, 2, 3], [4, 5, 6]]])
    assert np.array_equal(
        Drawing.from_strokes([np.array([[1, 4], [2, 5], [3, 6]])]).points, lists.points
    )


def test_times_are_a_third_list_or_column() -> None:
    lists = Drawing.from_strokes([[[1, 2], [3, 4], [0, 30]], [[5], [6], [70]]])
    assert lists.times is not None
    assert lists.times.tolist() == [0, 30, 70]
    columns = Drawing.from_strokes([np.array([[1, 3, 0], [2, 4, 30]]), np.array([[5, 6, 70]])])
    assert columns.times is not None
    assert np.array_equal(columns.times, lists.times)
    assert np.array_equal(columns.points, lists.points)


@pytest.mark.parametrize("nothing", [[], [[], []], np.zeros((0, 2))])
def test_strokes_without_points_are_left_out(nothing: Any) -> None:
    drawing = Drawing.from_strokes([nothing, [[1, 2], [3, 4]], nothing])
    assert drawing.lengths.tolist() == [2]


@settings(max_examples=60, deadline=None)
@given(strokes_of_lists)
def test_to_strokes_gives_back_what_from_strokes_took(strokes: list[list[list[float]]]) -> None:
    assert Drawing.from_strokes(strokes).to_strokes() == strokes


def test_to_strokes_gives_back_times() -> None:
    strokes = [[[0.5, 2], [0, 1], [0, 16]], [[3], [4], [50]]]
    again = Drawing.from_strokes(strokes).to_strokes()
    assert again == strokes
    assert isinstance(again[1][0][0], int)


@pytest.mark.parametrize(
    ("strokes", "message"),
    [
        ([], "empty: it has no points. Draw"),
        ([[[], []], []], "empty: it has no points. Draw"),
        ([[[0, 1], [0, 1]], [[0, 1, 2], [0, 1]]], r"Stroke 2 .* unequal length: 3, 2\. Give"),
        ([[[0, float("nan")], [0, 1]]], "NaN, infinite or beyond 1e[+]38. Remove"),
        ([[[0, 1], [0, float("inf")]]], "NaN, infinite or beyond 1e[+]38. Remove"),
        ([[[0, -2e38], [0, 1]]], "NaN, infinite or beyond 1e[+]38. Remove"),
        ([[[0, 1e300], [0, 1]]], "NaN, infinite or beyond 1e[+]38. Remove"),
        ([[[0, None], [0, 1]]], "NaN, infinite"),
        ([[["a", "b"], [0, 1]]], r"Stroke 1 is not made of numbers\. A stroke is \[\[x, "),
        ([[1, 2]], "Stroke 1 is not made of numbers"),
        ([3], "Stroke 1 is not made of numbers"),
        ([[[1, 2]]], r"Stroke 1 has shape \(2, 1\)"),
        ([[[1], [2], [3], [4]]], r"Stroke 1 has shape \(1, 4\)"),
        ([[[[1], [2]], [[3], [4]]]], r"Stroke 1 has shape \(2, 2, 1\)"),
        ([np.arange(4)], r"Stroke 1 has shape \(4,\)"),
        ([[[1], [2]], [[1], [2], [3]]], "Some strokes have times and some have none. Give"),
    ],
)
def test_strokes_that_cannot_be_used(strokes: list[Any], message: str) -> None:
    with pytest.raises(DrawingError, match=message):
        Drawing.from_strokes(strokes)


@pytest.mark.parametrize(
    ("points", "lengths", "times", "message"),
    [
        (np.zeros((0, 2)), [0], None, "empty"),
        (np.zeros((2, 2)), [], None, "empty"),
        (np.zeros((2, 3)), [2], None, r"shape \(2, 3\). Give"),
        (np.zeros(2), [2], None, r"shape \(2,\). Give"),
        (np.zeros((2, 2)), [3], None, "add up to 3, but there are 2 points. Give"),
        (np.zeros((2, 2)), [2, 0], None, "at least one point"),
        (np.zeros((2, 2)), [3, -1], None, "at least one point"),
        (np.zeros((2, 2)), [2], np.zeros(3), r"2 points, but times of shape \(3,\). Give"),
        (np.zeros((2, 2)), [2], np.zeros((2, 1)), r"times of shape \(2, 1\). Give"),
    ],
)
def test_arrays_that_cannot_be_used(
    points: Any, lengths: list[int], times: Any, message: str
) -> None:
    with pytest.raises(DrawingError, match=message):
        Drawing(points.astype(np.float32), np.array(lengths, np.int32), times)


def test_what_is_unusual_but_usable(hand_made: dict[str, Drawing]) -> None:
    assert hand_made["dot"].ink == 0.0
    assert hand_made["dot"].bounds == (47.0, 94.0, 47.0, 94.0)
    assert hand_made["two equal points"].ink == 0.0
    many = Drawing.from_strokes([np.random.default_rng(0).normal(size=(10_000, 2))])
    assert many.n_points == 10_000
    assert 2 <= many.simplified().n_points <= 100_001
    assert many.prefix(0.5).ink == pytest.approx(many.ink / 2, rel=1e-5)


def test_normalised_moves_and_scales(hand_made: dict[str, Drawing]) -> None:
    assert hand_made["far away"].normalised().bounds == pytest.approx((0, 0, 255, 170))
    assert hand_made["upright"].normalised(10).points.tolist() == [[0, 0], [0, 10], [0, 5]]
    assert hand_made["dot"].normalised().points.tolist() == [[0, 0]]


def test_normalised_and_simplified_keep_what_is_known() -> None:
    when = datetime(2017, 3, 2, tzinfo=UTC)
    drawing = Drawing.from_strokes(
        [[[0, 5], [1, 8], [0, 9]]],
        word="cat",
        country="DE",
        recognised=True,
        key_id=1 << 63,
        timestamp=when,
    )
    assert drawing.normalised().times is drawing.times
    for other in (drawing.normalised(), drawing.simplified(), drawing.prefix(0.5)):
        assert (other.word, other.country, other.recognised) == ("cat", "DE", True)
        assert (other.key_id, other.timestamp) == (1 << 63, when)


def test_simplified_drops_points_on_a_line_and_keeps_the_times_of_the_others() -> None:
    drawing = Drawing.from_strokes([[[0, 5, 10, 10], [0, 0, 0, 5], [0, 1, 2, 3]]]).simplified()
    assert drawing.to_strokes() == [[[0, 255, 255], [0, 0, 128], [0, 2, 3]]]
    bare = Drawing.from_strokes([[[0, 5, 10, 10], [0, 0, 0, 5]]]).simplified()
    assert bare.times is None
    assert bare.to_strokes() == [[[0, 255, 255], [0, 0, 128]]]


def test_times_count_from_the_first_point() -> None:
    since_1970 = 1_753_000_000_000
    strokes = [[[0, 5], [1, 8], [since_1970, since_1970 + 3]], [[7], [7], [since_1970 + 40]]]
    drawing = Drawing.from_strokes(strokes)
    assert drawing.times is not None
    assert drawing.times.tolist() == [0, 3, 40]


def test_simplified_writes_dots_as_google_does(hand_made: dict[str, Drawing]) -> None:
    assert hand_made["dot"].simplified().to_strokes() == [[[0, 0], [0, 0]]]
    assert hand_made["two dots"].simplified().to_strokes() == [
        [[0, 0], [0, 0]],
        [[255, 255], [120, 120]],
    ]


@settings(max_examples=60, deadline=None)
@given(strokes_of_lists)
def test_simplified_is_in_the_frame(strokes: list[Any]) -> None:
    drawing = Drawing.from_strokes(strokes)
    simple = drawing.simplified()
    assert simple.n_strokes == drawing.n_strokes
    assert np.array_equal(simple.points, np.rint(simple.points))
    left, top, right, bottom = simple.bounds
    assert left >= 0
    assert top >= 0
    assert max(right, bottom) <= 255


def test_resample_is_even_and_bounded() -> None:
    corner = np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 2.5]])
    assert resample(corner).tolist() == [
        [0, 0], [1, 0], [2, 0], [3, 0], [3, 1], [3, 2], [3, 2.5]
    ]  # fmt: skip
    long = resample(np.array([[0.0, 0.0], [1e9, 0.0]]), max_points=100)
    assert len(long) == 101
    assert long[-1].tolist() == [1e9, 0]


def test_thin_measures_to_the_infinite_line() -> None:
    # The point beyond the end is on the line, though 3 away from the segment.
    beyond = np.array([[0.0, 0.0], [13.0, 0.0], [10.0, 0.0]])
    assert thin(beyond, 2.0).tolist() == [[0, 0], [10, 0]]
    closed = np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 0.0]])
    assert len(thin(closed, 2.0)) == 3
    bump = np.array([[0.0, 0.0], [5.0, 2.0], [10.0, 0.0]])
    assert len(thin(bump, 2.0)) == 2
    assert len(thin(bump, 1.9)) == 3


@needs_quickdraw
def test_simplified_reproduces_googles_files() -> None:
    """Of 3,448 drawings 94.0 % are identical, as are 98.7 % of their strokes; here every third."""
    n_drawings, n_same, n_strokes, n_same_strokes = 0, 0, 0, 0
    for path in sorted(QUICKDRAW.glob("raw/*.ndjson"))[::3]:
        raw = {drawing.key_id: drawing for drawing in read_drawings(path)}
        for theirs in read_drawings(QUICKDRAW / "simplified" / path.name):
            if theirs.key_id not in raw:
                continue
            ours = raw[theirs.key_id].simplified()
            assert ours.n_strokes == theirs.n_strokes
            same = [np.array_equal(a, b) for a, b in zip(ours.strokes, theirs.strokes, strict=True)]
            n_drawings += 1
            n_same += all(same)
            n_strokes += len(same)
            n_same_strokes += sum(same)
    assert n_drawings > 1000
    assert n_same >= 0.92 * n_drawings
    assert n_same_strokes >= 0.98 * n_strokes


TWO_LINES = [[[0, 100], [0, 0], [0, 1000]], [[0, 60, 60], [50, 50, 90], [2000, 2600, 3000]]]


@pytest.mark.parametrize(
    ("share", "strokes"),
    [
        (0.0, [[[0, 0], [0, 0], [0, 0]]]),
        (0.25, [[[0, 50], [0, 0], [0, 500]]]),
        (0.75, [TWO_LINES[0], [[0, 50], [50, 50], [2000, 2500]]]),
        (0.9, [TWO_LINES[0], [[0, 60, 60], [50, 50, 70], [2000, 2600, 2800]]]),
        (1.0, TWO_LINES),
    ],
)
def test_prefix_cuts_a_stroke_between_its_points(
    share: float, strokes: list[list[list[float]]]
) -> None:
    prefix = Drawing.from_strokes(TWO_LINES).prefix(share)
    assert prefix.to_strokes() == strokes
    assert prefix.ink == pytest.approx(200 * share)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_lies_between_0_and_1(share: float) -> None:
    with pytest.raises(DrawingError, match=r"The share of the ink is .*\. Choose 0 to 1\."):
        Drawing.from_strokes(TWO_LINES).prefix(share)


@settings(max_examples=100, deadline=None)
@given(grid_strokes(255), st.floats(0, 1))
def test_prefix_has_exactly_its_share_of_the_ink(strokes: list[Any], share: float) -> None:
    whole = Drawing.from_strokes(strokes)
    prefix = whole.prefix(share)
    assert prefix.ink == pytest.approx(share * whole.ink, abs=1e-3)
    last = prefix.n_strokes - 1
    for ours, theirs in zip(prefix.strokes[:last], whole.strokes, strict=False):
        assert np.array_equal(ours, theirs)
    assert np.array_equal(
        prefix.strokes[last][:-1], whole.strokes[last][: len(prefix.strokes[last]) - 1]
    )


@settings(max_examples=100, deadline=None)
@given(grid_strokes(255), st.integers(0, 1024))
def test_the_compiled_prefix_is_the_same(strokes: list[Any], per_1024: int) -> None:
    share = per_1024 / 1024
    whole = Drawing.from_strokes(strokes)
    prefix = whole.prefix(share)
    x, y = np.empty(whole.n_points + 1, np.float32), np.empty(whole.n_points + 1, np.float32)
    lengths = np.empty(whole.n_strokes, np.int32)
    none = np.empty(0, np.float32)
    n = copy_prefix(whole.points, none, whole.lengths, np.float32(share), x, y, none, lengths)
    # A dot of the next stroke may or may not be there, as rounding wills.
    assert abs(n - prefix.n_strokes) <= 1 or whole.ink == 0
    n_points = min(int(lengths[:n].sum()), prefix.n_points)
    np.testing.assert_allclose(x[:n_points], prefix.points[:n_points, 0], atol=1e-3)
    np.testing.assert_allclose(y[:n_points], prefix.points[:n_points, 1], atol=1e-3)
