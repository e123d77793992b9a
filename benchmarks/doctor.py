"""Does the doctor name what is wrong with a picture, and is it silent about what is not?

    python benchmarks/doctor.py                       # on the words that chose nothing
    python benchmarks/doctor.py --words choosing      # on those on which thresholds were chosen

Real drawings are made wrong in one way (or, for photos and the like, in several at once), and
examined. For every way: how often each thing that is wrong with it was named, and how often the
bundled model guesses right: plain (to grey, shrunk), plain and inverted where the paper is light,
and mended. Then, for every finding: how often it is named where it is right, and where it is not.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

import pictures
from common import DATA, machine, read_real, real_files
from doodlewise.drawing import Drawing
from doodlewise.predict.classifier import Classifier, Prepared, load
from doodlewise.predict.doctor import examine
from doodlewise.predict.dump import open_dump
from doodlewise.predict.plainly import read_plainly
from doodlewise.raster import RenderSpec, render

PEN = RenderSpec(side=255)
FINE = RenderSpec(side=255, line_width=8)

Make = Callable[[Drawing, np.random.Generator], Any]

PENS = {"thin", "thick"}
PHOTO = {"thin", "small", "specks", "stretched", "off-centre", "faint"}
"""What a photo may be besides: true of some and not of others, and counted neither way."""
OF_PICTURES = {
    "light on dark": ({"thin"}, set()),
    "transparent, black": ({"transparent", "thin"}, set()),
    "transparent, white": ({"transparent", "thin"}, set()),
    "yellow on white": ({"inverted", "pale-colour", "thin"}, set()),
    "white on blue": ({"thin"}, set()),
    "off-centre, small on 600 x 400": (
        {"inverted", "small", "stretched"},
        {"off-centre", "thin", "specks"},
    ),
    "off-centre, tiny on 2000 x 2000": (
        {"inverted", "small"},
        {"off-centre", "thin", "specks"},
    ),
    "Kaggle Doodle Dataset": ({"inverted", "thin"}, {"off-centre", "small", "cropped"}),
    "JPEG 60, line 10": ({"inverted", "thin"}, set()),
    "JPEG 30, line 10": ({"inverted", "thin"}, set()),
    "screen shot with frame": ({"inverted", "frame", "thin"}, set()),
    "cut tight": ({"inverted", "thin"}, {"stretched"}),
    "pen of 1 pixel, no grey": ({"inverted", "thin"}, {"off-centre"}),
    "pen pressure": ({"inverted"}, {"thin", "off-centre"}),
    "felt pens of many colours": ({"inverted"}, {"colours", "thin", "off-centre", "pale-colour"}),
    "pencil, faint": ({"inverted", "faint", "thin"}, {"specks"}),
    "ruled paper": ({"inverted", "uneven-paper"}, PHOTO),
    "photo 512": ({"inverted", "uneven-paper"}, PHOTO),
    "photo 256": ({"inverted", "uneven-paper"}, PHOTO),
    "photo 1024": ({"inverted", "uneven-paper"}, PHOTO),
    "photo with hard shadow": ({"inverted", "uneven-paper"}, PHOTO),
    "photo, blackboard": ({"uneven-paper"}, PHOTO),
    "photo, sheet on a dark table": ({"inverted", "uneven-paper"}, PHOTO),
}
"""Of the ways of `pictures`: what is wrong, and what else may be."""
SIDES = {28, 64, 128, 255, 512}
LINES = {4: {"thin"}, 8: {"thin"}, 16: set(), 28: {"thick"}, 40: {"thick"}}


def ways() -> dict[str, tuple[Make, set[str], set[str]]]:
    """How to make a picture; what is wrong with it; what else may be."""
    theirs = pictures.conditions()
    named: dict[str, tuple[Make, set[str], set[str]]] = {
        "clean 28": (theirs["native 28"], {"own-size"}, set()),
        "clean 64": (lambda d, _: ink(d, RenderSpec(side=64)), set(), set()),
        "clean 255": (lambda d, _: ink(d, PEN), set(), set()),
        "clean 512": (lambda d, _: ink(d, RenderSpec(side=512)), set(), set()),
    }
    for side in sorted(SIDES):
        for line, wrong in LINES.items():
            name = f"side {side} line {line}"
            named[name] = (theirs[name], {"inverted"} | wrong, set())
    for name, (wrong, perhaps) in OF_PICTURES.items():
        named[name] = (theirs[name], wrong, perhaps)
    named |= {
        "28 to 280, blocks": (lambda d, _: blocks(d, 28, 280), {"inverted", "jagged"}, PENS),
        "28 to 255, blocks": (lambda d, _: blocks(d, 28, 255), {"inverted", "jagged"}, PENS),
        "64 to 500, blocks": (lambda d, _: blocks(d, 64, 500), {"inverted", "jagged"}, PENS),
        "28 to 280, smooth": (smooth, {"inverted", "blurred"}, PENS),
        "out of focus": (unsharp, {"inverted", "blurred"}, PENS),
        "cut through": (cut_through, {"inverted", "cropped"}, {"thin", "stretched", "off-centre"}),
        "two side by side": (two, {"inverted", "stretched", "several", "thin"}, set()),
        "filled with colour": (coloured_in, {"inverted", "filled"}, OTHERWISE),
        "floats 0..1": (lambda d, _: levels(d) / np.float32(255.0), {"inverted", "range"}, set()),
        "floats -1..1": (lambda d, _: levels(d) / 127.5 - 1.0, {"inverted", "range"}, set()),
        "bytes 0 and 1": (lambda d, _: (levels(d) > 127).view(np.uint8), RANGE, PENS),
        "times 255 again": (lambda d, _: levels(d) * np.uint8(255), {"inverted", "wrapped"}, set()),
        "flat, 784": (lambda d, _: render(d, RenderSpec()).ravel(), {"shape"}, {"own-size"}),
        "channels first": (channels_first, {"inverted", "shape"}, set()),
        "x and y swapped": (lambda d, _: levels(d).T.copy(), {"inverted", "orientation"}, set()),
        "upside down": (lambda d, _: levels(d)[::-1].copy(), {"inverted", "orientation"}, set()),
        "turned left": (lambda d, _: np.rot90(levels(d)), {"inverted", "orientation"}, set()),
    }  # fmt: skip
    return named


RANGE = {"inverted", "range"}
OTHERWISE = {"colours", "pale-colour", "thin", "thick", "off-centre"}


def ink(drawing: Drawing, spec: RenderSpec) -> Image.Image:
    return Image.fromarray(render(drawing, spec))


def levels(drawing: Drawing) -> NDArray[np.uint8]:
    return 255 - render(drawing, PEN)


def blocks(drawing: Drawing, small: int, large: int) -> Image.Image:
    picture = pictures.dark_on_light(drawing, RenderSpec(side=small))
    return picture.resize((large, large), Image.Resampling.NEAREST)


def smooth(drawing: Drawing, _: np.random.Generator) -> Image.Image:
    picture = pictures.dark_on_light(drawing, RenderSpec())
    return picture.resize((280, 280), Image.Resampling.BILINEAR)


def unsharp(drawing: Drawing, _: np.random.Generator) -> Image.Image:
    return pictures.dark_on_light(drawing, PEN).filter(ImageFilter.GaussianBlur(7))


def cut_through(drawing: Drawing, random: np.random.Generator) -> Image.Image:
    """A quarter to two fifths of the drawing are outside."""
    picture = pictures.dark_on_light(drawing, RenderSpec(side=300, line_width=8))
    left, top, right, bottom = picture.point(lambda level: 255 - level).getbbox() or (0, 0, 1, 1)
    share = float(random.uniform(0.25, 0.4))
    if right - left > bottom - top:
        at = round(left + share * (right - left))
        box = (at, 0, 300, 300) if random.random() < 0.5 else (0, 0, left + right - at, 300)
    else:
        at = round(top + share * (bottom - top))
        box = (0, at, 300, 300) if random.random() < 0.5 else (0, 0, 300, top + bottom - at)
    return picture.crop(box)


def two(drawing: Drawing, _: np.random.Generator) -> Image.Image:
    """The drawing, and its mirror image, a third of its size away."""
    one = pictures.dark_on_light(drawing, RenderSpec(side=300, line_width=8))
    one = one.crop(one.point(lambda level: 255 - level).getbbox())
    gap = round(0.6 * max(one.size))
    canvas = Image.new("L", (2 * one.width + gap + 60, one.height + 60), 255)
    canvas.paste(one, (30, 30))
    canvas.paste(one.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (30 + one.width + gap, 30))
    return canvas


def coloured_in(drawing: Drawing, _: np.random.Generator) -> Image.Image:
    """Every stroke is closed and filled, with a black outline."""
    picture = Image.new("RGB", (310, 310), "white")
    pen = ImageDraw.Draw(picture)
    colours = ("gold", "tomato", "skyblue", "yellowgreen")
    for number, stroke in enumerate(drawing.strokes):
        points = [(x + 27, y + 27) for x, y in stroke.tolist()]
        if len(points) > 2:
            pen.polygon(points, fill=colours[number % 4])
    for stroke in drawing.strokes:
        pictures.draw_line(pen, stroke + 27, "black", 9)
    return picture


def channels_first(drawing: Drawing, _: np.random.Generator) -> NDArray[np.uint8]:
    return np.repeat(levels(drawing)[None], 3, axis=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of simplified ndjson")
    parser.add_argument("--drawings", type=int, default=172)
    parser.add_argument("--words", choices=("choosing", "reporting"), default="reporting")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--only", default="", help="ways whose name holds this")
    arguments = parser.parse_args()

    classifier = load(arguments.model)
    files = real_files(arguments.data)[arguments.words == "reporting" :: 2]
    ragged, words = read_real(files, arguments.drawings)
    drawings = [ragged[row] for row in range(len(ragged))]
    print(machine(pillow=PIL.__version__))
    print(f"{len(drawings)} drawings of {len(files)} words; top-1 of {classifier!r}, %")
    print(f"{'':32} {'plain':>6} {'inv.':>6} {'mended':>6} {'ms':>5}   named, %")
    hits: dict[str, list[float]] = defaultdict(list)
    alarms: dict[str, list[float]] = defaultdict(list)
    rights = []
    for name, (make, wrong, perhaps) in ways().items():
        if arguments.only in name:
            counts, right, ms = measure(make, drawings, words, classifier)
            rights.append(right)
            share = {code: 100.0 * n / len(drawings) for code, n in counts.items()}
            for code in wrong:
                hits[code].append(share.get(code, 0.0))
            every = set(share) | set(alarms)
            for code in every - wrong - perhaps:
                alarms[code].append(share.get(code, 0.0))
            said = ", ".join(f"{code} {share.get(code, 0.0):.0f}" for code in sorted(wrong))
            false = {c: s for c, s in share.items() if c not in wrong | perhaps and s >= 1.0}
            also = "; false: " + ", ".join(f"{c} {s:.1f}" for c, s in false.items())
            figures = " ".join(f"{100.0 * each:6.1f}" for each in right)
            print(f"{name:32} {figures} {ms:5.0f}   {said}{also if false else ''}", flush=True)
    figures = " ".join(f"{100.0 * each:6.1f}" for each in np.mean(rights, axis=0))
    print(f"{'mean':32} {figures}")
    print_findings(hits, alarms, len(rights))


def print_findings(
    hits: dict[str, list[float]], alarms: dict[str, list[float]], n_ways: int
) -> None:
    print(f"\n{'finding':20} {'named where right, %':>22} {'where not, %':>14} {'worst way':>10}")
    for code in sorted(set(hits) | set(alarms)):
        named = f"{np.mean(hits[code]):6.1f} of {len(hits[code]):2} ways" if hits[code] else ""
        false = f"{sum(alarms[code]) / max(n_ways - len(hits[code]), 1):.2f}"
        print(f"{code:20} {named:>22} {false:>14} {max(alarms[code], default=0.0):10.1f}")


def measure(
    make: Make, drawings: list[Drawing], words: list[str], classifier: Classifier
) -> tuple[dict[str, int], list[float], float]:
    """How often each finding was named; top-1 plain, inverted if light, mended; median time."""
    random = np.random.default_rng(0)
    counts: dict[str, int] = defaultdict(int)
    plain, mended, times = [], [], []
    for drawing in drawings:
        dump = open_dump(given := make(drawing, random))
        plain.append(read_plainly(dump.plain, classifier.render))
        start = time.perf_counter()
        diagnosis = examine(given, classifier, trials=False)
        times.append(time.perf_counter() - start)
        mended.append(diagnosis.mended.pixels if diagnosis.mended else plain[-1])
        for finding in diagnosis.findings:
            counts[finding.code] += 1
    guessed_at = np.stack(plain)
    is_light = guessed_at.mean(axis=(1, 2)) > 127
    inverted = np.where(is_light[:, None, None], 255 - guessed_at, guessed_at)
    right = [
        top_1(classifier, pixels, words) for pixels in (guessed_at, inverted, np.stack(mended))
    ]
    return counts, right, 1e3 * float(np.median(times))


def top_1(classifier: Classifier, pixels: NDArray[np.uint8], words: list[str]) -> float:
    seen = classifier.see([Prepared(each[None], "") for each in pixels])
    best = seen.probabilities.argmax(axis=1)
    return float(
        np.mean([classifier.classes[i] == word for i, word in zip(best, words, strict=True)])
    )


if __name__ == "__main__":
    main()
