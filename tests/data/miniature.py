"""A miniature of Kaggle's Doodle Dataset, with all that is strange about the real one.

255 x 255 greyscale PNGs, some 254 x 254; white paper; lines of 2 pixels, each stroke of a grey of
its own between 90 and 155, later ones lighter; not centred. Rows are grouped by word. The paths in
the CSV begin with "data", the folder is called "doodle". Namibia is "NA".
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from doodlewise.data.formats import read_drawings
from doodlewise.data.formats.synthetic import draw
from doodlewise.drawing import Drawing

HEADER = ["countrycode", "drawing", "key_id", "recognized", "word", "image_path"]


def make_doodle_dataset(
    folder: Path,
    words: Sequence[str],
    countries: Sequence[str],
    per_word: int,
    seed: int = 0,
    quickdraw: Path | None = None,
) -> Path:
    """Write the CSV and the pictures.

    Args:
        folder: which it becomes.
        words: in the order of the rows.
        countries: the first ones have most drawings.
        per_word: drawings of each word.
        seed: of everything that is by chance.
        quickdraw: folder of real drawings, "<word>.ndjson"; they are drawn by code where None.

    Returns:
        The CSV file.
    """
    rng = np.random.default_rng(seed)
    weights = 1.0 / np.arange(1, len(countries) + 1)
    path = folder / "master_doodle_dataframe.csv"
    folder.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(HEADER)
        for word in words:
            pictures = folder / "doodle" / word
            pictures.mkdir(parents=True)
            for drawing in _drawings(word, per_word, rng, quickdraw):
                key_id = int(rng.integers(4_500_000_000_000_000, 6_750_000_000_000_000))
                country = rng.choice(list(countries), p=weights / weights.sum())
                rows.writerow(
                    [
                        country,
                        json.dumps(_whole(drawing)),
                        key_id,
                        rng.random() < 0.95,
                        word,
                        f"data/{word}/{key_id}.png",
                    ]
                )
                picture_of(drawing, rng).save(pictures / f"{key_id}.png")
    return path


def picture_of(drawing: Drawing, rng: np.random.Generator) -> Image.Image:
    """The drawing as the data set has it."""
    side = 254 if rng.random() < 0.1 else 255
    picture = Image.new("L", (side, side), 255)
    pen = ImageDraw.Draw(picture)
    for number, stroke in enumerate(drawing.strokes):
        grey = 90 + round(65 * number / max(drawing.n_strokes - 1, 1))
        pen.line([tuple(point) for point in stroke.tolist()], fill=grey, width=2)
    return picture


def _drawings(word: str, n: int, rng: np.random.Generator, quickdraw: Path | None) -> list[Drawing]:
    if quickdraw is None:
        return [draw(word, rng) for _ in range(n)]
    return list(islice(read_drawings(quickdraw / f"{word}.ndjson"), n))


def _whole(drawing: Drawing) -> list[list[list[int]]]:
    return [[[int(value) for value in axis] for axis in stroke] for stroke in drawing.to_strokes()]
