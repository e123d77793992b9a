from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from doodlewise.drawing import Drawing
from doodlewise.predict.stroke_batches import FIRST, JOINED, StrokeBatch, stroke_batches
from doodlewise.ragged import Ragged
from doodlewise.raster import RenderSpec, render
from doodlewise.raster_host import render_rows

LONGEST, MOST = 4096, 5000


def random_drawings(sizes: list[list[int]]) -> list[Drawing]:
    rng = np.random.default_rng(3)
    return [Drawing.from_strokes([rng.uniform(0, 900, (n, 2)) for n in each]) for each in sizes]


def batches_of(
    drawings: list[Drawing], longest: int = LONGEST, most: int = MOST
) -> list[StrokeBatch]:
    return list(stroke_batches(Ragged.from_drawings(drawings), longest=longest, most=most))


def drawing_in(batch: StrokeBatch, at: int) -> Drawing:
    """What a reader of the batch sees in this row of it."""
    pen = batch.pen[at]
    n = int((pen > 0).sum())
    assert (pen[:n] > 0).all()
    starts = np.flatnonzero(pen == FIRST)
    lengths = np.diff(np.append(starts, n)).astype(np.int32)
    assert (np.delete(pen[:n], starts) == JOINED).all()
    return Drawing(batch.points[at, :n], lengths)


def pixels(drawing: Drawing) -> NDArray[np.int64]:
    return render_rows(Ragged.from_drawings([drawing]), RenderSpec())[0, 0].astype(np.int64)


def test_every_drawing_comes_once_and_as_it_is() -> None:
    drawings = random_drawings([[3, 1, 40], [1], [700], [2, 2], [33], [5] * 30])
    seen = set()
    for batch in batches_of(drawings):
        assert (batch.points.dtype, batch.pen.dtype) == (np.float32, np.int64)
        for at, row in enumerate(batch.rows):
            found = drawing_in(batch, at)
            assert np.array_equal(found.points, drawings[row].points)
            assert np.array_equal(found.lengths, drawings[row].lengths)
            assert not batch.points[at, found.n_points :].any()
            seen.add(int(row))
    assert seen == set(range(len(drawings)))


def test_points_of_the_frame_are_taken_too() -> None:
    ragged = Ragged(
        np.array([[0, 255], [7, 9], [255, 0]], np.uint8),
        np.array([2, 1], np.int32),
        np.array([0, 2]),
        np.array([0, 3]),
    )
    (batch,) = stroke_batches(ragged, longest=LONGEST, most=MOST)
    assert batch.points.tolist() == [[[0, 255], [7, 9], [255, 0]]]
    assert batch.pen.tolist() == [[FIRST, JOINED, FIRST]]


def test_no_drawings_no_batches() -> None:
    assert batches_of([]) == []


def test_less_than_half_is_padding_and_no_batch_is_too_large() -> None:
    rng = np.random.default_rng(1)
    sizes = [[int(n)] for n in np.exp(rng.uniform(np.log(32), np.log(3000), 400))]
    for batch in batches_of(random_drawings(sizes)):
        assert (batch.pen > 0).mean() > 0.5
        assert batch.pen.size <= MOST
        assert (batch.pen[:, -1] > 0).any()


def test_short_drawings_go_together() -> None:
    batches = batches_of(random_drawings([[1 + n % 32] for n in range(100)]))
    assert [len(batch.rows) for batch in batches] == [100]


def test_a_drawing_larger_than_a_batch_is_one_by_itself() -> None:
    batches = batches_of(random_drawings([[900], [900]]), most=100)
    assert [batch.pen.shape for batch in batches] == [(1, 900), (1, 900)]


TURN = np.linspace(0.0, 60.0 * np.pi, 100_000)
RNG = np.random.default_rng(0)
LONG = {
    "a spiral": ([np.stack([np.cos(TURN), np.sin(TURN)], axis=1) * TURN[:, None]], 0.1),
    "a scribble": ([RNG.normal(size=(100_000, 2)).cumsum(axis=0)], 5.0),
    "one point, again and again": ([np.full((100_000, 2), 7.0)], 0.0),
    "dots in a row": ([np.array([[x, 0.3 * x]]) for x in range(20_000)], 8.0),
    "lines in a row": ([np.array([[x, 0], [x, 500]]) for x in range(10_000)], 0.5),
    "huge": ([np.stack([np.cos(TURN), np.sin(TURN)], axis=1) * 1e37], 0.5),
}


@pytest.mark.parametrize("name", LONG)
def test_a_long_drawing_is_thinned_and_looks_the_same(name: str) -> None:
    strokes, most_away = LONG[name]
    drawing = Drawing.from_strokes(strokes)
    (batch,) = batches_of([drawing])
    assert batch.pen.shape[1] <= LONGEST
    found = drawing_in(batch, 0)
    assert found.bounds == drawing.bounds
    assert np.abs(pixels(found) - pixels(drawing)).mean() <= most_away


@pytest.mark.parametrize("n_points", [LONGEST, LONGEST + 1])
def test_only_what_is_too_long_is_thinned(n_points: int) -> None:
    drawings = random_drawings([[n_points]])
    (batch,) = batches_of(drawings)
    found = drawing_in(batch, 0)
    assert found.n_points == LONGEST
    assert np.isin(found.points[:, 0], drawings[0].points[:, 0]).all()


def test_the_order_of_the_strokes_stays() -> None:
    far = [np.array([[k * 100.0, 0.0]]) + RNG.uniform(0, 9, (500, 2)) for k in range(5)]
    (batch,) = batches_of([Drawing.from_strokes(far)], longest=600)
    found = drawing_in(batch, 0)
    assert [int(stroke[0, 0] // 100) for stroke in found.strokes] == [0, 1, 2, 3, 4]
    assert (render(found) > 0).any()
