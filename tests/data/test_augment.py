from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from doodlewise.augment import Augment
from doodlewise.data.augment import render_augmented
from doodlewise.data.formats import read_drawings
from doodlewise.drawing import Drawing
from doodlewise.errors import ConfigError
from doodlewise.ragged import Ragged
from doodlewise.raster import RenderSpec
from doodlewise.raster_host import render_rows

SPEC = RenderSpec()
OFF = Augment.off()
N = 60


@pytest.fixture(scope="module")
def cats(doodles: Path) -> Ragged:
    floats = Ragged.from_drawings(read_drawings(doodles / "cat.ndjson"))
    assert len(floats) == N
    return replace(floats, points=floats.points.astype(np.uint8))


def seeds_of(n: int, seed: int = 0) -> NDArray[np.uint64]:
    return np.random.default_rng(seed).integers(0, 2**64, n, dtype=np.uint64)


def draw(
    drawings: Ragged,
    augment: Augment,
    *,
    rows: NDArray[np.int64] | None = None,
    seeds: NDArray[np.uint64] | None = None,
    may_mirror: bool = True,
    spec: RenderSpec = SPEC,
) -> NDArray[np.uint8]:
    rows = np.arange(len(drawings)) if rows is None else rows
    return render_augmented(
        drawings,
        spec,
        augment,
        rows=rows,
        seeds=seeds_of(len(rows)) if seeds is None else seeds,
        may_mirror=np.full(len(rows), may_mirror),
    )[:, 0]


