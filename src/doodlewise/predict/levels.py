"""Pictures whose levels went wrong on their way into a file, in ways that can be undone.

Floats of 0 to 1 that are written as bytes become 0 and 1: a picture that looks black. Bytes that
are multiplied by 255 once more run over: level x becomes -x modulo 256, so that 255 becomes 1.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from .findings import Finding, found

__all__ = ["mended_levels"]

LEAST = 0.01
"""Paper and ink each make up at least this share of a picture that ran over."""


def mended_levels(picture: Image.Image) -> tuple[Image.Image, list[Finding]]:
    """A picture with its levels as they were meant, and what was found.

    Args:
        picture: of mode L, RGB or RGBA; the last is given back as it is.
    """
    if picture.mode not in ("L", "RGB"):
        return picture, []
    grey = picture.convert("L")
    levels = np.asarray(grey)
    low, high = int(levels.min()), int(levels.max())
    if high == 1 and low == 0:
        recipe = "values * 255.0"
        return picture.point(lambda level: 255 * level), [
            found("range", low=low, high=high, recipe=recipe)
        ]
    shares = np.array(grey.histogram()) / levels.size
    ones = float(shares[:2].min())
    # JPEG and noise have 2 to 4 about as often as 1.
    is_wrapped = ones > LEAST and shares[2:5].sum() < 0.1 * ones and shares[:2].sum() > 0.5
    if is_wrapped and high > 32:
        return picture.point(lambda level: -level % 256), [found("wrapped")]
    return picture, []
