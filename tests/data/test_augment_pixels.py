from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from doodlewise.augment import PixelAugment, Preset
from doodlewise.data.augment_pixels import augment_pixels
from doodlewise.errors import ConfigError

OFF = PixelAugment("off")
N = 200
PARTS = [part.name for part in fields(PixelAugment) if part.name != "preset"]
LIGHT = ("brightness", "contrast", "colour")


def images_of(n: int = N, height: int = 32, width: int = 32, channels: int = 3) -> Any:
    """Smooth pictures with no symmetry."""
    down, across = np.mgrid[0.0 : 1.0 : height * 1j, 0.0 : 1.0 : width * 1j]
    random = np.random.default_rng(7).uniform(0.5, 1.0, (n, 1, 1, channels))
    surface = 60 + 120 * np.sqrt(across) * (1 - across) * 2.5 * (1 - down**2) + 40 * down
    return np.rint(surface[None, :, :, None] * random).astype(np.uint8)


def crosses(n: int = N, side: int = 28) -> NDArray[np.uint8]:
    """Ink in the shape of an F, not near the edge."""
    images = np.zeros((n, side, side, 1), np.uint8)
    images[:, 8:20, 10:12] = 255
    images[:, 8:10, 10:18] = 255
    images[:, 13:15, 10:15] = 255
    return images


def vary(
    images: NDArray[np.uint8],
    augment: PixelAugment,
    *,
    is_ink: bool = False,
    may_mirror: bool = True,
    seeds: NDArray[np.uint64] | None = None,
) -> NDArray[np.uint8]:
    return augment_pixels(
        images,
        augment,
        seeds=seeds_of(len(images)) if seeds is None else seeds,
        may_mirror=np.full(len(images), may_mirror),
        is_ink=is_ink,
    )


def seeds_of(n: int, seed: int = 0) -> NDArray[np.uint64]:
    return np.random.default_rng(seed).integers(0, 2**64, n, dtype=np.uint64)


def is_one_of(image: NDArray[np.uint8], others: list[NDArray[np.uint8]]) -> list[bool]:
    return [np.array_equal(image, other) for other in others]


