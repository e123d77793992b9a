"""What may be wrong with a picture though its ink was found, and place and pen are mended.

Each symptom is a function of a `Subject`, which gives a `Finding` or None. The thresholds were
chosen on real drawings of one half of the words and are measured on the other half, by
`benchmarks/doctor.py`: what is said about a good picture is worse than what is not said.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .findings import Finding, found
from .ink import Ink
from .inkframe import Framed
from .pixelgrid import label_pieces, local_max, pooled

__all__ = ["Subject", "symptoms"]

SMALLEST = 40
"""Ink whose longer side has fewer pixels is too coarse to tell more about it."""
BLURRED, SOFT_PIXELS = 0.023, 4.5
"""Edges as wide as this share of the drawing, and this many pixels, are blurred; those of photos
are half as wide."""
WIDE_GAP, LEAST_SHARE = 0.2, 0.25
"""Drawings are apart by this share of the longer side, and each has this share of the ink."""
FILLED = 0.2
"""From this share of the ink being deep inside areas on, a drawing has filled areas."""
PALE = 0.3
"""Ink that differs less from the paper when it is grey, as a share of black on white, is pale."""
COLOURED, SHARE_OF_COLOUR = 70, 0.12
"""Least difference of two channels of a colour, levels; least share of the ink that has it."""


@dataclass(frozen=True, eq=False, slots=True)
class Subject:
    """A picture and what was found in it.

    Attributes:
        picture: mode L, RGB or RGBA.
        box: left, top, right, bottom of the ink, in pixels of the picture.
        ink: of the picture shrunk by `shrunk`.
        framed: the same ink as the network wants it.
        shrunk: pixels of the picture to one of `ink.strength`.
    """

    picture: Image.Image
    box: tuple[int, int, int, int]
    ink: Ink
    framed: Framed
    shrunk: int


def symptoms(subject: Subject) -> list[Finding]:
    """What else may be wrong with a picture."""
    if max(subject.ink.strength.shape) < SMALLEST:
        return []
    every = [blurred(subject)]
    # Depth tells little where lines are made of haze.
    if every == [None] and subject.framed.kind == "strokes":
        every += [filled(subject)]
    every += [cropped(subject), several(subject)]
    return [each for each in (*every, *colours(subject)) if each is not None]


def blurred(subject: Subject) -> Finding | None:
    """Whether the edges of the lines are wide."""
    strength = np.minimum(subject.ink.strength, 1.0)
    slope = np.hypot(np.gradient(strength, axis=0), np.gradient(strength, axis=1))
    steep = slope[slope > 0.02]
    if len(steep) < 20:
        return None
    edge = 1.0 / float(np.percentile(steep, 90))
    if edge < SOFT_PIXELS or edge < BLURRED * max(strength.shape):
        return None
    return found("blurred", edge=edge * subject.shrunk)


def cropped(subject: Subject) -> Finding | None:
    """Whether lines run straight out of the picture.

    Where a line only touches the border it is narrower there than half its width further in.
    """
    left, top, right, bottom = subject.box
    width, height = subject.picture.size
    mask = subject.ink.strength > 0.5
    line = max(subject.framed.narrow_width, 1.0)
    sides = {
        "left": (left <= 0, mask.T),
        "top": (top <= 0, mask),
        "right": (right >= width, mask.T[::-1]),
        "bottom": (bottom >= height, mask[::-1]),
    }
    cut = [name for name, (at_border, grid) in sides.items() if at_border and _runs_out(grid, line)]
    return found("cropped", side=" and ".join(cut)) if cut else None


def _runs_out(mask: NDArray[np.bool_], line: float) -> bool:
    """Whether a line crosses the first row of a mask."""
    depth = max(round(0.6 * line), 2)
    if len(mask) < 4 * depth:
        return False
    change = np.diff(mask[0].astype(np.int8), prepend=0, append=0)
    starts, ends = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    for start, end in zip(starts, ends, strict=True):
        at_border = end - start
        if not 0.6 * line <= at_border <= 3.0 * line:
            continue
        reach = round(1.5 * line) + 1
        around = slice(max(start - reach, 0), end + reach)
        inside = [int(mask[row, around].sum()) for row in (depth, 2 * depth)]
        if min(inside) > 0 and at_border >= 0.8 * max(inside):
            return True
    return False


def several(subject: Subject) -> Finding | None:
    """Whether the ink lies in groups far from each other."""
    mask = subject.ink.strength > 0.5
    cell = -(-max(mask.shape) // 96)
    coarse = pooled(mask, cell, np.maximum)
    reach = max(1, round(0.5 * WIDE_GAP * max(coarse.shape)))
    groups = label_pieces(local_max(np.pad(coarse, reach).view(np.uint8), reach) > 0)
    inner = groups[reach:-reach, reach:-reach]
    ink = np.bincount(inner[coarse], minlength=2)[1:]
    n = int((ink >= LEAST_SHARE * ink.sum()).sum())
    return found("several", n=n) if n >= 2 else None


def filled(subject: Subject) -> Finding | None:
    """Whether much of the ink is not of lines."""
    share = subject.framed.deep
    return found("filled", share=share) if share > FILLED else None


def colours(subject: Subject) -> list[Finding]:
    """Whether the ink has several colours, or one that is lost in grey."""
    if subject.picture.mode != "RGB":
        return []
    left, top = subject.box[:2]
    step = subject.shrunk
    height, width = subject.ink.strength.shape
    inside = subject.picture.crop((left, top, left + width * step, top + height * step))
    rgb = np.asarray(inside.reduce(step) if step > 1 else inside).astype(np.int16)
    strong = subject.ink.strength > 0.7
    paper = subject.ink.strength < 0.05
    if strong.sum() < 20 or paper.sum() < 20:
        return []
    findings = []
    grey = rgb @ np.array([0.299, 0.587, 0.114])
    contrast = abs(float(np.median(grey[strong]) - np.median(grey[paper]))) / 255.0
    if contrast < PALE and contrast < 0.5 * subject.ink.contrast:
        findings.append(found("pale-colour", contrast=contrast))
    ink = rgb[strong]
    is_coloured = np.ptp(ink, axis=1) > COLOURED
    sector = np.where(is_coloured, _hue_sector(ink), 6)
    if (np.bincount(sector, minlength=7) > SHARE_OF_COLOUR * len(ink)).sum() >= 2:
        findings.append(found("colours"))
    return findings


def _hue_sector(rgb: NDArray[np.int16]) -> NDArray[np.int64]:
    """Red, yellow, green, cyan, blue or magenta, 0 to 5, of each colour."""
    middle = (rgb.max(axis=1) + rgb.min(axis=1)) // 2
    high = (rgb > middle[:, None]).astype(np.int64) @ np.array([1, 2, 4])
    sectors: NDArray[np.int64] = np.array([0, 0, 2, 1, 4, 5, 3, 0])[high]
    return sectors
