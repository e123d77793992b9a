"""Pictures that tests of pictures share, and how far two are apart."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def scene(width: int = 96, height: int = 64) -> Image.Image:
    """Four quarters of different colours, so that any turn or loss is seen."""
    image = Image.new("RGB", (width, height), (200, 40, 40))
    draw = ImageDraw.Draw(image)
    draw.rectangle((width // 2, 0, width, height // 2 - 1), fill=(40, 180, 60))
    draw.rectangle((0, height // 2, width // 2 - 1, height), fill=(30, 60, 190))
    draw.rectangle((width // 2, height // 2, width, height), fill=(240, 220, 120))
    return image


def off(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    return float(np.abs(one.astype(int) - other).mean())


def house(size: int = 255, width: int = 2) -> Image.Image:
    """Lines of ink strength 255 on 0."""
    image = Image.new("L", (size, size))
    draw = ImageDraw.Draw(image)
    a, b, c = size // 5, size // 2, 4 * size // 5
    draw.line([(a, b), (a, c), (c, c), (c, b), (a, b), (b, a), (c, b)], fill=255, width=width)
    return image


def on_colours(ink: Image.Image, pen: str, paper: str) -> Image.Image:
    return Image.composite(Image.new("RGB", ink.size, pen), Image.new("RGB", ink.size, paper), ink)
