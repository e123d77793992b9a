"""How fast raw drawings are brought into the frame on one core, and how fast raw files are read.

    python benchmarks/simplify.py

Drawings a second of the compiled way and of `Drawing.simplified`, its NumPy reference, on the same
real raw drawings, which have to come out equal. Hoped for: 50,000. Then the whole way from raw
ndjson to the rows of a chunk, from a file of the same lines, again and again.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from common import DATA, in_turn, machine, median_and_spread, ratios, real_files, use_cores
from doodlewise.data.chunk import Skips, Source, Wanted
from doodlewise.data.formats import read_drawings
from doodlewise.data.formats.ndjson import NDJSON
from doodlewise.drawing import Drawing
from doodlewise.ragged import Ragged
from doodlewise.simplify_host import simplify


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA.parent / "raw", help="folder of ndjson")
    parser.add_argument("--drawings", type=int, default=20_000, help="in the file that is read")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each way in each round")
    arguments = parser.parse_args()
    use_cores(1)
    files = real_files(arguments.data)
    drawings = [drawing for file in files for drawing in read_drawings(file)]
    every = Ragged.from_drawings(drawings)
    if not equal(simplify(every), drawings):
        sys.exit("The compiled way gives other points than Drawing.simplified. Mend it first.")
    print(machine())
    print(
        f"{len(drawings):,} drawings of {len(files)} words,"
        f" {len(every.points) / len(drawings):.0f} points each, equal both ways;"
        f" {arguments.rounds} rounds"
    )
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "lines.ndjson"
        repeat(files, lines, arguments.drawings)
        ways: dict[str, tuple[Callable[[], object], int]] = {
            "simplify": (partial(simplify, every), len(drawings)),
            "Drawing.simplified": (lambda: [each.simplified() for each in drawings], len(drawings)),
            "read from ndjson": (partial(read, lines), arguments.drawings),
        }
        rates = in_turn(
            {
                name: partial(rate_of, work, n, arguments.seconds)
                for name, (work, n) in ways.items()
            },
            arguments.rounds,
        )
    print(f"\n{'drawings/s (least to most)':>58}")
    for name, values in rates.items():
        print(f"{name:24}{median_and_spread(values):>34}")
    compared = ratios(rates["simplify"], rates["Drawing.simplified"])
    print(f"ratio of simplify to Drawing.simplified: {median_and_spread(compared, '.1f')}")


def equal(ours: Ragged, drawings: list[Drawing]) -> bool:
    """Whether all strokes are those of the reference."""
    reference = Ragged.from_drawings(drawing.simplified() for drawing in drawings)
    return np.array_equal(ours.stroke_lengths, reference.stroke_lengths) and np.array_equal(
        ours.points, reference.points
    )


def repeat(files: list[Path], path: Path, n: int) -> None:
    """Write n lines of the files, from the first again after the last."""
    lines = [line for file in files for line in file.read_bytes().splitlines(keepends=True)]
    with path.open("wb") as file:
        file.writelines(islice(cycle(lines), n))


def read(path: Path) -> None:
    for _ in NDJSON.read_chunks(Source(path, "any"), Wanted(), Skips()):
        pass


def rate_of(work: Callable[[], object], n: int, seconds: float) -> float:
    """Drawings a second, over whole passes of n drawings that take so long, or longer."""
    done, started = 0, time.perf_counter()
    while True:
        work()
        done += n
        took = time.perf_counter() - started
        if took >= seconds:
            return done / took


if __name__ == "__main__":
    main()