def apart(ours: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The largest difference of two pixels, for each image."""
    difference: NDArray[np.int64] = np.abs(ours.astype(np.int64) - theirs).max(axis=(1, 2))
    return difference


def test_off_is_plain_rendering(cats: Ragged) -> None:
    assert apart(draw(cats, OFF), render_rows(cats, SPEC)[:, 0]).max() <= 1


def test_off_is_plain_rendering_of_drawings_by_hand(hand_made: dict[str, Drawing]) -> None:
    every = Ragged.from_drawings(hand_made.values())
    assert apart(draw(every, OFF), render_rows(every, SPEC)[:, 0]).max() <= 1


def test_points_may_be_bytes_or_floats(cats: Ragged) -> None:
    floats = replace(cats, points=cats.points.astype(np.float32))
    assert np.array_equal(draw(cats, Augment()), draw(floats, Augment()))


def test_a_seed_decides_whatever_is_in_the_batch(cats: Ragged) -> None:
    seeds = seeds_of(N)
    images = draw(cats, Augment(), seeds=seeds)
    assert np.array_equal(draw(cats, Augment(), seeds=seeds), images)
    rows = np.random.default_rng(3).permutation(N)[:17]
    assert np.array_equal(draw(cats, Augment(), rows=rows, seeds=seeds[rows]), images[rows])
    alone = np.array([5])
    assert np.array_equal(draw(cats, Augment(), rows=alone, seeds=seeds[alone])[0], images[5])
    assert (apart(draw(cats, Augment(), seeds=seeds_of(N, 1)), images) > 10).all()


def test_one_drawing_has_many_variations(cats: Ragged) -> None:
    images = draw(cats, Augment(), rows=np.zeros(200, np.int64))
    assert len({image.tobytes() for image in images}) == 200


PARTS = {part.name: float(part.default) for part in fields(Augment) if part.name != "prefix_min"}


@pytest.mark.parametrize("name", PARTS)
def test_every_part_alone_changes_pixels(cats: Ragged, name: str) -> None:
    one = replace(OFF, **{name: 1.0 if name in ("prefix", "mirror") else PARTS[name]})
    changed = apart(draw(cats, one), draw(cats, OFF)) > 3
    # Few strokes are dropped by default; all other parts change nearly every drawing.
    assert changed.mean() > (0.02 if name == "drop" else 0.8)


def test_mirrored_drawings_are_mirrored(cats: Ragged) -> None:
    plain = draw(cats, OFF)
    always = replace(OFF, mirror=1.0)
    assert apart(draw(cats, always), plain[:, :, ::-1]).max() <= 1
    assert np.array_equal(draw(cats, always, may_mirror=False), plain)
    half = apart(draw(cats, replace(OFF, mirror=0.5)), plain) > 10
    assert 0.25 < half.mean() < 0.75


def test_only_the_rows_that_may_are_mirrored(cats: Ragged) -> None:
    may = np.arange(N) % 3 == 0
    images = render_augmented(
        cats,
        SPEC,
        replace(OFF, mirror=1.0),
        rows=np.arange(N),
        seeds=seeds_of(N),
        may_mirror=may,
    )[:, 0]
    plain = draw(cats, OFF)
    assert apart(images, np.where(may[:, None, None], plain[:, :, ::-1], plain)).max() <= 1


def test_a_shift_moves_the_ink_within_its_limit(cats: Ragged) -> None:
    def middles(images: NDArray[np.uint8]) -> NDArray[np.float64]:
        at = np.arange(images.shape[1])
        across = (images.sum(axis=1) * at).sum(axis=1)
        down = (images.sum(axis=2) * at).sum(axis=1)
        return np.stack([across, down], axis=1) / images.sum(axis=(1, 2))[:, None]

    rows, spec = np.zeros(400, np.int64), RenderSpec(side=64)
    shifted = draw(cats, replace(OFF, shift=10.0), rows=rows, spec=spec)
    moves = middles(shifted) - middles(draw(cats, OFF, rows=rows, spec=spec))
    most = 10.0 * spec.pixels_per_unit
    assert 0.95 * most < np.abs(moves).max() < 1.05 * most
    assert np.abs(moves.mean(axis=0)).max() < 0.15 * most
    assert abs(np.corrcoef(moves.T)[0, 1]) < 0.2


def test_a_turn_of_90_degrees_and_no_more() -> None:
    lines = Ragged.from_drawings([Drawing.from_strokes([[[0, 255], [0, 0]]])])
    images = draw(lines, replace(OFF, rotate=90.0), rows=np.zeros(300, np.int64))
    heights = images.any(axis=2).sum(axis=1)
    assert heights.min() <= 4
    assert heights.max() >= 24
    slight = draw(lines, replace(OFF, rotate=10.0), rows=np.zeros(300, np.int64))
    assert slight.any(axis=2).sum(axis=1).max() <= 4 + 28 * np.sin(np.radians(10))


def test_the_line_width_varies_both_ways(cats: Ragged) -> None:
    plain = draw(cats, OFF).sum(axis=(1, 2))
    varied = draw(cats, replace(OFF, line_width=0.5)).sum(axis=(1, 2))
    assert (varied > 1.1 * plain).any()
    assert (varied < 0.9 * plain).any()


def test_dropping_leaves_at_least_one_stroke() -> None:
    strokes = [[[0, 255], [y, y]] for y in (0, 100, 255)]
    three = Ragged.from_drawings([Drawing.from_strokes(strokes)])
    rows = np.zeros(300, np.int64)
    assert (
        apart(
            draw(three, replace(OFF, drop=1.0), rows=rows[:5]),
            render_rows(Ragged.from_drawings([Drawing.from_strokes(strokes[2:])] * 5), SPEC)[:, 0],
        ).max()
        <= 1
    )
    some = draw(three, replace(OFF, drop=0.5), rows=rows)
    # What is left: one line, two of three spacings, or all.
    assert len({image.tobytes() for image in some}) == 5


def test_a_prefix_has_its_share_of_the_ink() -> None:
    steps = Ragged.from_drawings([Drawing.from_strokes([[[0, 0, 255], [0, 255, 255]]])])
    images = draw(steps, replace(OFF, prefix=1.0, prefix_min=0.75), rows=np.zeros(300, np.int64))
    # The second line is drawn by a half at least.
    widths = images[:, -4:].any(axis=1).sum(axis=1)
    assert widths.min() >= 13
    assert widths.max() >= 24
    none = draw(steps, replace(OFF, prefix=0.0, prefix_min=0.1), rows=np.zeros(20, np.int64))
    assert apart(none, draw(steps, OFF, rows=np.zeros(20, np.int64))).max() == 0


def test_strokes_move_apart_but_points_of_a_stroke_do_not() -> None:
    line = Ragged.from_drawings([Drawing.from_strokes([[[0, 255], [0, 100]]])])
    still = replace(OFF, stroke_shift=20.0, stroke_zoom=0.3)
    # One stroke alone is centred and fitted again.
    assert apart(draw(line, still), draw(line, OFF)).max() <= 2
    shaken = replace(OFF, point_jitter=20.0)
    assert apart(draw(line, shaken), draw(line, OFF)).max() > 10


def test_amounts_are_in_units_of_the_canvas(cats: Ragged, hand_made: dict[str, Drawing]) -> None:
    """Whatever the unit of the drawing; and a dot, which has no size, stays one."""
    large = replace(cats, points=cats.points.astype(np.float32) * 64 + 9000)
    some = replace(Augment(), stretch=0.0)
    assert np.median(apart(draw(large, some), draw(cats, some))) <= 2
    dots = Ragged.from_drawings([hand_made["dot"], hand_made["two equal points"]])
    shaken = replace(OFF, point_jitter=10.0, stroke_shift=10.0)
    assert apart(draw(dots, shaken), draw(dots, OFF)).max() <= 1


share = st.floats(0, 1, width=32)
amounts = st.builds(
    Augment,
    rotate=st.floats(0, 360),
    shear=st.floats(0, 3),
    stretch=share,
    zoom=st.floats(0, 0.1),
    shift=st.floats(0, 10),
    stroke_shift=st.floats(0, 300),
    stroke_zoom=st.floats(0, 3),
    point_jitter=st.floats(0, 300),
    drop=share,
    prefix=share,
    prefix_min=share,
    line_width=st.floats(0, 0.5),
    mirror=share,
)
coordinate = st.integers(0, 255)
odd_drawing = st.lists(
    st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=6).map(np.array),
    min_size=1,
    max_size=4,
).map(Drawing.from_strokes)


@settings(max_examples=150, deadline=None)
@given(amounts, st.lists(odd_drawing, min_size=1, max_size=4), st.integers(0, 2**64 - 1))
def test_no_picture_is_ever_empty(augment: Augment, some: list[Drawing], seed: int) -> None:
    every = Ragged.from_drawings(some)
    images = draw(every, augment, seeds=np.full(len(every), seed, np.uint64))
    assert images.any(axis=(1, 2)).all()


@pytest.mark.parametrize("shift", [100.0, 1e6, 1e30])
def test_nothing_is_drawn_beyond_the_image(cats: Ragged, shift: float) -> None:
    guarded = np.full((N + 2, 1, 28, 28), 77, np.uint8)
    wild = Augment(shift=shift, zoom=1.0, line_width=1.0, point_jitter=500.0)
    images = render_augmented(
        cats,
        SPEC,
        wild,
        rows=np.arange(N),
        seeds=seeds_of(N),
        may_mirror=np.ones(N, bool),
        out=guarded[1:-1],
    )
    assert np.shares_memory(images, guarded)
    assert (guarded[[0, -1]] == 77).all()
    assert not (guarded[1:-1] == 77).all(axis=(1, 2)).any()
    assert shift < 1e6 or not images.any()


@pytest.mark.parametrize("name", [part.name for part in fields(Augment)])
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_impossible_amounts_are_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"augment\.{name} is {value}; choose 0 \(off\) or more"):
        Augment(**{name: value})


@pytest.mark.parametrize(
    "name", ["stretch", "zoom", "drop", "prefix", "prefix_min", "line_width", "mirror"]
)
def test_shares_are_at_most_1(name: str) -> None:
    Augment(**{name: 1.0})
    with pytest.raises(ConfigError, match=rf"augment\.{name} is 1\.5; it is at most 1"):
        Augment(**{name: 1.5})


def test_the_kernel_takes_the_amounts_in_the_order_of_the_fields() -> None:
    values = {part.name: (index + 1) / 100 for index, part in enumerate(fields(Augment))}
    assert Augment(**values).as_array() == pytest.approx([(i + 1) / 100 for i in range(13)])
    assert not OFF.as_array().any()
