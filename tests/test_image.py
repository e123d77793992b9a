"""What an ImageSpec is, what it makes of sizes, and how it is guessed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from doodlewise.errors import ConfigError
from doodlewise.image import (
    Fit,
    ImageSpec,
    guess_spec,
    image_pixels,
    open_image,
    read_image,
)
from made_pictures import encoded, house, off, on_colours, scene

SHARED = Path(__file__).resolve().parents[2] / "shared/data"
PHOTO = ImageSpec(32, 32, fit="stretch")


def test_a_spec_survives_its_file() -> None:
    spec = ImageSpec(48, 64, channels=1, fit="crop", look="drawing")
    assert ImageSpec.from_dict(spec.to_dict()) == spec
    with pytest.raises(ConfigError, match="another version"):
        ImageSpec.from_dict({**spec.to_dict(), "sharpen": True})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"height": 7}, "from 8 to 1024"),
        ({"width": 1025}, "from 8 to 1024"),
        ({"channels": 4}, "channels cannot be 4. Choose one of: 1, 3"),
        ({"fit": "squeeze"}, "fit cannot be 'squeeze'. Choose one of: pad, crop, stretch"),
        ({"look": "etching"}, "look cannot be 'etching'"),
        ({"look": "drawing"}, "one channel"),
    ],
)
def test_impossible_specs_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ImageSpec(**{"height": 32, "width": 32, "channels": 3, **values})


@settings(max_examples=80, deadline=None)
@given(
    size=st.tuples(st.integers(1, 400), st.integers(1, 400)),
    target=st.tuples(st.integers(8, 90), st.integers(8, 90)),
    fit=st.sampled_from(["pad", "crop", "stretch"]),
    channels=st.sampled_from([1, 3]),
)
def test_any_size_fits(
    size: tuple[int, int], target: tuple[int, int], fit: Fit, channels: int
) -> None:
    spec = ImageSpec(target[1], target[0], channels, fit)
    image = Image.new("RGB", size, (180, 180, 180))
    pixels = image_pixels(image, spec)
    assert pixels.shape == (target[1], target[0], channels)
    if fit != "pad":
        assert (pixels == 180).all()
        return
    seen = pixels[:, :, 0] == 180
    assert (seen | (pixels[:, :, 0] == 0)).all()
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    assert seen[np.ix_(rows, columns)].all()
    assert len(rows) == target[1] or len(columns) == target[0]
    scale = min(target[0] / size[0], target[1] / size[1])
    assert len(columns) == pytest.approx(max(1, size[0] * scale), abs=0.51)
    assert len(rows) == pytest.approx(max(1, size[1] * scale), abs=0.51)
    # In the middle, to half a pixel.
    assert abs(rows[0] - (target[1] - 1 - rows[-1])) <= 1
    assert abs(columns[0] - (target[0] - 1 - columns[-1])) <= 1


@settings(max_examples=40, deadline=None)
@given(
    size=st.tuples(st.integers(1, 700), st.integers(1, 700)),
    fit=st.sampled_from(["pad", "crop", "stretch"]),
    turned=st.booleans(),
)
def test_a_draft_has_the_same_place_and_size(size: tuple[int, int], fit: Fit, turned: bool) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6 if turned else 1
    content = encoded(Image.new("L", size, 180), "JPEG", exif=exif)
    spec = ImageSpec(40, 24, 1, fit)
    pixels = image_pixels(open_image(content), spec)
    assert np.array_equal(read_image(content, spec).pixels, pixels)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (3, 20_000)])
@pytest.mark.parametrize("fit", ["pad", "crop", "stretch"])
@pytest.mark.parametrize("format", ["PNG", "JPEG"])
def test_threads_and_dots(size: tuple[int, int], fit: Fit, format: str) -> None:
    content = encoded(Image.new("L", size, 180), format)
    picture = read_image(content, ImageSpec(64, 64, 1, fit))
    assert (picture.width, picture.height) == size
    assert picture.pixels.max() == 180


def test_crop_takes_the_middle_and_pad_takes_all() -> None:
    image = Image.new("RGB", (300, 100), "red")
    image.paste("blue", (100, 0, 200, 100))
    cropped = image_pixels(image, ImageSpec(50, 50, 3, "crop"))
    assert (cropped[:, 2:-2] == (0, 0, 255)).all()
    assert cropped[:, :, 0].max() < 40
    padded = image_pixels(image, ImageSpec(60, 60, 3, "pad"))
    assert (padded[:20] == 0).all()
    assert (padded[40:] == 0).all()
    assert padded[30, [5, 30, 55]].tolist() == [[255, 0, 0], [0, 0, 255], [255, 0, 0]]


def test_a_picture_of_the_right_size_is_not_touched() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    for fit in ("pad", "crop", "stretch"):
        assert np.array_equal(
            read_image(encoded(Image.fromarray(pixels)), ImageSpec(32, 32, 3, fit)).pixels, pixels
        )


def test_shrinking_is_antialiased() -> None:
    """Stripes of one pixel become grey, and not one of the stripes."""
    stripes = np.zeros((512, 512, 3), np.uint8)
    stripes[:, ::2] = 255
    for format in ("PNG", "JPEG"):
        pixels = read_image(encoded(Image.fromarray(stripes), format), PHOTO).pixels
        assert pixels[4:-4, 4:-4].min() > 115
        assert pixels[4:-4, 4:-4].max() < 140


def grey_photo() -> Image.Image:
    smooth = np.random.default_rng(3).integers(0, 256, (8, 8), np.uint8)
    return Image.fromarray(smooth).resize((90, 60), Image.Resampling.BICUBIC)


def transparent() -> Image.Image:
    image = Image.new("RGBA", (90, 90))
    image.putalpha(house(90))
    return image


@pytest.mark.parametrize(
    ("make", "look", "channels"),
    [
        (lambda: on_colours(house(), "black", "white"), "drawing", 1),
        (lambda: house(), "drawing", 1),
        (lambda: house(28, 3), "drawing", 1),
        (transparent, "drawing", 1),
        (lambda: on_colours(house(), "red", "white"), "photo", 3),
        (scene, "photo", 3),
        (grey_photo, "photo", 1),
        (lambda: grey_photo().convert("RGB"), "photo", 1),
    ],
    ids=[
        "dark on light",
        "light on dark",
        "tiny",
        "on nothing",
        "coloured",
        "scene",
        "grey",
        "rgb",
    ],
)
def test_guesses(make: Callable[[], Image.Image], look: str, channels: int) -> None:
    for format in ("PNG", "JPEG"):
        image = make()
        if format == "JPEG" and image.mode == "RGBA":
            continue
        images = [open_image(encoded(image, format)) for _ in range(4)]
        assert guess_spec(images, size=(40, 32), fit="crop") == ImageSpec(
            32, 40, channels, "crop", look
        )


def test_one_size_is_kept_and_several_are_asked_about() -> None:
    same = [house(70), house(70, 3)]
    assert guess_spec(iter(same), size=None) == ImageSpec(70, 70, 1, "pad", "drawing")
    with pytest.raises(ConfigError, match=r"70 x 70, 80 x 80.*--size 64"):
        guess_spec([*same, house(80)], size=None)
    with pytest.raises(ConfigError, match="from 8 to 1024"):
        guess_spec([house(4)], size=None)
    with pytest.raises(ConfigError, match="not one picture"):
        guess_spec([], size=(64, 64))


def test_what_is_said_is_not_guessed() -> None:
    size = (32, 32)
    assert guess_spec([house()], size=size, look="photo").channels == 1
    assert guess_spec([house()], size=size, channels=3) == ImageSpec(32, 32, 3)
    assert guess_spec([scene()], size=size, channels=1) == ImageSpec(32, 32, 1)
    assert guess_spec([scene()], size=size, look="drawing").channels == 1
    coloured = on_colours(house(), "red", "white")
    assert guess_spec([coloured], size=size, channels=1).look == "drawing"
    with pytest.raises(ConfigError, match="one channel"):
        guess_spec([house()], size=size, channels=3, look="drawing")


def test_most_decide_about_the_look() -> None:
    drawings = [house()] * 3
    assert guess_spec([*drawings, grey_photo()], size=(32, 32)).look == "drawing"
    assert guess_spec([*drawings, *[grey_photo()] * 2], size=(32, 32)).look == "photo"


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("photos", ImageSpec(64, 64, 3, "pad", "photo")),
        ("shapes", ImageSpec(70, 70, 1, "pad", "drawing")),
    ],
)
def test_real_pictures(folder: str, expected: ImageSpec) -> None:
    files = sorted((SHARED / folder).glob("*/*.*"))[::90]
    if not files:
        pytest.skip(f"the real data are not at {SHARED}")
    size = (64, 64) if folder == "photos" else None
    assert guess_spec(map(open_image, files), size=size) == expected
    for file in files:
        picture = read_image(file, expected)
        with Image.open(file) as image:
            assert (picture.width, picture.height) == image.size
        opened = image_pixels(open_image(file), expected)
        assert off(picture.pixels, opened) < (3 if folder == "photos" else 0.001)
        if folder == "shapes":
            assert picture.pixels.max() == 255
            assert np.mean(picture.pixels == 0) > 0.6
