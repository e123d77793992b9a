"""The plain way from a picture to pixels, as most programs go it, and that way with parts mended.

To grey, shrunk to the network's size, done: `read_plainly`. `PlainWay` goes it, too, and mends on
the way only the findings that it is told to, so that one can see which of them matters.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..drawing import FRAME
from ..raster import RenderSpec
from .dump import Dump
from .inkframe import frame_ink
from .levels import mended_levels
from .picture import PictureReading

__all__ = ["MENDINGS", "PlainWay", "read_plainly"]

LEVELS = {"range", "wrapped", "not-a-number"}
PAPER = {"uneven-paper", "pale-colour", "transparent-corners"}
PEN = {"thin", "thick", "jagged", "blurred"}
AROUND = {"frame", "specks"}
PLACE = {"stretched", "off-centre", "small"}
MENDINGS = frozenset({"transparent", "inverted", "faint"} | LEVELS | PAPER | PEN | AROUND | PLACE)
"""Codes of the findings that can be mended one by one."""

LARGEST = 1280
"""Longer side to which a larger picture is shrunk by a whole factor first, which changes nothing
visible in what comes out."""
INKED = 64
"""Side of the ink that is drawn again, pixels; on the network's grid it has fewer."""


@dataclass(frozen=True, slots=True)
class _Window:
    """The part of a canvas that becomes the network's input, in pixels of the canvas."""

    x: float
    y: float
    width: float
    height: float


def read_plainly(picture: Image.Image, spec: RenderSpec) -> NDArray[np.uint8]:
    """Shrink a picture to the network's size: uint8 (side, side)."""
    return np.asarray(picture.convert("L").resize((spec.side, spec.side)))


