"""How well is a drawing read back from a picture of it? Beside what most demos do.

    python benchmarks/pictures.py
    python benchmarks/pictures.py --only photo --sheets /tmp/sheets

Real drawings are drawn in many ways: other sizes and pens, small and off-centre, in colours, on
nothing, as JPEG, in pencil, photographed. Each picture is read by `picture_to_pixels` and by the
naive method (to grey, resize to 28 x 28, invert if mostly light), and what comes out is compared
with what `raster.render` makes of the strokes: mean absolute difference, of 255, and correlation,
means over the drawings. Hoped for: below 12 and above 0.9 for clean pictures, above 0.8 for photos.
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from common import DATA, machine, median_and_spread, ratios, read_real, real_files
from doodlewise.drawing import Drawing, resample
from doodlewise.predict.picture import open_picture, picture_to_pixels
from doodlewise.raster import RenderSpec, render

SPEC = RenderSpec()
PEN = RenderSpec(side=255, line_width=10)

Condition = Callable[[Drawing, np.random.Generator], Image.Image]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of simplified ndjson")
    parser.add_argument("--drawings", type=int, default=150)
    parser.add_argument("--only", default="", help="conditions whose name holds this")
    parser.add_argument("--sheets", type=Path, help="folder for pictures of the worst and others")
    arguments = parser.parse_args()

    print(machine(pillow=PIL.__version__))
    ragged, _ = read_real(real_files(arguments.data), arguments.drawings)
    drawings = [ragged[row] for row in range(len(ragged))]
    print(f"{len(drawings)} drawings; mean difference of 255, the worst, correlation, time")
    print(f"{'':32} {'doodlewise':>21} {'ms':>6}   {'naive':>14}")
    ours, naive = [], []
    for name, condition in conditions().items():
        if arguments.only in name:
            of_ours, of_naive = measure(name, condition, drawings, arguments.sheets)
            ours.append(of_ours)
            naive.append(of_naive)
    # Where a picture is right already, nothing is left to divide by.
    spread = median_and_spread(ratios(naive, [max(difference, 0.1) for difference in ours]), ".1f")
    print(f"ratio of the differences, naive to doodlewise, over the conditions: {spread}")


def measure(
    name: str, condition: Condition, drawings: list[Drawing], sheets: Path | None
) -> tuple[float, float]:
    """Print one row; the mean differences of ours and of the naive method."""
    random = np.random.default_rng(0)
    ours, naive, seconds, tiles = [], [], [], []
    for drawing in drawings:
        target = render(drawing, SPEC)
        picture = open_picture(condition(drawing, random))
        start = time.perf_counter()
        pixels = picture_to_pixels(picture, SPEC).pixels
        seconds.append(time.perf_counter() - start)
        ours.append(compare(pixels, target))
        naive.append(compare(read_naively(picture), target))
        tiles.append((ours[-1][0], picture, pixels, target))
    difference, correlation = np.mean(ours, axis=0)
    naive_difference, naive_correlation = np.mean(naive, axis=0)
    worst = max(row[0] for row in ours)
    print(
        f"{name:32} {difference:6.2f} {worst:6.1f} {correlation:7.3f}"
        f" {1e3 * statistics.median(seconds):6.1f}"
        f"   {naive_difference:6.2f} {naive_correlation:7.3f}",
        flush=True,
    )
    if sheets is not None:
        sheets.mkdir(parents=True, exist_ok=True)
        draw_sheet(tiles).save(sheets / f"{name.replace(' ', '-').replace(',', '')}.png")
    return float(difference), float(naive_difference)


def compare(pixels: NDArray[np.uint8], target: NDArray[np.uint8]) -> tuple[float, float]:
    difference = float(np.abs(pixels.astype(np.float64) - target).mean())
    if pixels.std() == 0:
        return difference, 0.0
    return difference, float(np.corrcoef(pixels.ravel(), target.ravel())[0, 1])


def read_naively(picture: Image.Image) -> NDArray[np.uint8]:
    small = np.asarray(picture.convert("L").resize((28, 28)))
    return 255 - small if small.mean() > 127 else small


def draw_sheet(
    tiles: list[tuple[float, Image.Image, NDArray[np.uint8], NDArray[np.uint8]]],
) -> Image.Image:
    """The worst, then others: the picture, what was read, what it should be."""
    tiles = sorted(tiles, key=lambda tile: -tile[0])
    chosen = tiles[:12] + tiles[12 :: max(1, len(tiles) // 12)][:12]
    sheet = Image.new("RGB", (6 * 310, 4 * 105), "#88a")
    for place, (_, picture, pixels, target) in enumerate(chosen):
        x, y = place % 6 * 310, place // 6 * 105
        shown = picture.convert("RGBA").resize((100, 100), Image.Resampling.BOX)
        sheet.paste(shown, (x, y), shown)
        for column, small in enumerate((pixels, target), 1):
            big = Image.fromarray(small).resize((100, 100), Image.Resampling.NEAREST)
            sheet.paste(big, (x + 102 * column, y))
    return sheet


def conditions() -> dict[str, Condition]:
    named: dict[str, Condition] = {"native 28": lambda d, _: Image.fromarray(render(d, SPEC))}
    for side in (28, 64, 128, 255, 512):
        for width in (4, 8, 16, 28, 40):
            spec = RenderSpec(side=side, line_width=width)
            named[f"side {side} line {width}"] = lambda d, _, spec=spec: dark_on_light(d, spec)
    named |= {
        "light on dark": lambda d, _: Image.fromarray(render(d, PEN)),
        "transparent, black": lambda d, _: on_nothing(d, PEN, (0, 0, 0)),
        "transparent, white": lambda d, _: on_nothing(d, PEN, (255, 255, 255)),
        "yellow on white": lambda d, _: coloured(d, PEN, (255, 255, 255), (250, 220, 40)),
        "white on blue": lambda d, _: coloured(d, PEN, (20, 60, 220), (255, 255, 255)),
        "off-centre, small on 600 x 400": lambda d, r: somewhere(d, r, 100, (600, 400)),
        "off-centre, tiny on 2000 x 2000": lambda d, r: somewhere(d, r, 160, (2000, 2000)),
        "Kaggle Doodle Dataset": kaggle,
        "JPEG 60, line 10": lambda d, _: jpeg(dark_on_light(d, PEN), 60),
        "JPEG 30, line 10": lambda d, _: jpeg(dark_on_light(d, PEN), 30),
        "screen shot with frame": framed,
        "cut tight": lambda d, _: cut_tight(dark_on_light(d, PEN)),
        "pen of 1 pixel, no grey": pixel_pen,
        "pen pressure": brush,
        "felt pens of many colours": felt_pens,
        "pencil, faint": pencil,
        "ruled paper": ruled,
        "photo 512": lambda d, r: photo(d, r, 512),
        "photo 256": lambda d, r: photo(d, r, 256),
        "photo 1024": lambda d, r: photo(d, r, 1024),
        "photo with hard shadow": lambda d, r: photo(d, r, 512, hard=True),
        "photo, blackboard": lambda d, r: photo(d, r, 512, chalk=True),
        "photo, sheet on a dark table": on_table,
    }
    return named


def dark_on_light(drawing: Drawing, spec: RenderSpec) -> Image.Image:
    return Image.fromarray(255 - render(drawing, spec))


def on_nothing(drawing: Drawing, spec: RenderSpec, colour: tuple[int, int, int]) -> Image.Image:
    picture = Image.new("RGBA", (spec.side, spec.side), (*colour, 0))
    picture.putalpha(Image.fromarray(render(drawing, spec)))
    return picture


def coloured(
    drawing: Drawing, spec: RenderSpec, paper: tuple[int, int, int], ink: tuple[int, int, int]
) -> Image.Image:
    mask = Image.fromarray(render(drawing, spec))
    return Image.composite(
        Image.new("RGB", mask.size, ink), Image.new("RGB", mask.size, paper), mask
    )


def somewhere(
    drawing: Drawing, random: np.random.Generator, side: int, size: tuple[int, int]
) -> Image.Image:
    canvas = Image.new("L", size, 255)
    small = dark_on_light(drawing, RenderSpec(side=side, line_width=10, padding=0))
    at = [int(random.integers(0, space - side + 1)) for space in size]
    canvas.paste(small, (at[0], at[1]))
    return canvas


def kaggle(drawing: Drawing, random: np.random.Generator) -> Image.Image:
    """255 x 255, lines of 2 pixels, each stroke of another grey, no centring."""
    big = Image.new("L", (1020, 1020), 255)
    pen = ImageDraw.Draw(big)
    for stroke in drawing.strokes:
        grey = int(random.integers(90, 156))
        draw_line(pen, stroke * 4, grey, 8)
    return big.reduce(4)


def draw_line(
    pen: ImageDraw.ImageDraw, points: NDArray[np.float32], colour: int | str, width: int
) -> None:
    """A line with round ends, and a dot where it has no length."""
    pen.line([(x, y) for x, y in points.tolist()], fill=colour, width=width, joint="curve")
    for x, y in points[[0, -1]].tolist():
        half = (width - 1) / 2
        pen.ellipse((x - half, y - half, x + half, y + half), fill=colour)


def jpeg(picture: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file)


def framed(drawing: Drawing, _: np.random.Generator) -> Image.Image:
    picture = dark_on_light(drawing, RenderSpec(side=300, line_width=8, padding=30)).convert("RGB")
    ImageDraw.Draw(picture).rectangle((0, 0, 299, 299), outline=(40, 40, 40), width=2)
    return picture


def cut_tight(picture: Image.Image) -> Image.Image:
    return picture.crop(picture.point(lambda level: 255 - level).getbbox())


def pixel_pen(drawing: Drawing, _: np.random.Generator) -> Image.Image:
    picture = Image.new("1", (300, 300), 1)
    pen = ImageDraw.Draw(picture)
    for stroke in drawing.strokes:
        draw_line(pen, stroke + 20, 0, 1)
    return picture


def brush(drawing: Drawing, random: np.random.Generator) -> Image.Image:
    """Lines of 4 to 12 units, as the hand presses."""
    picture = Image.new("L", (1200, 1200), 255)
    pen = ImageDraw.Draw(picture)
    for stroke in drawing.strokes:
        points = resample(stroke.astype(np.float64) * 4 + 80)
        phase, period = random.uniform(0, 6.28), random.uniform(20, 60)
        for number, (x, y) in enumerate(points.tolist()):
            half = 2 * (8 + 4 * np.sin(phase + number / period))
            pen.ellipse((x - half, y - half, x + half, y + half), fill=0)
    return picture.reduce(3)


def felt_pens(drawing: Drawing, random: np.random.Generator) -> Image.Image:
    colours = ["red", "blue", "gold", "green", "black", "orange", "deepskyblue", "hotpink"]
    picture = Image.new("RGB", (900, 900), "white")
    pen = ImageDraw.Draw(picture)
    for stroke in drawing.strokes:
        draw_line(pen, stroke * 3 + 60, colours[int(random.integers(len(colours)))], 24)
    return picture.reduce(2)


def ruled(drawing: Drawing, random: np.random.Generator) -> Image.Image:
    """A photo of a page with faint blue lines."""
    picture = photo(drawing, random, 600).convert("RGB")
    lines = Image.new("RGB", picture.size, "white")
    pen = ImageDraw.Draw(lines)
    for y in range(20, 600, 30):
        pen.line((0, y, 599, y + 6), fill=(190, 205, 235), width=2)
    return ImageChops.multiply(picture, lines)


def pencil(drawing: Drawing, random: np.random.Generator) -> Image.Image:
    cover = render(drawing, RenderSpec(side=400, line_width=5)) / 255.0
    grain = random.normal(0.0, 1.5, cover.shape)
    return Image.fromarray(np.clip(236 - 40 * cover + grain, 0, 255).astype(np.uint8))


def photo(
    drawing: Drawing,
    random: np.random.Generator,
    side: int,
    *,
    hard: bool = False,
    chalk: bool = False,
) -> Image.Image:
    """Paper with a colour, light from one side, a lens that blurs, a sensor that is noisy."""
    spec = RenderSpec(side=side, line_width=float(random.uniform(5, 12)), padding=60)
    cover = Image.fromarray(render(drawing, spec)).filter(ImageFilter.GaussianBlur(side / 500))
    ink = np.asarray(cover)[:, :, None] / 255.0
    y, x = np.mgrid[0:side, 0:side] / side
    angle = random.uniform(0.0, 2.0 * np.pi)
    light = 0.75 + 0.3 * (np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5))
    if hard:
        edge = (np.sin(angle) * (x - 0.4) + np.cos(angle) * (y - 0.6)) * side / 8
        light *= 1.0 - 0.35 / (1.0 + np.exp(-edge))
    paper, pen = np.array([250.0, 240.0, 220.0]), np.array([50.0, 50.0, 70.0])
    if chalk:
        paper, pen = np.array([50.0, 70.0, 60.0]), np.array([210.0, 210.0, 200.0])
    colours = (paper * (1 - ink) + pen * ink) * light[:, :, None]
    noise = random.normal(0.0, 5.0, (side, side, 1)) + random.normal(0.0, 2.0, (side, side, 3))
    return jpeg(Image.fromarray(np.clip(colours + noise, 0, 255).astype(np.uint8)), 80)


def on_table(drawing: Drawing, random: np.random.Generator) -> Image.Image:
    sheet = photo(drawing, random, 420).convert("RGBA")
    sheet = sheet.rotate(float(random.uniform(-2, 2)), Image.Resampling.BICUBIC, expand=True)
    grain = random.normal(60.0, 6.0, (512, 512, 3))
    table = Image.fromarray(np.clip(grain, 0, 255).astype(np.uint8)).convert("RGBA")
    table.alpha_composite(sheet, (50, 50))
    return jpeg(table.convert("RGB"), 80)


if __name__ == "__main__":
    main()
