"""Files, bytes, images and arrays of every kind; and those that are refused."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from drawn import DRAWINGS, PEN, SPEC, away, dark_on_light, encoded
from numpy.typing import NDArray
from PIL import Image

from doodlewise.drawing import Drawing
from doodlewise.errors import PictureError
from doodlewise.predict.picture import MAX_PIXELS, open_picture, picture_to_pixels
from doodlewise.raster import render

# --- Files and arrays of every kind ---------------------------------------------------------------


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "MPO"])
def test_files_paths_and_bytes(tmp_path: Path, form: str) -> None:
    drawing = Drawing.from_strokes(DRAWINGS["face"])
    content = encoded(dark_on_light(drawing), form)
    path = tmp_path / "a doodle"
    path.write_bytes(content)
    from_path = picture_to_pixels(path, SPEC)
    assert away(from_path.pixels, drawing) < 5
    assert np.array_equal(picture_to_pixels(content, SPEC).pixels, from_path.pixels)
    assert np.array_equal(picture_to_pixels(str(path), SPEC).pixels, from_path.pixels)


@pytest.mark.parametrize(
    "mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I", "F", "LA"]
)
def test_modes(mode: str) -> None:
    drawing = Drawing.from_strokes(DRAWINGS["house"])
    picture = open_picture(
        dark_on_light(drawing).convert("RGB" if mode == "HSV" else "L").convert(mode)
    )
    assert picture.mode in ("L", "RGB")
    assert away(picture_to_pixels(picture, SPEC).pixels, drawing) < 6


def test_a_palette_with_transparent_paper() -> None:
    drawing = Drawing.from_strokes(DRAWINGS["house"])
    palette = Image.fromarray((render(drawing, PEN) > 127).astype(np.uint8))
    palette = Image.frombytes("P", palette.size, palette.tobytes())
    palette.putpalette([0, 0, 0, 20, 20, 20])
    reading = picture_to_pixels(encoded(palette, "PNG", transparency=0), SPEC)
    assert reading.polarity == "drawn on transparency"
    assert away(reading.pixels, drawing) < 6


def test_sixteen_bits() -> None:
    drawing = Drawing.from_strokes(DRAWINGS["house"])
    deep = (255 - render(drawing, PEN)).astype(np.uint16) * 257
    from_array = picture_to_pixels(deep, SPEC)
    from_file = picture_to_pixels(encoded(Image.fromarray(deep), "PNG"), SPEC)
    assert np.array_equal(from_array.pixels, from_file.pixels)
    assert away(from_file.pixels, drawing) < 5


@pytest.mark.parametrize(
    "convert",
    [
        lambda ink: ink,
        lambda ink: ink / 255,
        lambda ink: 1 - ink / np.float32(255),
        lambda ink: ink.astype(np.float64),
        lambda ink: ink.astype(np.int64),
        lambda ink: ink > 127,
        lambda ink: ink[:, :, None],
        lambda ink: np.stack([ink] * 3, axis=2),
        lambda ink: ink[::-1, ::-1][::-1, ::-1],
    ],
)
def test_arrays(convert: Callable[[NDArray[np.uint8]], NDArray[np.generic]]) -> None:
    drawing = Drawing.from_strokes(DRAWINGS["house"])
    reading = picture_to_pixels(convert(render(drawing, PEN)), SPEC)
    assert away(reading.pixels, drawing) < 6


def test_a_picture_on_its_side_is_turned_by_its_exif() -> None:
    drawing = Drawing.from_strokes(DRAWINGS["house"])
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = dark_on_light(drawing).transpose(Image.Transpose.ROTATE_90)
    reading = picture_to_pixels(encoded(turned, "JPEG", exif=exif), SPEC)
    assert away(reading.pixels, drawing) < 5


def test_the_first_frame_of_an_animation() -> None:
    drawing = Drawing.from_strokes(DRAWINGS["house"])
    other = Image.new("L", (255, 255), 0)
    content = encoded(dark_on_light(drawing), "GIF", save_all=True, append_images=[other])
    assert away(picture_to_pixels(content, SPEC).pixels, drawing) < 5


# --- What is refused ------------------------------------------------------------------------------


def bomb(width: int, height: int) -> bytes:
    """The start of a PNG that says it is so large."""

    def part(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = part(b"IHDR", header) + part(b"IDAT", zlib.compress(bytes(1000))) + part(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an image .* Save it as PNG or JPEG"),
        (b"a text that is called .png\n" * 50, "not an image .* Save it as PNG or JPEG"),
        (encoded(Image.new("L", (300, 300), 9), "PNG")[:90], "broken or truncated .* again"),
        (encoded(Image.new("L", (300, 300), 9), "JPEG")[:400], "broken or truncated .* again"),
        (bomb(30_000, 30_000), "larger than 20 million pixels. Make it smaller"),
        (bomb(11_000, 11_000), "larger than 20 million pixels. Make it smaller"),
        (bomb(5_000, 4_001), "5000 x 4001, is larger than 20 million pixels. Make it smaller"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
    ],
    ids=["empty", "text", "png", "jpeg", "bomb", "warned-bomb", "just-too-large", "eps"],
)
def test_hostile_files(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "hostile.png"
    path.write_bytes(content)
    with pytest.raises(PictureError, match=message) as of_path:
        open_picture(path)
    assert str(of_path.value).startswith(str(path))
    with pytest.raises(PictureError, match=message):
        open_picture(content)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"no picture at .* Check the path"):
        open_picture(tmp_path / "nothing.png")
    with pytest.raises(PictureError, match=r"no picture at .* Check the path"):
        open_picture(tmp_path)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((9, 9), np.nan), "NaN or infinite"),
        (np.full((9, 9), np.inf, np.float32), "NaN or infinite"),
        (np.full((9, 9), -0.5), "values from -0.5"),
        (np.full((9, 9), 300.0), "values from 300"),
        (np.full((9, 9), 70_000), "values from 70000"),
        (np.full((9, 9), -1), "values from -1"),
        (np.full((9, 9), "x"), "not numbers"),
        (np.full((9, 9), 1j), "not numbers"),
        (np.zeros(9), r"shape \(9,\)"),
        (np.zeros((9, 9, 2)), r"shape \(9, 9, 2\)"),
        (np.zeros((2, 9, 9, 3)), r"shape \(2, 9, 9, 3\)"),
        (np.zeros((0, 9)), "no pixels"),
        (np.zeros((4000, MAX_PIXELS // 4000 + 1), np.uint8), "larger than 20 million"),
    ],
)
def test_arrays_that_are_no_pictures(array: NDArray[np.generic], message: str) -> None:
    with pytest.raises(PictureError, match=message):
        open_picture(array)
