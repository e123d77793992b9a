"""Drawings as points for networks that see strokes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from doodlewise.augment import Augment
from doodlewise.data.augment import render_augmented
from doodlewise.data.batches import TrainingBatches, inputs_of, windows
from doodlewise.data.points import place_strokes, simplified_rows, vary_strokes
from doodlewise.data.store import Store
from doodlewise.drawing import Drawing
from doodlewise.errors import StoreError
from doodlewise.models.inputs import Strokes
from doodlewise.ragged import Ragged
from doodlewise.raster import RenderSpec, fit_scale
from doodlewise.raster_host import render_rows
from raster_cases import needs_quickdraw, real_drawings

SPEC = RenderSpec(side=64, line_width=6.0)


@pytest.fixture(scope="module")
def every(hand_made: dict[str, Drawing]) -> Ragged:
    return Ragged.from_drawings(hand_made.values())


def each_of(strokes: Strokes) -> list[np.ndarray]:
    counts = strokes.offsets.diff().tolist()
    return [part.numpy() for part in strokes.points.split(counts)]


@pytest.mark.parametrize("share", [1.0, 0.6, 0.1])
def test_they_are_simplified_beginnings(every: Ragged, share: float) -> None:
    rows = np.array([3, 0, 1, 10, 1])
    found = simplified_rows(every, rows, share=share)
    for drawing, row in zip(found, rows, strict=True):
        expected = every[int(row)].prefix(share).simplified()
        assert np.array_equal(drawing.lengths, expected.lengths)
        # The cut is reckoned in float32 here, and may fall to another whole number.
        assert np.abs(drawing.points - expected.points).max() <= (0 if share == 1.0 else 1)


def test_they_are_placed_as_they_are_drawn(every: Ragged) -> None:
    own = simplified_rows(every)
    strokes = place_strokes(own)
    assert len(strokes) == len(every)
    for points, drawing in zip(each_of(strokes), own, strict=True):
        low, high = drawing.points.min(axis=0), drawing.points.max(axis=0)
        expected = (drawing.points - (low + high) / 2) * fit_scale(float((high - low).max()))
        np.testing.assert_allclose(points, expected + 127.5, atol=1e-3)
    begins = np.flatnonzero(strokes.begins.numpy())
    assert np.array_equal(begins, np.cumsum(own.stroke_lengths) - own.stroke_lengths)


@needs_quickdraw
def test_raw_drawings_become_as_simple_as_google_s() -> None:
    counts = [
        np.diff(simplified_rows(real_drawings(raw=raw)).point_offsets) for raw in (True, False)
    ]
    assert np.diff(real_drawings(raw=True).point_offsets).mean() > 2 * counts[0].mean()
    assert 0.8 < counts[0].mean() / counts[1].mean() < 1.25


def test_image_and_strokes_vary_alike(strokes_store: Path) -> None:
    store = Store(strokes_store)
    drawings = store.read(store.shards("train")[0]).drawings
    assert drawings is not None
    own = simplified_rows(drawings)
    n = len(own)
    how = {
        "rows": np.arange(n),
        "seeds": np.arange(n).astype(np.uint64) * np.uint64(7919),
        "may_mirror": np.arange(n) % 2 == 0,
    }
    augment = Augment(prefix=0.5, drop=0.3, line_width=0.0)
    images = render_augmented(own, SPEC, augment, **how)[:, 0]  # type: ignore[arg-type]
    strokes = vary_strokes(own, augment, **how)  # type: ignore[arg-type]
    counts = np.diff(own.point_offsets)
    assert 0.1 < np.mean(np.diff(strokes.offsets.numpy()) < counts) < 0.9
    for image, points in zip(images, each_of(strokes), strict=True):
        pixels = (points - 127.5) * SPEC.pixels_per_unit + SPEC.side / 2
        reach = SPEC.half_width + 0.5
        rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
        for ink, along in ((columns, pixels[:, 0]), (rows, pixels[:, 1])):
            # The first pixel with ink has its centre within reach of the outermost line.
            first = np.clip(np.ceil(along.min() - reach - 0.5), 0, SPEC.side - 1)
            last = np.clip(np.floor(along.max() + reach - 0.5), 0, SPEC.side - 1)
            assert abs(ink[0] - first) <= 1
            assert abs(ink[-1] - last) <= 1


@pytest.mark.parametrize("augment", [None, Augment()])
def test_batches_of_both_are_those_of_each(strokes_store: Path, augment: Augment | None) -> None:
    store = Store(strokes_store)

    def first(takes: str, world_size: int = 1, rank: int = 0) -> TrainingBatches:
        return TrainingBatches(
            store, "train", SPEC, takes=takes, batch_size=32, augment=augment, seed=3,
            rank=rank, world_size=world_size,
        )  # type: ignore[arg-type]  # fmt: skip

    (both, *_), (strokes, *_) = first("both").epoch(1), first("strokes").epoch(1)
    assert strokes.inputs.images is None
    assert both.inputs.images is not None
    assert both.inputs.strokes is not None
    assert strokes.inputs.strokes is not None
    assert both.inputs.images.shape == (32, 1, 64, 64)
    assert torch.equal(both.inputs.strokes.points, strokes.inputs.strokes.points)
    assert len(both.inputs) == len(strokes.inputs) == len(both.labels) == 32
    (half, *_) = first("strokes", world_size=2).epoch(1)
    assert half.inputs.strokes is not None
    for row in range(16):
        assert torch.equal(
            half.inputs.slice(row, row + 1).strokes.points,  # type: ignore[union-attr]
            strokes.inputs.slice(2 * row, 2 * row + 1).strokes.points,  # type: ignore[union-attr]
        )


def test_a_window_is_seen_with_a_share_of_its_ink(strokes_store: Path) -> None:
    (rows,) = windows(Store(strokes_store), "val")
    assert rows.drawings is not None
    half = inputs_of(rows, SPEC, "both", share=0.5)
    own = simplified_rows(rows.drawings, share=0.5)
    assert half.strokes is not None
    assert half.images is not None
    assert torch.equal(half.strokes.points, place_strokes(own).points)
    assert np.array_equal(half.images.numpy(), render_rows(own, SPEC))
    whole = inputs_of(rows, SPEC, "strokes")
    assert whole.images is None
    assert whole.strokes is not None
    assert len(whole.strokes.points) > len(half.strokes.points)


@pytest.mark.parametrize("takes", ["strokes", "both"])
def test_pixels_have_no_strokes(bitmap_store: Path, takes: str) -> None:
    with pytest.raises(StoreError, match=r"holds pixels, and the network takes strokes\. Prepare"):
        TrainingBatches(Store(bitmap_store), "train", None, takes=takes, batch_size=8)  # type: ignore[arg-type]
