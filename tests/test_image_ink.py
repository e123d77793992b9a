"""Ink is found on paper of any kind."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from doodlewise.errors import PictureError
from doodlewise.image import (
    ImageSpec,
    image_pixels,
    read_image,
)
from made_pictures import encoded, house, on_colours

DRAWING = ImageSpec(28, 28, channels=1, look="drawing")


@pytest.mark.parametrize(
    ("pen", "paper"),
    [
        ("black", "white"),
        ("white", "black"),
        ("yellow", "white"),
        ("#ff0000", "#00827f"),
        ("#888", "white"),
        ("black", "#999"),
        ("#999", "#666"),
    ],
)
def test_pen_and_paper_of_any_colour_give_the_same_ink(pen: str, paper: str) -> None:
    expected = image_pixels(house(), DRAWING)
    assert expected.shape == (28, 28, 1)
    assert expected.max() == 255
    assert expected[0].max() == 0
    pixels = image_pixels(on_colours(house(), pen, paper), DRAWING)
    assert np.abs(pixels.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (250, 220, 40), (20, 60, 200)])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_lines_on_nothing(colour: tuple[int, int, int], mode: str) -> None:
    image = Image.new("RGB", (255, 255), colour).convert(mode)
    image.putalpha(house())
    pixels = read_image(encoded(image), DRAWING).pixels
    assert np.abs(pixels.astype(int) - image_pixels(house(), DRAWING)).max() <= 1


def test_transparent_corners_are_paper() -> None:
    image = on_colours(house(), "#222", "#dca").convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 40, 40))
    pixels = image_pixels(image, DRAWING)
    assert np.abs(pixels.astype(int) - image_pixels(house(), DRAWING)).max() <= 1


def test_a_frame_is_not_the_paper_and_a_blot_is_not_either() -> None:
    framed = on_colours(house(), "black", "white")
    ImageDraw.Draw(framed).rectangle((0, 0, 254, 254), outline="black", width=4)
    assert image_pixels(framed, DRAWING)[4:-4, 4:-4].mean() < 40
    blot = Image.new("L", (200, 200), 255)
    ImageDraw.Draw(blot).ellipse((20, 20, 180, 180), fill=0)
    pixels = image_pixels(blot, DRAWING)
    assert pixels[14, 14] == 255
    assert pixels[0, 0] == 0


@pytest.mark.parametrize("side", [28, 64])
def test_every_stroke_of_grey_ink_survives(side: int) -> None:
    """The Kaggle Doodle Dataset: 255 x 255, 2 pixels wide, strokes of grey 90 to 155."""
    tones = (90, 100, 112, 130, 155)
    image = Image.new("L", (255, 255), 255)
    draw = ImageDraw.Draw(image)
    for number, tone in enumerate(tones):
        x = 20 + 50 * number
        draw.line((x, 10, x + 7, 245), fill=tone, width=2)
    pixels = read_image(encoded(image), ImageSpec(side, side, 1, look="drawing")).pixels[:, :, 0]
    assert pixels.max() == 255
    row = pixels[side // 2].astype(int)
    for number in range(len(tones)):
        middle = (23.5 + 50 * number) / 255 * side
        assert row[int(middle) - 1 : int(middle) + 2].sum() > 100
        assert row[int(middle) - 1 : int(middle) + 2].max() > 60
    between = [int((48.5 + 50 * number) / 255 * side) for number in range(len(tones) - 1)]
    assert (row[between] == 0).all()


def test_our_own_pixels_come_back_as_they_were() -> None:
    pixels = image_pixels(house(width=9), DRAWING)
    for picture in (pixels, 255 - pixels):
        content = encoded(Image.fromarray(picture[:, :, 0]))
        assert np.array_equal(read_image(content, DRAWING).pixels, pixels)


def test_a_fine_line_on_a_very_large_sheet() -> None:
    sheet = house(6000, 6)
    pixels = read_image(encoded(sheet), DRAWING).pixels
    assert np.abs(pixels.astype(int) - image_pixels(house(255, 2), DRAWING)).mean() < 8
    assert pixels.max() == 255


@pytest.mark.parametrize(
    "blank",
    [
        Image.new("L", (60, 60), 255),
        Image.new("RGB", (60, 60), (20, 90, 40)),
        Image.new("RGBA", (60, 60), (0, 0, 0, 0)),
        Image.new("1", (60, 60)),
        Image.fromarray(np.random.default_rng(0).integers(250, 256, (60, 60), np.uint8)),
    ],
    ids=["white", "green", "transparent", "1 bit", "grain"],
)
def test_no_ink(blank: Image.Image) -> None:
    with pytest.raises(PictureError, match="no ink") as raised:
        read_image(encoded(blank), DRAWING)
    assert raised.value.reason == "no ink"


def test_no_ink_in_the_part_that_is_taken() -> None:
    image = Image.new("L", (300, 100), 255)
    ImageDraw.Draw(image).line((5, 5, 60, 90), fill=0, width=3)
    assert image_pixels(image, DRAWING).max() == 255
    with pytest.raises(PictureError, match="no ink"):
        image_pixels(image, ImageSpec(28, 28, 1, "crop", "drawing"))
