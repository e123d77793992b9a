"""How drawings of any length lie on a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_strokes import made

from doodlewise.data.points import place_strokes, simplified_rows
from doodlewise.data.store import Store
from doodlewise.models.stroke_features import LineConv
from doodlewise.models.stroke_line import GAP, STRIDE, Line
from raster_cases import needs_quickdraw, real_drawings

quickly = settings(deadline=None, max_examples=40)
COUNTS = st.lists(st.integers(1, 70) | st.integers(1, 3000), max_size=20)


@quickly
@given(COUNTS)
def test_each_point_has_a_place_and_drawings_keep_apart(counts: list[int]) -> None:
    strokes = made(counts)
    line = Line.of(strokes)
    places = line.places.numpy()
    assert len(set(places)) == len(places) == sum(counts)
    assert int(line.filled.sum()) == sum(counts)
    assert line.filled[places].all()
    for first, last in zip(strokes.offsets[:-1], strokes.offsets[1:], strict=True):
        own = places[first:last]
        assert (np.diff(own) == 1).all()
        assert own[0] % STRIDE == 0
        assert not line.filled[own[-1] + 1 : own[-1] + 1 + GAP].any()
        assert own[-1] + GAP < len(line)
    assert sum(bucket.rows * bucket.slot for bucket in line.buckets) == len(line)
    assert list(line.counts) == (sorted(counts, reverse=True) or [0])


@quickly
@given(COUNTS)
def test_the_mean_is_that_of_each_drawing(counts: list[int]) -> None:
    strokes = made(counts)
    line = Line.of(strokes)
    found = line.mean(line.lay(strokes.points))
    parts = strokes.points.split(counts) if counts else []
    expected = [part.mean(dim=0) for part in parts]
    assert found.shape == (len(counts), 2)
    for mean, own in zip(found, expected, strict=True):
        torch.testing.assert_close(mean, own, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("step", [1, 2, 4])
@quickly
@given(counts=COUNTS)
def test_a_thinned_line_has_every_nth_place_of_each_drawing(step: int, counts: list[int]) -> None:
    strokes = made(counts)
    line = Line.of(strokes)
    thin = line.thinned(step)
    values = line.lay(strokes.points)[::step]
    parts = [part[::step] for part in (strokes.points.split(counts) if counts else [])]
    assert len(thin) == len(values)
    assert int(thin.filled.sum()) == sum(len(part) for part in parts)
    for mean, part in zip(thin.mean(values), parts, strict=True):
        torch.testing.assert_close(mean, part.mean(dim=0), rtol=1e-5, atol=1e-3)


@quickly
@given(counts=COUNTS)
def test_a_packing_goes_through_each_drawing_both_ways(counts: list[int]) -> None:
    line = Line.of(made(counts))
    packing = line.packing()
    sizes = [int((np.asarray(counts) > step).sum()) for step in range(max(counts, default=0))]
    assert list(packing.sizes) == sizes
    forth, back, begins = packing.forth.numpy(), packing.back.numpy(), line.begins.numpy()
    first = 0
    for step, size in enumerate(sizes):
        own, last = slice(first, first + size), begins + line.counts - 1
        assert np.array_equal(forth[own], begins[:size] + step)
        assert np.array_equal(back[own], last[:size] - step)
        first += size


@pytest.mark.parametrize(("kernel", "stride"), [(5, 1), (5, 2), (3, 1)])
@pytest.mark.parametrize("counts", [[1], [40], [7, 1, 300, 25], [20] * 90])
def test_a_convolution_sees_no_neighbour(counts: list[int], kernel: int, stride: int) -> None:
    torch.manual_seed(3)
    conv = LineConv(2, 4, kernel, stride)
    strokes = made(counts)
    line = Line.of(strokes)
    found = conv(line.lay(strokes.points))[line.thinned(stride).filled[:, 0]]
    longest_first = sorted(range(len(counts)), key=lambda row: -counts[row])
    parts = strokes.points.split(counts)
    with torch.no_grad():
        expected = torch.cat([conv.conv(parts[row].T[None])[0].T for row in longest_first])
    torch.testing.assert_close(found.detach(), expected, rtol=1e-4, atol=1e-3)


def test_next_to_nothing_is_wasted(strokes_store: Path) -> None:
    store = Store(strokes_store)
    drawings = store.read(store.shards("train")[0]).drawings
    assert drawings is not None
    line = Line.of(place_strokes(simplified_rows(drawings)))
    assert line.waste < 0.10
    assert line.thinned(4).waste < 0.15


@needs_quickdraw
def test_real_drawings_waste_less_than_a_tenth() -> None:
    every = real_drawings(raw=False)
    random = np.random.default_rng(1)
    batches = [every.take(random.integers(0, len(every), 256)) for _ in range(20)]
    lines = [Line.of(place_strokes(simplified_rows(batch))) for batch in batches]
    assert max(line.waste for line in lines) < 0.10
