"""Tell ink from paper on a clean picture of a drawing: how much each pixel differs from the paper.

A photo of a sheet of paper, with shade and grain, is what `predict.ink` is for.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from .image_file import over

__all__ = ["FAINTEST", "ink_of", "is_drawn"]

FAINTEST = 8
"""Grey levels by which the strongest ink differs from the paper, at least; JPEG makes fewer."""

_BAND = 8
"""The paper is looked for along the edges, in a band of this fraction of the shorter side."""


def ink_of(image: Image.Image) -> NDArray[np.float32]:
    """How much each pixel differs from the paper, lighter or darker, float32 (height, width).

    Args:
        image: of mode L, RGB or RGBA.

    Returns:
        Grey levels, 0 to 255; the same for a drawing and its negative.
    """
    image, paper = _on_paper(image)
    tones = np.asarray(image).astype(np.int16)
    difference = np.abs(tones - np.asarray(paper, np.int16))
    # The colour that differs most: yellow on white is ink, which its grey would hide.
    return (difference.max(axis=2) if difference.ndim == 3 else difference).astype(np.float32)


def is_drawn(image: Image.Image) -> bool:
    """Whether at least half of the picture is flat paper, and something is on it."""
    ink = ink_of(image)
    return bool(np.mean(ink < FAINTEST) >= 0.5 and ink.max() >= FAINTEST)


def _on_paper(image: Image.Image) -> tuple[Image.Image, tuple[int, ...] | int]:
    """A picture without transparency, and the colour of its paper.

    Paper is what is commonest along the edges, but not only at the very edge, where there may be a
    frame. What was drawn on nothing gets white paper, or black if the lines are light.
    """
    depth = max(1, min(image.size) // _BAND)
    band = Image.new("L", image.size, 255)
    if min(image.size) > 2 * depth:
        band.paste(0, (depth, depth, image.width - depth, image.height - depth))
    if image.mode == "L":
        return image, _commonest(image, band)[0]
    if image.mode == "RGB":
        return image, _commonest(image, band)
    alpha = image.getchannel("A")
    opaque = alpha.point([0] * 128 + [255] * 128)
    opaque_band = ImageChops.darker(band, opaque)
    if 2 * opaque_band.histogram()[255] >= band.histogram()[255]:
        paper = _commonest(image.convert("RGB"), opaque_band)
    else:
        lines = np.array(image.convert("L").histogram(alpha))
        is_light = lines @ np.arange(256) > 127.5 * lines.sum()
        paper = (0, 0, 0) if is_light else (255, 255, 255)
    return over(image, paper), paper


def _commonest(image: Image.Image, where: Image.Image) -> tuple[int, ...]:
    """The commonest level of each channel, under a mask."""
    counts = np.array(image.histogram(where)).reshape(-1, 256)
    return tuple(counts.argmax(axis=1).tolist())