def middles(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Centre of the ink of each: x, y."""
    ink = images[..., 0].astype(float)
    at = np.arange(ink.shape[1])
    sums = ink.sum(axis=(1, 2))
    return (
        np.stack([(ink.sum(axis=1) * at).sum(1), (ink.sum(axis=2) * at).sum(1)], 1) / sums[:, None]
    )


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("is_ink", [True, False])
def test_off_changes_no_byte(channels: int, is_ink: bool) -> None:
    images = images_of(channels=channels)
    assert np.array_equal(vary(images, OFF, is_ink=is_ink), images)
    zeros = PixelAugment(**dict.fromkeys(PARTS, 0.0))
    assert np.array_equal(vary(images, zeros, is_ink=is_ink), images)
    # Through the kernel, and by chance nothing happens.
    seldom = replace(OFF, mirror=1e-9)
    assert np.array_equal(vary(images, seldom, is_ink=is_ink), images)


@pytest.mark.parametrize("preset", ["photo", "drawing", "copies"])
def test_a_seed_decides_whatever_is_in_the_batch(preset: Preset) -> None:
    images, seeds = images_of(), seeds_of(N)
    augment = PixelAugment(preset, erase=0.1)
    varied = vary(images, augment, seeds=seeds)
    rows = np.random.default_rng(3).permutation(N)[:17]
    assert np.array_equal(vary(images[rows], augment, seeds=seeds[rows]), varied[rows])
    assert np.array_equal(vary(images[5:6], augment, seeds=seeds[5:6])[0], varied[5])
    other = vary(images, augment, seeds=seeds_of(N, 1))
    assert (other != varied).any(axis=(1, 2, 3)).mean() > 0.8


AMOUNTS = {"rotate": 20.0, "flip": 1.0, "mirror": 1.0, "quarter_turn": 1.0}


@pytest.mark.parametrize("name", PARTS)
def test_every_part_alone_changes_pixels(name: str) -> None:
    varied = vary(images_of(), replace(OFF, **{name: AMOUNTS.get(name, 0.3)}))
    assert (varied != images_of()).any(axis=(1, 2, 3)).mean() > 0.9


def test_mirrored_and_flipped() -> None:
    images = images_of()
    mirrored = vary(images, replace(OFF, mirror=1.0))
    assert np.array_equal(mirrored, images[:, :, ::-1])
    assert np.array_equal(vary(images, replace(OFF, flip=1.0)), images[:, ::-1])
    both = vary(images, replace(OFF, flip=1.0, mirror=1.0))
    assert np.array_equal(both, images[:, ::-1, ::-1])
    half = (vary(images, replace(OFF, mirror=0.5)) != images).any(axis=(1, 2, 3))
    assert 0.35 < half.mean() < 0.65


def test_only_the_rows_that_may_are_mirrored() -> None:
    images = images_of()
    may = np.arange(N) % 3 == 0
    for name, turned in (("mirror", images[:, :, ::-1]), ("flip", images[:, ::-1])):
        varied = augment_pixels(
            images,
            replace(OFF, **{name: 1.0}),
            seeds=seeds_of(N),
            may_mirror=may,
            is_ink=False,
        )
        assert np.array_equal(varied, np.where(may[:, None, None, None], turned, images))


@pytest.mark.parametrize("is_ink", [True, False])
def test_copies_are_all_eight_ways_of_a_square_and_as_sharp(is_ink: bool) -> None:
    images = images_of(800)
    images[:] = images[0]
    turns = [np.rot90(images[0], k) for k in range(4)]
    ways = [*turns, *(turn[:, ::-1] for turn in turns)]
    varied = vary(images, PixelAugment("copies"), is_ink=is_ink)
    counts = np.array([is_one_of(image, ways) for image in varied]).sum(axis=0)
    assert counts.sum() == 800
    assert counts.min() > 60
    assert counts.max() < 145
    unmirrored = vary(images, PixelAugment("copies"), is_ink=is_ink, may_mirror=False)
    assert np.array([is_one_of(image, turns) for image in unmirrored]).sum() == 800


def test_images_that_are_not_square_are_turned_by_two_quarters() -> None:
    images = images_of(height=24, width=40)
    varied = vary(images, replace(OFF, quarter_turn=1.0))
    assert np.array_equal(varied, images[:, ::-1, ::-1])


def test_a_shift_moves_the_ink_within_its_limit_and_lets_paper_in() -> None:
    images = crosses(400)
    moves = middles(vary(images, replace(OFF, shift=0.2), is_ink=True)) - middles(images)
    assert 0.95 * 5.6 < np.abs(moves).max() < 1.02 * 5.6
    assert np.abs(moves.mean(axis=0)).max() < 0.6
    assert abs(np.corrcoef(moves.T)[0, 1]) < 0.2
    full = np.full((50, 28, 28, 1), 200, np.uint8)
    inked = vary(full, replace(OFF, shift=0.5), is_ink=True)
    assert (inked == 0).any(axis=(1, 2, 3)).mean() > 0.9
    assert np.array_equal(vary(full, replace(OFF, shift=0.5)), full)


def test_photos_go_on_with_their_edge() -> None:
    images = np.tile(np.arange(10, 42, dtype=np.uint8)[None, None, :, None], (60, 32, 1, 3))
    varied = vary(images, replace(OFF, shift=0.5))
    assert varied.min() == 10
    assert varied.max() == 41
    # Columns rise by one or stay, for the edge; sampling in between rounds.
    assert (np.diff(varied.astype(int), axis=2) >= 0).all()
    assert np.array_equal(varied, np.broadcast_to(varied[:, :1], varied.shape))


def test_a_rotation_is_about_the_middle_and_within_its_limit() -> None:
    images = crosses(400, 29)
    images[:] = 0
    images[:, 14, 4:25] = 255
    varied = vary(images, replace(OFF, rotate=30.0), is_ink=True)[..., 0]
    assert (varied[:, 14, 14] > 200).all()
    # The line's right end: 10 pixels from the middle, so 5 up or down at 30 degrees.
    heights = varied[:, :, 22].argmax(axis=1) - 14
    assert heights.min() == pytest.approx(-8 * np.tan(np.radians(30)), abs=1.1)
    assert heights.max() == pytest.approx(8 * np.tan(np.radians(30)), abs=1.1)
    right_way = replace(OFF, rotate=90.0)
    assert (vary(images, right_way, is_ink=True)[:, :, 14, 0] > 100).sum(axis=1).max() >= 19


def test_zoom_and_stretch_keep_to_their_shares() -> None:
    images = np.zeros((400, 64, 64, 1), np.uint8)
    images[:, 17:47, 17:47] = 255

    def sizes(augment: PixelAugment) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        share = vary(images, augment, is_ink=True)[..., 0] / 255.0
        return share[:, 32].sum(axis=1), share[:, :, 32].sum(axis=1)

    wide, tall = sizes(replace(OFF, zoom=0.3))
    assert wide == pytest.approx(tall, abs=0.5)
    assert wide.min() == pytest.approx(30 * np.exp(-0.3), abs=0.7)
    assert wide.max() == pytest.approx(30 * np.exp(0.3), abs=0.7)
    wide, tall = sizes(replace(OFF, stretch=0.3))
    assert wide * tall == pytest.approx(900, rel=0.05)
    assert (wide / tall).max() == pytest.approx(np.exp(0.3), rel=0.05)
    assert (wide / tall).min() == pytest.approx(np.exp(-0.3), rel=0.05)


def test_brightness_scales_all_of_it() -> None:
    images = images_of()
    varied = vary(images, replace(OFF, brightness=0.2)).astype(float)
    ratios = varied.mean(axis=(1, 2, 3)) / images.mean(axis=(1, 2, 3))
    assert ratios.min() == pytest.approx(0.8, abs=0.02)
    assert ratios.max() == pytest.approx(1.2, abs=0.02)
    off = np.abs(varied - images * ratios[:, None, None, None])
    assert off.max() < 2
    bright = np.full((50, 8, 8, 1), 250, np.uint8)
    assert vary(bright, replace(OFF, brightness=1.0)).max() == 255


@pytest.mark.parametrize("channels", [1, 3])
def test_contrast_keeps_the_mean(channels: int) -> None:
    images = images_of(channels=channels)
    varied = vary(images, replace(OFF, contrast=0.4))
    means = varied.mean(axis=(1, 2, 3)) - images.mean(axis=(1, 2, 3))
    assert np.abs(means).max() < 0.6
    ratios = varied.std(axis=(1, 2, 3)) / images.std(axis=(1, 2, 3))
    assert ratios.min() == pytest.approx(0.6, abs=0.03)
    assert ratios.max() == pytest.approx(1.4, abs=0.03)


def test_colour_changes_saturation_and_leaves_grey_as_it_is() -> None:
    images = images_of()
    varied = vary(images, replace(OFF, colour=1.0)).astype(float)
    weights = np.array([0.299, 0.587, 0.114])
    assert np.abs(varied @ weights - images @ weights).max() < 1.0
    spread = np.ptp(varied, axis=3).mean(axis=(1, 2)) / np.ptp(images, axis=3).mean(axis=(1, 2))
    assert spread.min() < 0.1
    assert spread.max() > 1.8
    grey = np.repeat(images_of(channels=1), 3, axis=3)
    assert np.abs(vary(grey, replace(OFF, colour=1.0)).astype(int) - grey).max() <= 1
    one = images_of(channels=1)
    assert np.array_equal(vary(one, replace(OFF, colour=1.0)), one)


@pytest.mark.parametrize("is_ink", [True, False])
def test_a_rectangle_is_hidden(is_ink: bool) -> None:
    images = np.full((400, 40, 40, 3), 100, np.uint8)
    images[:, :, 20:] = 200
    varied = vary(images, replace(OFF, erase=0.25), is_ink=is_ink)
    hidden = (varied != images).all(axis=3)
    assert (varied[hidden] == (0 if is_ink else 150)).all()
    shares = hidden.mean(axis=(1, 2))
    assert shares.max() == pytest.approx(0.25, abs=0.02)
    assert shares.mean() == pytest.approx(0.125, abs=0.02)
    for each in hidden[shares > 0]:
        rows, columns = np.flatnonzero(each.any(axis=1)), np.flatnonzero(each.any(axis=0))
        assert each[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    assert hidden.any(axis=0).mean() > 0.97


def test_light_is_for_photos_only() -> None:
    ink = crosses()
    light = PixelAugment("off", brightness=0.5, contrast=0.5, colour=0.5)
    assert np.array_equal(vary(ink, light, is_ink=True), ink)
    assert not np.array_equal(vary(ink, light), ink)


def test_the_paper_of_a_drawing_stays_paper() -> None:
    varied = vary(crosses(), PixelAugment(), is_ink=True)
    assert (varied[:, 0] == 0).all()
    assert (varied.max(axis=(1, 2, 3)) > 150).all()


def test_auto_is_what_suits_the_images() -> None:
    auto = PixelAugment()
    assert auto.values(is_ink=True) == PixelAugment("drawing").values(is_ink=True)
    assert auto.values(is_ink=False) == PixelAugment("photo").values(is_ink=False)
    assert not any(auto.values(is_ink=True)[name] for name in LIGHT)
    assert all(auto.values(is_ink=False)[name] for name in LIGHT)


def test_a_part_that_is_given_overrides_the_preset() -> None:
    values = PixelAugment("photo", rotate=3.0, mirror=0.0).values(is_ink=False)
    photo = PixelAugment("photo").values(is_ink=False)
    assert values == photo | {"rotate": 3.0, "mirror": 0.0}


@pytest.mark.parametrize("preset", get_args(Preset))
def test_the_kernel_takes_the_amounts_in_the_order_of_the_fields(preset: Preset) -> None:
    augment = PixelAugment(preset)
    assert list(augment.values(is_ink=False)) == PARTS
    assert augment.as_array(is_ink=False) == pytest.approx(
        list(augment.values(is_ink=False).values())
    )


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_impossible_amounts_are_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"pixels\.{name} is {value}; choose 0 \(off\) or more"):
        PixelAugment(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [name for name in PARTS if name != "rotate"])
def test_shares_are_at_most_1(name: str) -> None:
    PixelAugment(**{name: 1.0})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=rf"pixels\.{name} is 1\.5; it is at most 1"):
        PixelAugment(**{name: 1.5})  # type: ignore[arg-type]


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"pixels\.preset is 'much'\. Choose auto, photo, draw"):
        PixelAugment("much")  # type: ignore[arg-type]


share = st.floats(0, 1, width=32)
shapes = st.tuples(
    st.integers(1, 3), st.integers(8, 40), st.integers(8, 40), st.sampled_from([1, 3])
)


@settings(max_examples=60, deadline=None)
@given(
    st.builds(PixelAugment, st.just("off"), st.floats(0, 1e6), *[share] * 10),
    shapes,
    st.booleans(),
    st.integers(0, 2**64 - 1),
)
def test_nothing_is_written_beyond_the_images(
    augment: PixelAugment, shape: tuple[int, int, int, int], is_ink: bool, seed: int
) -> None:
    guarded = np.full((shape[0] + 2, *shape[1:]), 77, np.uint8)
    out = augment_pixels(
        np.full(shape, 200, np.uint8),
        augment,
        seeds=np.full(shape[0], seed, np.uint64),
        may_mirror=np.ones(shape[0], bool),
        is_ink=is_ink,
        out=guarded[1:-1],
    )
    assert np.shares_memory(out, guarded)
    assert (guarded[[0, -1]] == 77).all()
    if not any(augment.values(is_ink=is_ink)[name] for name in LIGHT) and not is_ink:
        assert (out == 200).all()
