"""How fast strokes become pixels on one core, and against OpenCV at equal quality.

    python benchmarks/rasteriser.py

Drawings a second of the compiled rasteriser, without and with variation, of the torch one on the
CPU and of the NumPy reference, on real drawings in batches of 256. Hoped for: 100,000 at 28
pixels and 40,000 at 64.

OpenCV draws polylines on a larger canvas and shrinks it (INTER_AREA). How good that is depends on
the factor, the kind of line and the thickness, a whole number. Quality is the mean absolute
difference, of 255, from the exact area that the pen covers: the same drawing at about 1000 pixels,
averaged. For each factor and kind of line the best thickness is taken, and of all that are at
least as good as ours, the fastest is the *rival*; hoped for: 8 times its rate. The usual way (8x,
LINE_8, the thickness rounded) is timed beside it. The difference from our own definition is printed
too, but not used: by it, ours would be perfect.

All get points as a store holds them and have to scale and centre them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from common import (
    DATA,
    in_turn,
    machine,
    median_and_spread,
    ratios,
    read_real,
    real_files,
    use_cores,
)
from doodlewise.augment import Augment
from doodlewise.data.augment import render_augmented
from doodlewise.data.catalog import MIRROR_UNSAFE
from doodlewise.ragged import Ragged, offsets_of
from doodlewise.raster import FITTED_FROM, RenderSpec, render_many
from doodlewise.raster_host import render_rows
from doodlewise.raster_torch import render_tensor

BATCH = 256
EVERY = 1 << 30
EXACT_SIDE = 1024
FRACTION_BITS = 8
THINNER = 4
"""OpenCV's lines come out wider than asked, so thicknesses below the right one are tried too."""
LINES = {"LINE_8": cv2.LINE_8, "LINE_AA": cv2.LINE_AA}
OURS = "render_rows"


@dataclass(frozen=True, slots=True)
class Polylines:
    """A way of drawing with OpenCV.

    Attributes:
        factor: by which the canvas is larger.
        line: name of the kind of line.
        thickness: pixels of the larger canvas.
    """

    factor: int
    line: str
    thickness: int

    def __str__(self) -> str:
        return f"OpenCV {self.factor}x {self.line} thickness {self.thickness}"


@dataclass(frozen=True, slots=True)
class Quality:
    """How a way of drawing does: mean absolute differences of 255, and a rough rate."""

    from_exact: float
    from_definition: float
    rate: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of simplified ndjson")
    parser.add_argument("--drawings", type=int, default=20_000)
    parser.add_argument(
        "--judged", type=int, default=400, help="drawings that quality is judged on"
    )
    parser.add_argument("--sides", type=int, nargs="+", default=[28, 64])
    parser.add_argument("--factors", type=int, nargs="+", default=[4, 5, 6, 7, 8, 9, 10, 12, 16])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each way in each round")
    arguments = parser.parse_args()
    use_cores(1)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    drawings, words = read_real(real_files(arguments.data), arguments.drawings)
    print(machine(OpenCV=cv2.__version__))
    print(f"{len(drawings):,} drawings of {len(set(words))} words, {arguments.rounds} rounds")
    compared = [
        measure(drawings, words, RenderSpec(side=side), arguments) for side in arguments.sides
    ]
    print("ratio of render_rows to OpenCV: " + "; ".join(compared))


def measure(
    drawings: Ragged, words: list[str], spec: RenderSpec, arguments: argparse.Namespace
) -> str:
    """Print both tables of a side; the ratios in words."""
    rival = judge(drawings.slice(0, arguments.judged), spec, arguments.factors)
    usual = usual_way(spec)
    ways: dict[str, Callable[[], float]] = {}
    for name, (draw, n) in ways_of(drawings, words, spec, (rival, usual)).items():
        ways[name] = partial(rate_of, draw, min(n, len(drawings)), arguments.seconds)
    rates = in_turn(ways, arguments.rounds)
    print(f"\n{spec.side:2} pixels{'drawings/s (least to most)':>60}")
    for name, values in rates.items():
        print(f"{name:36}{median_and_spread(values):>34}")
    to_rival, to_usual = (
        median_and_spread(ratios(rates[OURS], rates[str(way)]), ".1f") for way in (rival, usual)
    )
    return f"{spec.side} pixels {to_rival} to the rival, {to_usual} to the usual way"


