"""Files of every kind are made by Pillow, read, and compared with what they show."""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from doodlewise.errors import PictureError
from doodlewise.image import (
    ImageSpec,
    image_pixels,
    open_image,
    read_image,
)
from doodlewise.image_file import MAX_PIXELS
from made_pictures import encoded, off, scene

PHOTO = ImageSpec(32, 32, fit="stretch")
GREY = ImageSpec(32, 32, channels=1, fit="stretch")


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
