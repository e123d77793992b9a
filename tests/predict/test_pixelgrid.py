from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from doodlewise.predict.pixelgrid import closing, distances, label_pieces, local_max, pooled


@pytest.fixture(params=[(1, 1), (1, 9), (7, 1), (13, 22), (40, 31)], ids=str)
def mask(request: pytest.FixtureRequest) -> NDArray[np.bool_]:
    random = np.random.default_rng(sum(request.param))
    return random.random(request.param) < 0.35


@pytest.mark.parametrize("reach", [2.0, 3.5, 60.0])
def test_distances_are_those_of_brute_force(mask: NDArray[np.bool_], reach: float) -> None:
    here = np.argwhere(np.ones_like(mask))
    there = np.argwhere(mask)
    expected = np.full(len(here), reach)
    if len(there):
        apart = np.linalg.norm(here[:, None] - there[None], axis=2)
        expected = np.minimum(apart.min(axis=1), reach)
    assert distances(mask, reach).ravel() == pytest.approx(expected, abs=1e-5)


def test_pieces_are_those_of_a_flood(mask: NDArray[np.bool_]) -> None:
    labels = label_pieces(mask)
    assert np.array_equal(labels > 0, mask)
    assert set(np.unique(labels)) <= set(range(labels.max() + 1))
    for number in range(1, labels.max() + 1):
        piece = labels == number
        flood = np.zeros_like(mask)
        flood[tuple(np.argwhere(piece)[0])] = True
        while True:
            wider = (local_max(flood.view(np.uint8), 1) > 0) & mask
            if np.array_equal(wider, flood):
                break
            flood = wider
        assert np.array_equal(flood, piece)


def test_a_spiral_is_one_piece_and_two_rings_are_two() -> None:
    spiral = np.zeros((41, 41), bool)
    angle = np.linspace(0, 8 * np.pi, 4000)
    rows, columns = (20 + angle * trig(angle) * 0.75 for trig in (np.sin, np.cos))
    spiral[np.rint(rows).astype(int), np.rint(columns).astype(int)] = True
    assert label_pieces(spiral).max() == 1
    y, x = np.mgrid[0:41, 0:41]
    from_middle = np.hypot(y - 20, x - 20)
    rings = (abs(from_middle - 8) < 1) | (abs(from_middle - 16) < 1)
    assert label_pieces(rings).max() == 2


def test_the_end_of_a_row_does_not_touch_the_start_of_the_next() -> None:
    mask = np.array([[0, 0, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0]], bool)
    assert label_pieces(mask).tolist() == [[0, 0, 0, 1], [0, 0, 0, 0], [2, 0, 0, 0]]
    mask = np.array([[0, 0, 1], [1, 0, 0]], bool)
    assert label_pieces(mask).max() == 2


@pytest.mark.parametrize("reach", [1, 2, 5])
def test_local_max_and_pooled_agree_with_slicing(mask: NDArray[np.bool_], reach: int) -> None:
    field = np.random.default_rng(0).integers(0, 256, mask.shape).astype(np.uint8)
    found = local_max(field, reach)
    sums = pooled(field.astype(np.int64), reach, np.add)
    for row, column in np.ndindex(field.shape):
        rows = slice(max(row - reach, 0), row + reach + 1)
        columns = slice(max(column - reach, 0), column + reach + 1)
        assert found[row, column] == field[rows, columns].max()
    for row, column in np.ndindex(sums.shape):
        cell = field[row * reach : (row + 1) * reach, column * reach : (column + 1) * reach]
        assert sums[row, column] == cell.sum()


def test_closing_fills_lines_and_keeps_shadows_even_in_a_corner() -> None:
    paper = np.full((60, 60), 200, np.uint8)
    paper[:, 40:] = 120
    paper[:9, :9] = 90
    drawn = paper.copy()
    drawn[30:33, 5:55] = 10
    drawn[15:50, 20:22] = 10
    assert np.array_equal(closing(drawn, 6), paper)
