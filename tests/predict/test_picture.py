"""Drawings are drawn in many ways, read back, and compared with what `raster.render` makes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from drawn import DRAWINGS, PEN, SPEC, away, dark_on_light, encoded
from PIL import Image, ImageDraw, ImageFilter

from doodlewise.drawing import Drawing
from doodlewise.errors import PictureError
from doodlewise.predict.picture import PictureReading, picture_to_pixels
from doodlewise.raster import RenderSpec, render

SHARED = Path(__file__).resolve().parents[3] / "shared/data/quickdraw"


@pytest.fixture(params=DRAWINGS)
def drawing(request: pytest.FixtureRequest) -> Drawing:
    return Drawing.from_strokes(DRAWINGS[request.param])


# --- Clean pictures -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "width", "most"),
    [
        (28, 8, 20),
        (28, 28, 12),
        (64, 4, 10),
        (64, 16, 6),
        (64, 40, 12),
        (128, 8, 5),
        (255, 4, 5),
        (255, 16, 5),
        (512, 8, 5),
        (512, 28, 7),
    ],
)
def test_any_size_and_pen(drawing: Drawing, side: int, width: float, most: float) -> None:
    spec = RenderSpec(side=side, line_width=width)
    reading = picture_to_pixels(dark_on_light(drawing, spec), SPEC)
    assert away(reading.pixels, drawing) < most
    if side >= 255:
        assert reading.line_width == pytest.approx(width * spec.pixels_per_unit, rel=0.2, abs=0.5)


@pytest.mark.parametrize("spec", [SPEC, RenderSpec(side=64, line_width=8), RenderSpec(padding=0)])
def test_what_is_right_already_is_not_touched(drawing: Drawing, spec: RenderSpec) -> None:
    pixels = render(drawing, spec)
    for picture in (pixels, 255 - pixels):
        reading = picture_to_pixels(Image.fromarray(picture), spec)
        assert np.array_equal(reading.pixels, pixels)
        assert reading.notes == ()


@pytest.mark.parametrize(
    "spec",
    [
        RenderSpec(side=64, line_width=8),
        RenderSpec(side=128, line_width=6, padding=4),
        RenderSpec(side=40, line_width=30, padding=0),
        RenderSpec(side=300),
    ],
    ids=lambda spec: f"{spec.side}-{spec.line_width}-{spec.padding}",
)
def test_any_render_spec(drawing: Drawing, spec: RenderSpec) -> None:
    reading = picture_to_pixels(dark_on_light(drawing), spec)
    assert away(reading.pixels, drawing, spec) < 4


def test_what_is_a_pixel_off_is_moved_back(drawing: Drawing) -> None:
    moved = np.roll(render(drawing, SPEC), 1, axis=0)
    assert away(moved, drawing) > 12
    assert away(picture_to_pixels(moved, SPEC).pixels, drawing) < 10


def test_every_polarity_gives_the_same_pixels(drawing: Drawing) -> None:
    ink = render(drawing, PEN)
    usual = picture_to_pixels(Image.fromarray(255 - ink), SPEC)
    assert usual.polarity == "dark on light"
    assert away(usual.pixels, drawing) < 5
    inverse = picture_to_pixels(Image.fromarray(ink), SPEC)
    assert inverse.polarity == "light on dark"
    assert np.array_equal(inverse.pixels, usual.pixels)
    for colour in ((0, 0, 0), (255, 255, 255), (250, 220, 40)):
        on_nothing = Image.new("RGBA", (255, 255), (*colour, 0))
        on_nothing.putalpha(Image.fromarray(ink))
        reading = picture_to_pixels(on_nothing, SPEC)
        assert reading.polarity == "drawn on transparency"
        assert np.array_equal(reading.pixels, usual.pixels)


@pytest.mark.parametrize(
    ("paper", "ink"),
    [
        ("white", "gold"),
        ("blue", "white"),
        ("black", "red"),
        ("#ff0000", "#00827f"),
        ("#777", "black"),
        ("#777", "white"),
    ],
)
def test_colours(paper: str, ink: str) -> None:
    drawing = Drawing.from_strokes(DRAWINGS["face"])
    mask = Image.fromarray(render(drawing, PEN))
    picture = Image.composite(
        Image.new("RGB", mask.size, ink), Image.new("RGB", mask.size, paper), mask
    )
    assert away(picture_to_pixels(picture, SPEC).pixels, drawing) < 5


def test_small_and_off_centre_on_a_large_canvas(drawing: Drawing) -> None:
    canvas = Image.new("L", (2400, 1800), 255)
    canvas.paste(dark_on_light(drawing, RenderSpec(side=150, line_width=10)), (1900, 100))
    reading = picture_to_pixels(canvas, SPEC)
    assert away(reading.pixels, drawing) < 6
    assert {"the ink was off-centre", "the ink was small"} <= set(reading.notes)
    left, top, right, bottom = reading.ink_box
    assert 1900 < left < right < 2050
    assert 100 < top < bottom < 250


def test_grey_ink_that_differs_from_stroke_to_stroke(drawing: Drawing) -> None:
    """As in the Kaggle Doodle Dataset: 255 x 255, 2 pixels wide, 90 to 155, not centred."""
    big = Image.new("L", (1020, 1020), 255)
    pen = ImageDraw.Draw(big)
    for stroke, grey in zip(drawing.strokes, (90, 155, 120, 150), strict=False):
        points = [(4.0 * x, 4.0 * y) for x, y in stroke.tolist()]
        pen.line(points, fill=grey, width=8, joint="curve")
        for x, y in points:
            pen.ellipse((x - 4, y - 4, x + 4, y + 4), fill=grey)
    reading = picture_to_pixels(big.reduce(4), SPEC)
    assert away(reading.pixels, drawing) < 7


def test_a_pen_whose_pressure_changes() -> None:
    drawing = Drawing.from_strokes(DRAWINGS["zigzag"])
    picture = Image.new("L", (300, 300), 255)
    pen = ImageDraw.Draw(picture)
    start = drawing.points[:-1].repeat(100, axis=0)
    stop = drawing.points[1:].repeat(100, axis=0)
    share = np.tile(np.linspace(0, 1, 100), len(drawing.points) - 1)[:, None]
    for number, (x, y) in enumerate((start + share * (stop - start) + 20).tolist()):
        half = 5 + 3 * np.sin(number / 40)
        pen.ellipse((x - half, y - half, x + half, y + half), fill=0)
    assert away(picture_to_pixels(picture, SPEC).pixels, drawing) < 10


def test_a_frame_around_the_picture_is_left_out(drawing: Drawing) -> None:
    picture = dark_on_light(drawing)
    ImageDraw.Draw(picture).rectangle((0, 0, 254, 254), outline=30, width=2)
    reading = picture_to_pixels(picture, SPEC)
    assert away(reading.pixels, drawing) < 5
    assert "a frame around the picture was left out" in reading.notes


def test_cut_to_the_ink(drawing: Drawing) -> None:
    ink = Image.fromarray(render(drawing, PEN))
    picture = Image.fromarray(255 - np.asarray(ink.crop(ink.getbbox())))
    assert away(picture_to_pixels(picture, SPEC).pixels, drawing) < 6


def test_specks_are_left_out_but_eyes_are_not() -> None:
    drawing = Drawing.from_strokes(DRAWINGS["face"])
    picture = np.asarray(dark_on_light(drawing, RenderSpec(side=400, line_width=8))).copy()
    picture[3, 3] = picture[390:392, 200] = 0
    reading = picture_to_pixels(Image.fromarray(picture), SPEC)
    assert away(reading.pixels, drawing) < 5
    assert "2 specks were left out" in reading.notes


# --- Pictures with light, grain and compression ---------------------------------------------------


def photo(drawing: Drawing, shadow: float = 0.0, chalk: bool = False) -> Image.Image:
    side = 480
    random = np.random.default_rng(3)
    spec = RenderSpec(side=side, line_width=7, padding=60)
    cover = Image.fromarray(render(drawing, spec)).filter(ImageFilter.GaussianBlur(1))
    ink = np.asarray(cover)[:, :, None] / 255
    y, x = np.mgrid[0:side, 0:side] / side
    light = 0.6 + 0.25 * x + 0.1 * y
    light *= 1 - shadow / (1 + np.exp(-40 * (x - 0.7 * y - 0.3)))
    paper, pen = np.array([250, 240, 220]), np.array([50, 50, 70])
    if chalk:
        paper, pen = np.array([50, 70, 60]), np.array([210, 210, 200])
    noisy = (paper * (1 - ink) + pen * ink) * light[:, :, None] + random.normal(
        0, 5, (side, side, 3)
    )
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize(
    ("shadow", "chalk"), [(0.0, False), (0.4, False), (0.0, True)], ids=["light", "shadow", "chalk"]
)
def test_photos(drawing: Drawing, shadow: float, chalk: bool) -> None:
    reading = picture_to_pixels(encoded(photo(drawing, shadow, chalk), "JPEG", quality=80), SPEC)
    assert away(reading.pixels, drawing) < 5
    assert reading.polarity == ("light on dark" if chalk else "dark on light")
    assert "the paper was not evenly lit, or had a grain" in reading.notes


def test_a_sheet_of_paper_on_a_dark_table(drawing: Drawing) -> None:
    table = Image.fromarray(
        np.random.default_rng(0).normal(60, 6, (620, 600)).clip(0, 255).astype(np.uint8)
    ).convert("RGB")
    table.paste(photo(drawing), (70, 80))
    assert away(picture_to_pixels(table, SPEC).pixels, drawing) < 5


def test_a_filled_shape_on_a_photo_stays_filled() -> None:
    y, x = np.mgrid[0:480, 0:480]
    light = 130 + 0.12 * x + 0.05 * y + np.random.default_rng(0).normal(0, 3, (480, 480))
    sheet = np.where(np.hypot(x - 240, y - 240) < 150, 0.12 * light, light)
    pixels = picture_to_pixels(sheet.astype(np.uint8), SPEC).pixels
    assert pixels[8:20, 8:20].min() == 255
    assert pixels[0].max() == 0


def test_jpeg_speckle_and_faint_pencil(drawing: Drawing) -> None:
    reading = picture_to_pixels(encoded(dark_on_light(drawing), "JPEG", quality=40), SPEC)
    assert away(reading.pixels, drawing) < 6
    cover = render(drawing, RenderSpec(side=400, line_width=6)) / 255
    grain = np.random.default_rng(0).normal(0, 1.5, cover.shape)
    pencil = Image.fromarray((236 - 35 * cover + grain).astype(np.uint8))
    reading = picture_to_pixels(pencil, SPEC)
    assert away(reading.pixels, drawing) < 6
    assert "the ink was faint" in reading.notes


# --- Shapes, dots and what touches the border -----------------------------------------------------


def test_a_filled_shape_is_not_thinned_away() -> None:
    picture = Image.new("L", (300, 300), 255)
    ImageDraw.Draw(picture).ellipse((90, 60, 230, 200), fill=0)
    reading = picture_to_pixels(picture, SPEC)
    y, x = np.mgrid[0:28, 0:28] + 0.5
    from_middle = np.hypot(x - 14, y - 14)
    radius = (255 + SPEC.line_width) / 2 * SPEC.pixels_per_unit
    assert (reading.pixels[from_middle < radius - 1] == 255).all()
    assert (reading.pixels[from_middle > radius + 1] == 0).all()
    assert "a filled shape was taken as it is" in reading.notes


def test_a_large_shape_with_a_margin_is_ink_though_it_is_most_of_the_picture() -> None:
    picture = Image.new("L", (200, 200), 255)
    ImageDraw.Draw(picture).ellipse((12, 12, 188, 188), fill=0)
    reading = picture_to_pixels(picture, SPEC)
    assert reading.polarity == "dark on light"
    assert reading.pixels[14, 14] == 255
    assert reading.pixels[0, 0] == 0


@pytest.mark.parametrize("radius", [0, 1, 3])
def test_a_single_dot_is_a_dot_in_the_middle(radius: int) -> None:
    dot = Drawing.from_strokes([[[9, 9], [9, 9]]])
    y, x = np.mgrid[0:64, 0:64]
    picture = Image.fromarray(np.where(np.hypot(x - 40, y - 20) <= radius, 0, 255).astype(np.uint8))
    reading = picture_to_pixels(picture, SPEC)
    assert away(reading.pixels, dot) < 0.7
    assert "there was nothing but a dot" in reading.notes


@pytest.mark.parametrize("width", [1, 3, 9])
def test_a_line_along_the_border(width: int) -> None:
    picture = np.full((100, 100), 255, np.uint8)
    picture[:, :width] = 0
    reading = picture_to_pixels(picture, SPEC)
    upright = Drawing.from_strokes([[[0, 0], [0, 255]]])
    assert away(reading.pixels, upright) < 6
    assert reading.ink_box[0] == 0


def test_white_paper_with_rounded_transparent_corners(drawing: Drawing) -> None:
    picture = dark_on_light(drawing).convert("RGBA")
    corners = Image.new("L", picture.size, 0)
    ImageDraw.Draw(corners).rounded_rectangle((0, 0, 254, 254), radius=20, fill=255)
    picture.putalpha(corners)
    reading = picture_to_pixels(picture, SPEC)
    assert reading.polarity == "dark on light"
    assert away(reading.pixels, drawing) < 5
    assert "transparent parts were taken as paper" in reading.notes


@pytest.mark.parametrize(
    "picture",
    [
        Image.new("L", (1, 1), 0),
        Image.new("L", (100, 100), 0),
        Image.new("RGB", (100, 60), "white"),
        Image.new("RGBA", (100, 100), (0, 0, 0, 0)),
        Image.new("RGBA", (100, 100), (9, 9, 9, 128)),
        Image.fromarray(np.random.default_rng(0).normal(200, 5, (300, 300)).astype(np.uint8)),
        Image.fromarray((120 + np.arange(300 * 300).reshape(300, 300) / 900).astype(np.uint8)),
    ],
    ids=["1x1", "black", "white", "transparent", "half-transparent", "grain", "gradient"],
)
def test_no_ink(picture: Image.Image) -> None:
    with pytest.raises(PictureError, match=r"no ink: .* Draw something"):
        picture_to_pixels(picture, SPEC)


# --- Real drawings --------------------------------------------------------------------------------


def read_words(n: int) -> list[Drawing]:
    folder = SHARED / "simplified"
    if not folder.is_dir():
        pytest.skip(f"no real drawings at {folder}")
    drawings = []
    for path in sorted(folder.glob("*.ndjson"))[:: max(1, 345 // n)]:
        with path.open() as lines:
            drawings.append(Drawing.from_strokes(json.loads(next(lines))["drawing"]))
    return drawings


def correlation(reading: PictureReading, drawing: Drawing) -> float:
    wanted = render(drawing, SPEC)
    return float(np.corrcoef(reading.pixels.ravel(), wanted.ravel())[0, 1])


def test_real_drawings_clean_and_on_photos() -> None:
    drawings = read_words(40)
    for make, most, least in ((dark_on_light, 4.0, 0.98), (photo, 4.0, 0.97)):
        readings = [picture_to_pixels(make(drawing), SPEC) for drawing in drawings]
        pairs = list(zip(readings, drawings, strict=True))
        assert np.mean([away(reading.pixels, drawing) for reading, drawing in pairs]) < most
        assert np.mean([correlation(reading, drawing) for reading, drawing in pairs]) > least


def test_googles_own_bitmaps_pass_nearly_untouched() -> None:
    folder = SHARED / "numpy_bitmap"
    if not folder.is_dir():
        pytest.skip(f"no real bitmaps at {folder}")
    differences = []
    for path in sorted(folder.glob("*.npy")):
        for bitmap in np.load(path, mmap_mode="r")[:4].reshape(-1, 28, 28):
            pixels = picture_to_pixels(np.array(bitmap), SPEC).pixels
            differences.append(float(np.abs(pixels.astype(int) - bitmap).mean()))
    assert np.mean(differences) < 0.5
    assert np.percentile(differences, 98) < 4