def ways_of(
    drawings: Ragged, words: list[str], spec: RenderSpec, others: Sequence[Polylines]
) -> dict[str, tuple[Callable[[int, int], object], int]]:
    """What draws the rows from first to last, and how many drawings are enough to time it."""
    may_mirror = np.array([word not in MIRROR_UNSAFE for word in words])
    augment = Augment()

    def augmented(first: int, last: int) -> None:
        rows = np.arange(first, last)
        seeds = rows.astype(np.uint64)
        render_augmented(
            drawings, spec, augment, rows=rows, seeds=seeds, may_mirror=may_mirror[first:last]
        )

    def polylines(way: Polylines, first: int, last: int) -> None:
        draw_polylines(drawings.slice(first, last), spec, way)

    return {
        OURS: (lambda first, last: render_rows(drawings, spec, np.arange(first, last)), EVERY),
        **{str(way): (partial(polylines, way), EVERY) for way in others},
        "render_augmented": (augmented, EVERY),
        "render_tensor on the CPU": (
            lambda first, last: render_tensor(drawings.slice(first, last), spec),
            4 * BATCH,
        ),
        "NumPy reference": (lambda f, t: render_many(drawings.slice(f, t), spec), BATCH // 4),
    }


def rate_of(draw: Callable[[int, int], object], n: int, seconds: float) -> float:
    """Drawings a second, over whole passes through n drawings that take so long, or longer."""
    done, started = 0, time.perf_counter()
    while True:
        for first in range(0, n, BATCH):
            draw(first, min(first + BATCH, n))
        done += n
        took = time.perf_counter() - started
        if took >= seconds:
            return done / took


def judge(drawings: Ragged, spec: RenderSpec, factors: Sequence[int]) -> Polylines:
    """Print how good ours and OpenCV are; the fastest of OpenCV's ways that is as good as ours."""
    exact = draw_exactly(drawings, spec)
    definition = render_many(drawings, spec)[:, 0]

    def quality(draw: Callable[[], NDArray[np.uint8]]) -> Quality:
        draw()
        started = time.perf_counter()
        images = draw()
        rate = len(drawings) / (time.perf_counter() - started)
        return Quality(difference(images, exact), difference(images, definition), rate)

    def best_thickness(factor: int, line: str) -> tuple[Polylines, Quality]:
        right = rounded_thickness(spec, factor)
        every = [Polylines(factor, line, t) for t in range(max(right - THINNER, 1), right + 2)]
        judged = [(way, quality(partial(draw_polylines, drawings, spec, way))) for way in every]
        return min(judged, key=lambda pair: pair[1].from_exact)

    ours = quality(lambda: render_rows(drawings, spec)[:, 0])
    pairs = [best_thickness(factor, line) for factor in factors for line in LINES]
    found: dict[Polylines, Quality] = dict(pairs)
    print(f"\n{spec.side:2} pixels, mean difference of 255: from exact, from our definition; rate")
    for name, each in [(OURS, ours), *((str(way), each) for way, each in pairs)]:
        print(f"{name:36}{each.from_exact:8.2f}{each.from_definition:8.2f}{each.rate:12,.0f}")
    as_good = [way for way, each in found.items() if each.from_exact <= ours.from_exact]
    if as_good:
        rival = max(as_good, key=lambda way: found[way].rate)
        print(f"the rival is {rival}")
        return rival
    print(f"none is as good as {OURS}, so the rival is the usual way")
    return usual_way(spec)


def usual_way(spec: RenderSpec) -> Polylines:
    return Polylines(8, "LINE_8", rounded_thickness(spec, 8))


def rounded_thickness(spec: RenderSpec, factor: int) -> int:
    """The width of the pen on the larger canvas, to the nearest pixel."""
    return max(round(2 * spec.half_width * factor), 1)


def difference(images: NDArray[np.uint8], target: NDArray[np.generic]) -> float:
    return float(np.abs(images.astype(np.float32) - target.astype(np.float32)).mean())


def draw_exactly(drawings: Ragged, spec: RenderSpec) -> NDArray[np.float32]:
    """The area of each pixel that the pen covers, from 0 to 255."""
    factor = EXACT_SIDE // spec.side
    large = RenderSpec(side=spec.side * factor, line_width=spec.line_width, padding=spec.padding)
    exact = np.empty((len(drawings), spec.side, spec.side), np.float32)
    for row in range(len(drawings)):
        image = render_rows(drawings, large, np.array([row]))[0, 0]
        exact[row] = image.reshape(spec.side, factor, spec.side, factor).mean(axis=(1, 3))
    return exact


def draw_polylines(drawings: Ragged, spec: RenderSpec, way: Polylines) -> NDArray[np.uint8]:
    """The quickest use of OpenCV that we found: all but the drawing itself is done in one go."""
    images = np.empty((len(drawings), spec.side, spec.side), np.uint8)
    canvas = np.empty((spec.side * way.factor, spec.side * way.factor), np.uint8)
    # OpenCV counts from the middle of the first pixel, we from its corner.
    points = place_all(drawings, spec) * np.float32(way.factor) - np.float32(0.5)
    points = np.rint(points * np.float32(1 << FRACTION_BITS)).astype(np.int32)
    ends = offsets_of(drawings.stroke_lengths).tolist()
    strokes = [points[first:last] for first, last in pairwise(ends)]
    line = LINES[way.line]
    for row, (first, last) in enumerate(pairwise(drawings.stroke_offsets.tolist())):
        canvas.fill(0)
        cv2.polylines(canvas, strokes[first:last], False, 255, way.thickness, line, FRACTION_BITS)
        cv2.resize(canvas, (spec.side, spec.side), images[row], interpolation=cv2.INTER_AREA)
    return images


def place_all(drawings: Ragged, spec: RenderSpec) -> NDArray[np.float32]:
    """Steps 1 and 2 of `doodlewise.raster` for all points at once: pixels, (points, 2)."""
    points = drawings.points.astype(np.float32)
    firsts = drawings.point_offsets[:-1]
    low, high = np.minimum.reduceat(points, firsts), np.maximum.reduceat(points, firsts)
    extent = (high - low).max(axis=1)
    # All are in the frame, so none is longer than 255.
    scale = np.where((extent > 0) & (extent < FITTED_FROM), 255.0 / np.maximum(extent, 1), 1.0)
    per_drawing = np.diff(drawings.point_offsets)
    middle = np.repeat((low + high) / 2, per_drawing, axis=0)
    pixels = np.repeat((scale * spec.pixels_per_unit).astype(np.float32), per_drawing)
    placed = (points - middle) * pixels[:, None] + spec.side / 2
    return placed.astype(np.float32, copy=False)


if __name__ == "__main__":
    main()
