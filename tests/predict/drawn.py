"""Drawings by hand, pictures of them, and how far what was read is from what it should be."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from doodlewise.drawing import Drawing
from doodlewise.raster import RenderSpec, render

SPEC = RenderSpec()
PEN = RenderSpec(side=255, line_width=10)


def arc(
    x: float, y: float, radius: float, start: float = 0.0, stop: float = 6.3
) -> list[list[float]]:
    angle = np.linspace(start, stop, 40)
    return [(x + radius * np.cos(angle)).tolist(), (y + radius * np.sin(angle)).tolist()]


DRAWINGS = {
    "house": [
        [[20, 20, 235, 235, 20], [110, 255, 255, 110, 110]],
        [[0, 128, 255], [110, 0, 110]],
        [[100, 100, 150, 150], [255, 180, 180, 255]],
    ],
    "face": [
        arc(127.5, 127.5, 127.5),
        [[85, 85], [90, 90]],
        [[170, 172], [90, 92]],
        arc(127, 127, 75, 0.5, 2.6),
    ],
    "zigzag": [[[0, 60, 90, 150, 180, 255], [0, 200, 20, 190, 10, 210]]],
    "line": [[[0, 255], [0, 40]]],
    "plant": [
        [[120, 118, 125], [255, 130, 0]],
        arc(70, 60, 55),
        arc(190, 90, 45),
        arc(60, 190, 30),
    ],
}


def dark_on_light(drawing: Drawing, spec: RenderSpec = PEN) -> Image.Image:
    return Image.fromarray(255 - render(drawing, spec))


def away(pixels: NDArray[np.uint8], drawing: Drawing, spec: RenderSpec = SPEC) -> float:
    """Mean absolute difference from what it should be, of 255."""
    assert pixels.shape == (spec.side, spec.side)
    assert pixels.dtype == np.uint8
    return float(np.abs(pixels.astype(float) - render(drawing, spec)).mean())


def encoded(picture: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **options)  # type: ignore[arg-type]
    return file.getvalue()
