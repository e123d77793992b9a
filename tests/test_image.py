"""Pictures of every kind are made by Pillow, read, and compared with what they show."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from doodlewise.errors import ConfigError, PictureError
from doodlewise.image import (
    Fit,
    ImageSpec,
    guess_spec,
    image_pixels,
    open_image,
    read_image,
)
from doodlewise.image_file import MAX_PIXELS

SHARED = Path(__file__).resolve().parents[2] / "shared/data"
PHOTO = ImageSpec(32, 32, fit="stretch")
GREY = ImageSpec(32, 32, channels=1, fit="stretch")
DRAWING = ImageSpec(28, 28, channels=1, look="drawing")


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def scene(width: int = 96, height: int = 64) -> Image.Image:
    """Four quarters of different colours, so that any turn or loss is seen."""
    image = Image.new("RGB", (width, height), (200, 40, 40))
    draw = ImageDraw.Draw(image)
    draw.rectangle((width // 2, 0, width, height // 2 - 1), fill=(40, 180, 60))
    draw.rectangle((0, height // 2, width // 2 - 1, height), fill=(30, 60, 190))
    draw.rectangle((width // 2, height // 2, width, height), fill=(240, 220, 120))
    return image


def off(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    return float(np.abs(one.astype(int) - other).mean())


def house(size: int = 255, width: int = 2) -> Image.Image:
    """Lines of ink strength 255 on 0."""
    image = Image.new("L", (size, size))
    draw = ImageDraw.Draw(image)
    a, b, c = size // 5, size // 2, 4 * size // 5
    draw.line([(a, b), (a, c), (c, c), (c, b), (a, b), (b, a), (c, b)], fill=255, width=width)
    return image


# --- What an ImageSpec is -------------------------------------------------------------------------


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


# --- Files of every kind --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format", "options", "most"),
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("WEBP", {"quality": 90}, 4),
        ("JPEG", {"quality": 95, "subsampling": 0}, 2),
        ("JPEG", {"quality": 95, "subsampling": 0, "progressive": True}, 2),
        ("GIF", {}, 2),
    ],
)
def test_formats(format: str, options: dict[str, Any], most: float) -> None:
    picture = read_image(encoded(scene(), format, **options), PHOTO)
    assert picture.pixels.shape == (32, 32, 3)
    assert picture.pixels.dtype == np.uint8
    assert (picture.width, picture.height) == (96, 64)
    assert off(picture.pixels, image_pixels(scene(), PHOTO)) <= most


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_makes_pictures_upright(orientation: int, format: str) -> None:
    undone = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    # Large enough for a JPEG to be decoded at a fraction of its size.
    upright = scene(480, 320)
    stored = upright if undone is None else upright.transpose(undone)
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(stored, format, exif=exif, **({"quality": 95} if format == "JPEG" else {}))
    spec = ImageSpec(24, 32)
    picture = read_image(content, spec)
    assert (picture.width, picture.height) == (480, 320)
    assert off(picture.pixels, image_pixels(upright, spec)) < 4
    opened = open_image(content)
    assert opened.size == (480, 320)
    assert opened.getexif().get(0x0112, 1) == 1
    assert off(image_pixels(opened, spec), picture.pixels) < 4


def test_broken_exif_does_not_cost_the_picture() -> None:
    content = encoded(scene(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff nonsense")
    assert read_image(content, PHOTO).width == 96


def test_only_the_first_frame_of_an_animation() -> None:
    frames = [scene(), Image.new("RGB", (96, 64), "black")]
    for format in ("GIF", "WEBP", "PNG", "TIFF"):
        content = encoded(frames[0], format, save_all=True, append_images=frames[1:])
        assert off(read_image(content, PHOTO).pixels, image_pixels(scene(), PHOTO)) < 5


def test_cmyk_as_adobe_stores_it_and_plain() -> None:
    for format in ("JPEG", "TIFF"):
        content = encoded(scene().convert("CMYK"), format)
        assert off(read_image(content, PHOTO).pixels, image_pixels(scene(), PHOTO)) < 3


def test_palettes_and_their_transparency() -> None:
    image = scene().quantize(8)
    assert off(read_image(encoded(image), PHOTO).pixels, image_pixels(scene(), PHOTO)) < 2
    red = image.getpixel((0, 0))
    pixels = read_image(encoded(image, transparency=red), PHOTO).pixels
    assert pixels[2, 2].tolist() == [255, 255, 255]
    assert pixels[-3, -3, 0] > 200 > pixels[-3, -3, 2]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_is_white_in_a_photo(mode: str) -> None:
    image = Image.new(mode, (40, 40), (0,) * len(mode))
    image.paste((90,) * (len(mode) - 1) + (255,), (20, 0, 40, 40))
    pixels = read_image(encoded(image), GREY).pixels[:, :, 0]
    assert (pixels[:, :12] == 255).all()
    assert (pixels[:, 20:] == 90).all()


def test_one_bit() -> None:
    image = Image.new("1", (40, 40))
    image.paste(1, (20, 0, 40, 40))
    for format in ("PNG", "TIFF", "BMP"):
        pixels = read_image(encoded(image, format), GREY).pixels[:, :, 0]
        assert (pixels[:, :12] == 0).all()
        assert (pixels[:, 20:] == 255).all()


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_and_not_clipped(format: str) -> None:
    ramp = np.linspace(0, 65535, 32).astype(np.uint16)
    content = encoded(Image.fromarray(np.tile(ramp, (32, 1))), format)
    expected = np.rint(ramp / 257).astype(np.uint8)
    assert np.array_equal(read_image(content, GREY).pixels[7, :, 0], expected)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.linspace(0, 1, 32, dtype=np.float32), np.linspace(0, 255, 32)),
        (np.linspace(0, 255, 32, dtype=np.float32), np.linspace(0, 255, 32)),
        (np.linspace(-3, 500, 32, dtype=np.float32), np.linspace(0, 255, 32)),
        (np.arange(32, dtype=np.int32), np.arange(32)),
        (np.arange(32, dtype=np.int32) * 2000, np.arange(32) * 2000 / 257),
        (np.arange(32, dtype=np.int32) * 1_000_000, np.linspace(0, 255, 32)),
    ],
    ids=["0..1", "0..255", "any", "8 bits", "16 bits", "32 bits"],
)
def test_floats_and_large_integers(
    values: NDArray[np.float32 | np.int32], expected: NDArray[np.float64]
) -> None:
    content = encoded(Image.fromarray(np.tile(values, (32, 1))), "TIFF")
    pixels = read_image(content, GREY).pixels[3, :, 0]
    assert np.abs(pixels - expected).max() <= 0.51


def test_nan_is_refused() -> None:
    content = encoded(Image.fromarray(np.full((8, 8), np.nan, np.float32)), "TIFF")
    with pytest.raises(PictureError, match="NaN") as raised:
        read_image(content, GREY)
    assert raised.value.reason == "broken picture"


def test_the_name_of_a_file_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "really a png.jpg"
    path.write_bytes(encoded(scene()))
    assert np.array_equal(read_image(path, PHOTO).pixels, image_pixels(scene(), PHOTO))


# --- What cannot be used --------------------------------------------------------------------------


def png_bomb(side: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def cut(content: bytes, share: float = 0.5) -> bytes:
    return content[: int(len(content) * share)]


def noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 255, (60, 60, 3), np.uint8))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"There is no picture here.", "not a picture"),
        (b"<html>404</html>", "not a picture"),
        (cut(encoded(noise())), "truncated picture"),
        (cut(encoded(noise(), "JPEG")), "truncated picture"),
        (cut(encoded(noise(), "WEBP")), "truncated picture"),
        (cut(encoded(noise(), "BMP")), "truncated picture"),
        (cut(encoded(noise(), "GIF")), "truncated picture"),
        (cut(encoded(noise(), "TIFF", compression="tiff_lzw")), "broken picture"),
        (encoded(noise())[:20], "truncated picture"),
        (encoded(noise())[:60] + bytes(200) + encoded(noise())[260:], "broken picture"),
        (png_bomb(8000), "too large a picture"),
        (png_bomb(12_000), "too large a picture"),
        (png_bomb(60_000), "too large a picture"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_used_says_why(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(content)
    for source in (content, path):
        for read in (open_image, lambda each: read_image(each, PHOTO)):
            with pytest.raises(PictureError) as raised:
                read(source)
            assert raised.value.reason == reason
            assert str(raised.value).endswith(".")
    assert str(path) in str(raised.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="cannot be read") as raised:
        read_image(tmp_path / "none.png", PHOTO)
    assert raised.value.reason == "unreadable file"


def test_a_lazy_image_that_is_truncated() -> None:
    image = Image.open(io.BytesIO(cut(encoded(noise(), "JPEG"), 0.8)))
    with pytest.raises(PictureError, match="truncated"):
        image_pixels(image, PHOTO)


def test_the_limit_is_on_what_is_decoded() -> None:
    """A photo of a modern phone is read, at an eighth of its size."""
    content = encoded(Image.new("L", (9000, 6000), 77), "JPEG")
    assert MAX_PIXELS < 9000 * 6000
    picture = read_image(content, GREY)
    assert (picture.width, picture.height) == (9000, 6000)
    assert (picture.pixels == 77).all()
    with pytest.raises(PictureError, match="larger than 50 million pixels"):
        open_image(content)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"]),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=8),
    st.floats(0, 1),
)
def test_damage_is_never_anything_but_a_picture_error(
    format: str, changes: list[tuple[float, int]], end: float
) -> None:
    content = bytearray(encoded(scene(24, 16), format))
    for place, value in changes:
        content[min(int(place * len(content)), len(content) - 1)] = value
    with suppress(PictureError):
        picture = read_image(cut(bytes(content), max(end, 0.3)), PHOTO)
        assert picture.pixels.shape == (32, 32, 3)


# --- Sizes ----------------------------------------------------------------------------------------


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


# --- Drawings -------------------------------------------------------------------------------------


def on_colours(ink: Image.Image, pen: str, paper: str) -> Image.Image:
    return Image.composite(Image.new("RGB", ink.size, pen), Image.new("RGB", ink.size, paper), ink)


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


# --- Guessing -------------------------------------------------------------------------------------


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
