"""What a picture is made of: boxes, lines and words, in pixels from the top left."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import matplotlib
from PIL import ImageFont

__all__ = ["Box", "Disc", "Line", "Mark", "Point", "Words", "font", "width_of"]

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle with round corners; `hint` is what a browser says of it when pointed at."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    edge: str = ""
    radius: float = 0.0
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Disc:
    """A small disc, with an edge if it is not as its filling."""

    x: float
    y: float
    radius: float
    fill: str
    edge: str


@dataclass(frozen=True, slots=True)
class Line:
    """From point to point, around corners that are a little round."""

    points: tuple[Point, ...]
    colour: str
    width: float = 1.4
    arrow: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """Text on a base line; x is its start, middle or end."""

    x: float
    y: float
    text: str
    size: float
    colour: str
    bold: bool = False
    anchor: str = "start"


Mark = Box | Disc | Line | Words


MEASURED = 100.0
"""Size at which texts are measured."""


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """Of a text in DejaVu Sans, which is wider than what most browsers will take."""
    return float(font(MEASURED, bold=bold).getlength(text)) * size / MEASURED


@cache
def font(size: float, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """The one that comes with matplotlib."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(str(folder / name), size)
