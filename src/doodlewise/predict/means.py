"""The sheet that travels with a model: the average drawing of each word, as one small picture.

Tiles as large as the network's input, 16 in a row, in the order of the words; black ink on white.
It is base64 in the metadata of an exported file, under `MEANS_KEY`.
"""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["COLUMNS", "MEANS_KEY", "means_of_sheet", "sheet_of_means"]

MEANS_KEY = "doodlewise.means"
COLUMNS = 16
GREYS = 16
"""So many make the picture small, and nobody sees more in an average."""


def sheet_of_means(means: NDArray[np.floating]) -> str:
    """Average images (words, side, side), 0 paper to 255 ink, as a PNG in base64."""
    n, side, _ = means.shape
    rows = -(-n // COLUMNS)
    levels = np.zeros((rows * COLUMNS, side, side), np.uint8)
    # Averages are faint: the darkest point of each word is brought to full ink.
    most = np.maximum(means.max(axis=(1, 2), keepdims=True), 1.0)
    levels[:n] = np.rint(means / most * (GREYS - 1))
    sheet = levels.reshape(rows, COLUMNS, side, side).swapaxes(1, 2).reshape(rows * side, -1)
    picture = Image.fromarray(sheet, "P")
    greys = [round(255 - 255 * level / (GREYS - 1)) for level in range(GREYS)]
    picture.putpalette([value for grey in greys for value in (grey, grey, grey)])
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True, bits=4)
    return base64.b64encode(stream.getvalue()).decode("ascii")


def means_of_sheet(sheet: str, n: int) -> NDArray[np.uint8]:
    """The inverse, 0 paper to 255 ink: uint8 (n, side, side)."""
    picture = Image.open(io.BytesIO(base64.b64decode(sheet))).convert("L")
    side = picture.width // COLUMNS
    tiles = np.asarray(picture).reshape(-1, side, COLUMNS, side).swapaxes(1, 2)
    ink: NDArray[np.uint8] = 255 - tiles.reshape(-1, side, side)[:n]
    return ink
