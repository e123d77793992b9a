from __future__ import annotations

import numpy as np
import pytest

from doodlewise.data.gather import gather
from doodlewise.drawing import Drawing
from doodlewise.ragged import Ragged

STROKES = [
    [[[0, 1], [0, 1]], [[2], [2]]],
    [[[3, 4, 5], [3, 4, 5]]],
    [[[6], [6]], [[7], [7]], [[8, 9], [8, 9]]],
]


@pytest.fixture
def three() -> Ragged:
    return Ragged.from_drawings(Drawing.from_strokes(each) for each in STROKES)


def test_drawings_come_back(three: Ragged) -> None:
    assert len(three) == 3
    assert three.points.dtype == np.float32
    assert three.stroke_lengths.dtype == np.int32
    assert three.stroke_offsets.tolist() == [0, 2, 3, 6]
    assert three.point_offsets.tolist() == [0, 3, 6, 10]
    assert [drawing.to_strokes() for drawing in three] == STROKES
    assert three[-1].to_strokes() == STROKES[2]


@pytest.mark.parametrize("index", [3, -4])
def test_there_is_no_drawing_beyond(three: Ragged, index: int) -> None:
    with pytest.raises(IndexError, match=f"There are 3 drawings, there is no number {index}"):
        three[index]


def test_points_in_the_frame_become_drawings() -> None:
    bytes_ = Ragged.from_lengths(
        np.array([[0, 255], [9, 8]], np.uint8), np.array([2], np.int32), [1]
    )
    assert bytes_[0].points.dtype == np.float32
    assert bytes_[0].to_strokes() == [[[0, 9], [255, 8]]]


def test_take_picks_in_any_order_and_again(three: Ragged) -> None:
    taken = three.take(np.array([2, 0, 2]))
    assert [each.to_strokes() for each in taken] == [STROKES[2], STROKES[0], STROKES[2]]
    taken.points[:] = 0
    assert three[2].to_strokes() == STROKES[2]
    assert len(three.take(np.array([], np.int64))) == 0


def test_slice_copies_nothing(three: Ragged) -> None:
    last_two = three.slice(1, 3)
    assert [each.to_strokes() for each in last_two] == STROKES[1:]
    assert np.shares_memory(last_two.points, three.points)
    assert len(three.slice(1, 1)) == 0


def test_concat_lays_one_after_the_other(three: Ragged) -> None:
    every = Ragged.concat([three.slice(2, 3), three.slice(0, 2), Ragged.empty()])
    assert [each.to_strokes() for each in every] == [STROKES[2], STROKES[0], STROKES[1]]
    assert Ragged.concat([three]) is three


def test_none_at_all() -> None:
    for empty in (Ragged.empty(), Ragged.concat([]), Ragged.from_drawings([])):
        assert len(empty) == 0
        assert list(empty) == []
        assert empty.points.shape == (0, 2)


TIMED = Drawing.from_strokes([[[0, 1], [0, 1], [0, 40]], [[2], [2], [90]]])
UNTIMED = Drawing.from_strokes(STROKES[1])


def times_of(drawings: Ragged) -> list[list[float] | None]:
    return [None if each.times is None else each.times.tolist() for each in drawings]


def test_pen_times_come_along(three: Ragged) -> None:
    assert three.times is None
    mixed = Ragged.from_drawings([TIMED, UNTIMED, TIMED])
    assert mixed.times is not None
    assert mixed.times.dtype == np.float32
    assert np.isnan(mixed.times[3:6]).all()
    assert times_of(mixed) == [[0, 40, 90], None, [0, 40, 90]]
    assert times_of(mixed.slice(1, 3)) == [None, [0, 40, 90]]
    for take in (mixed.take, lambda rows: gather(mixed, rows)):
        assert times_of(take(np.array([1, 0]))) == [None, [0, 40, 90]]


def test_joined_to_drawings_without_times_those_are_unknown(three: Ragged) -> None:
    timed = Ragged.from_drawings([TIMED])
    assert times_of(Ragged.concat([timed, three.slice(1, 2)])) == [[0, 40, 90], None]
    assert Ragged.concat([three, three]).times is None
    assert times_of(Ragged.concat([Ragged.empty(), timed])) == [[0, 40, 90]]