class PlainWay:
    """The plain way of one picture, on which parts can be mended.

    Args:
        dump: the picture.
        reading: what was found in it.
        spec: what the network was trained on.
    """

    def __init__(self, dump: Dump, reading: PictureReading, spec: RenderSpec) -> None:
        self._dump, self._reading, self._spec = dump, reading, spec
        self._shrunk = -(-max(dump.picture.size) // LARGEST)
        size = tuple(-(-length // self._shrunk) for length in dump.picture.size)
        left, top, right, bottom = (edge / self._shrunk for edge in reading.ink_box)
        self._box = (
            int(left),
            int(top),
            max(int(left) + 1, min(round(right), size[0])),
            max(int(top) + 1, min(round(bottom), size[1])),
        )
        extents = (self._box[2] - self._box[0], self._box[3] - self._box[1])
        ink = Image.fromarray(np.clip(reading.ink.strength, 0.0, 1.0)).resize(extents)
        self._ink = np.zeros((size[1], size[0]), np.float32)
        self._ink[self._box[1] : self._box[3], self._box[0] : self._box[2]] = np.asarray(ink)
        self._line_width = reading.line_width / self._shrunk
        self._extent = float(max(extents))
        self._inked: dict[float, Image.Image] = {}

    def pixels(self, mended: Set[str]) -> NDArray[np.uint8]:
        """What it gives with these findings mended: uint8 (side, side).

        Args:
            mended: codes, of `MENDINGS`; others do nothing.
        """
        dump = self._dump
        picture = mended_levels(dump.picture)[0] if mended & LEVELS else dump.plain
        if self._shrunk > 1:
            picture = picture.reduce(self._shrunk)
        levels, window = self._levels(picture, mended), self._window(picture.size, mended)
        if mended & PEN:
            levels = self._with_right_pen(levels, window)
        paper = self._paper(levels)
        if "inverted" in mended:
            levels, paper = 255.0 - levels, 255.0 - paper
        return _cut(levels, window, paper, self._spec.side)

    def _levels(self, picture: Image.Image, mended: Set[str]) -> NDArray[np.float32]:
        """Levels 0 to 255, dark on light still dark on light."""
        if "transparent" in mended and picture.mode == "RGBA":
            return np.asarray(picture.getchannel("A"), np.float32)
        levels = np.asarray(picture.convert("L"), np.float32)
        if mended & PAPER:
            tone = 255.0 * self._reading.ink.contrast * self._ink
            levels = tone if self._reading.polarity == "light on dark" else 255.0 - tone
        elif mended & AROUND:
            levels = np.where(self._ink > 0.0, levels, self._paper(levels)).astype(np.float32)
        if "faint" in mended:
            low, high = np.percentile(levels, (0.2, 99.8))
            levels = np.clip((levels - low) * np.float32(255.0 / max(high - low, 1.0)), 0.0, 255.0)
        return levels

    def _paper(self, levels: NDArray[np.float32]) -> float:
        """The usual level where no ink is."""
        bare = levels[self._ink < 0.05]
        return float(np.median(bare)) if len(bare) else 0.0

    def _window(self, canvas: tuple[int, int], mended: Set[str]) -> _Window:
        width, height = map(float, canvas)
        longer = max(width, height)
        left, top, right, bottom = self._box
        middle = ((left + right) / 2.0, (top + bottom) / 2.0)
        start, size = [0.0, 0.0], [width, height]
        if "stretched" in mended:
            start, size = [(width - longer) / 2.0, (height - longer) / 2.0], [longer, longer]
        filled = (FRAME + self._spec.line_width) * self._spec.pixels_per_unit / self._spec.side
        if "small" in mended:
            factor = max((right - left) / size[0], (bottom - top) / size[1]) / filled
            for axis in (0, 1):
                share = (middle[axis] - start[axis]) / size[axis]
                share = min(max(share, 0.5 * filled), 1.0 - 0.5 * filled)
                size[axis] *= factor
                start[axis] = middle[axis] - share * size[axis]
        if "off-centre" in mended:
            start = [middle[axis] - 0.5 * size[axis] for axis in (0, 1)]
        return _Window(start[0], start[1], size[0], size[1])

    def _with_right_pen(self, levels: NDArray[np.float32], window: _Window) -> NDArray[np.float32]:
        """The ink drawn again where it is, with the pen that has the right width in the window."""
        pen = 2.0 * self._spec.half_width * max(window.width, window.height) / self._spec.side
        tile = self._drawn(pen)
        paper = self._paper(levels)
        inked = levels[self._ink > 0.5]
        tone = float(np.median(inked)) if len(inked) else 255.0 - paper
        share = Image.new("L", levels.shape[::-1], 0)
        left, top, right, bottom = self._box
        share.paste(tile, ((left + right - tile.width) // 2, (top + bottom - tile.height) // 2))
        bare = np.where(self._ink > 0.05, np.float32(paper), levels)
        covered = np.asarray(share, np.float32) / 255.0
        return np.asarray(bare + (tone - bare) * covered, np.float32)

    def _drawn(self, pen: float) -> Image.Image:
        """The ink with a pen of this width, in pixels of the canvas."""
        length = max(self._extent - self._line_width, 1.0)
        line_width = round(min(FRAME * pen / length, 128.0), 1)
        if line_width not in self._inked:
            spec = RenderSpec(side=INKED, line_width=line_width, padding=0)
            strength = self._reading.ink.strength
            drawn = frame_ink(strength, spec, max(strength.shape))
            side = max(round(spec.units * length / FRAME), 1)
            self._inked[line_width] = Image.fromarray(drawn.pixels).resize((side, side))
        return self._inked[line_width]


def _cut(
    levels: NDArray[np.float32], window: _Window, paper: float, side: int
) -> NDArray[np.uint8]:
    """The window shrunk to (side, side), with paper where it is outside."""
    height, width = levels.shape
    before = [max(0, int(np.ceil(-start))) for start in (window.x, window.y)]
    after = [
        max(0, int(np.ceil(start + size - length)))
        for start, size, length in (
            (window.x, window.width, width),
            (window.y, window.height, height),
        )
    ]
    around = ((before[1], after[1]), (before[0], after[0]))
    padded = np.pad(np.rint(levels).astype(np.uint8), around, constant_values=round(paper))
    left, top = window.x + before[0], window.y + before[1]
    box = (left, top, left + window.width, top + window.height)
    return np.asarray(Image.fromarray(padded).resize((side, side), box=box))
