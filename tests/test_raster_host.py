"""The compiled rasteriser draws what the reference draws, to 1 of 255."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from doodlewise.drawing import Drawing
from doodlewise.ragged import Ragged
from doodlewise.raster import RenderSpec, render, render_many
from doodlewise.raster_host import render_rows
from raster_cases import SPECS, drawings, far_apart, needs_quickdraw, real_drawings


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"side {spec.side}")
def test_drawings_by_hand(hand_made: dict[str, Drawing], spec: RenderSpec) -> None:
    every = Ragged.from_drawings(hand_made.values())
    assert far_apart(render_rows(every, spec), render_many(every, spec)) <= 1


@settings(max_examples=150, deadline=None)
@given(st.lists(drawings(), min_size=1, max_size=3), st.integers(8, 128))
def test_any_drawings(some: list[Drawing], side: int) -> None:
    spec = RenderSpec(side=side)
    every = Ragged.from_drawings(some)
    assert far_apart(render_rows(every, spec), render_many(every, spec)) <= 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*2 * [st.integers(0, 255)]), min_size=1, max_size=20), st.data())
def test_points_in_bytes(points: list[tuple[int, int]], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(points) - 1))
    lengths = np.array([n for n in (cut, len(points) - cut) if n], np.int32)
    every = Ragged.from_lengths(np.array(points, np.uint8), lengths, [len(lengths)])
    spec = RenderSpec(side=data.draw(st.integers(8, 64)))
    assert far_apart(render_rows(every, spec), render_many(every, spec)) <= 1


@needs_quickdraw
@pytest.mark.parametrize("raw", [True, False], ids=["raw", "simplified"])
@pytest.mark.parametrize("side", [28, 64])
def test_real_drawings(raw: bool, side: int) -> None:
    every, spec = real_drawings(raw), RenderSpec(side=side)
    assert every.points.dtype == (np.float32 if raw else np.uint8)
    assert len(every) >= 90
    assert far_apart(render_rows(every, spec), render_many(every, spec)) <= 1


def test_rows_are_drawn_in_the_order_asked_for(hand_made: dict[str, Drawing]) -> None:
    every = Ragged.from_drawings(hand_made.values())
    images = render_rows(every, RenderSpec())
    rows = np.array([3, 0, 3])
    out = np.full((3, 1, 28, 28), 99, np.uint8)
    assert render_rows(every, RenderSpec(), rows, out=out) is out
    assert np.array_equal(out, images[rows])
    assert render_rows(every, RenderSpec(), rows[:0]).shape == (0, 1, 28, 28)
    assert render_rows(Ragged.empty(), RenderSpec()).shape == (0, 1, 28, 28)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.37, 0.5, 0.75, 0.999])
def test_a_share_is_drawn_as_the_prefix(hand_made: dict[str, Drawing], share: float) -> None:
    every = Ragged.from_drawings(hand_made.values())
    images = render_rows(every, RenderSpec(), share=share)
    for image, drawing in zip(images, hand_made.values(), strict=True):
        assert far_apart(image[0], render(drawing.prefix(share))) <= 1


def test_what_was_drawn_before_leaves_no_trace(hand_made: dict[str, Drawing]) -> None:
    long, short = hand_made["scribble"], hand_made["dot"]
    alone = render_rows(Ragged.from_drawings([short]), RenderSpec())
    after = render_rows(Ragged.from_drawings([long, short]), RenderSpec())
    assert np.array_equal(after[1], alone[0])


def test_a_view_of_a_larger_array_is_drawn(hand_made: dict[str, Drawing]) -> None:
    every = Ragged.from_drawings(hand_made.values())
    part = every.slice(2, 6)
    assert np.array_equal(
        render_rows(part, RenderSpec()), render_rows(every, RenderSpec(), np.arange(2, 6))
    )


def read_only(ragged: Ragged) -> Ragged:
    arrays: list[NDArray[Any]] = [
        ragged.points.copy(),
        ragged.stroke_lengths.copy(),
        ragged.stroke_offsets.copy(),
        ragged.point_offsets.copy(),
    ]
    for array in arrays:
        array.setflags(write=False)
    return Ragged(*arrays)


def test_arrays_may_be_read_only(hand_made: dict[str, Drawing]) -> None:
    every = Ragged.from_drawings(hand_made.values())
    assert np.array_equal(
        render_rows(read_only(every), RenderSpec()), render_rows(every, RenderSpec())
    )
