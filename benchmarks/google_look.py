"""How near is the default rendering to Google's own bitmaps of the same drawings?

    python benchmarks/google_look.py
    python benchmarks/google_look.py --data ../shared/data/quickdraw

Row i of numpy_bitmap/<word>.npy is line i of raw/<word>.ndjson, where both are the beginning of
Google's files; extracts of other rows are other drawings. The two kinds are far apart, so a pair
is taken for the same drawing if its pixels differ by less than 8 of 255 on average.
"""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from doodlewise.data.formats import read_drawings
from doodlewise.ragged import Ragged
from doodlewise.raster import RenderSpec
from doodlewise.raster_host import render_rows

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "quickdraw"
SAME_DRAWING = 8.0
"""Mean absolute difference of the pixels, of 255, below which a pair shows one drawing."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="has raw/ and numpy_bitmap/")
    folder = parser.parse_args().data

    differences = true_pairs(folder)
    if not differences:
        parser.error(f"{folder} has no drawing both in raw/ and in numpy_bitmap/; give --data")
    every = np.concatenate(list(differences.values()))
    print(f"{len(every)} drawings of {len(differences)} words, raw and as Google's bitmap")
    print(
        f"mean absolute difference of the pixels, of 255: mean {every.mean():.2f},"
        f" median {np.median(every):.2f}, largest {every.max():.2f}"
    )


def true_pairs(folder: Path) -> dict[str, NDArray[np.float64]]:
    """By word, the differences of all pairs that show the same drawing."""
    differences = {
        path.stem: pair_differences(folder / "raw" / f"{path.stem}.ndjson", path)
        for path in sorted(folder.glob("numpy_bitmap/*.npy"))
    }
    near = {word: every[every < SAME_DRAWING] for word, every in differences.items()}
    return {word: every for word, every in near.items() if len(every)}


def pair_differences(raw: Path, bitmap: Path) -> NDArray[np.float64]:
    """Mean absolute difference of the pixels, for each row that both files have."""
    if not raw.exists():
        return np.zeros(0)
    theirs = np.load(bitmap, mmap_mode="r").reshape(-1, 28, 28)
    drawings = [drawing.simplified() for drawing in islice(read_drawings(raw), len(theirs))]
    ours = render_rows(Ragged.from_drawings(drawings), RenderSpec())[:, 0]
    apart = np.abs(ours.astype(np.float64) - theirs[: len(ours)])
    means: NDArray[np.float64] = apart.mean(axis=(1, 2))
    return means


if __name__ == "__main__":
    main()
