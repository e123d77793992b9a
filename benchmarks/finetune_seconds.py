"""How long `doodlewise finetune bundled` takes for a few drawings of own words.

    python benchmarks/finetune_seconds.py [--words 10] [--drawings 10] [--rounds 5]

The whole command in a process of its own, from the start of Python to the last line, as somebody
at a terminal waits for it; with its report and without, in turn. The model that comes with
Doodlewise knows these words, which changes nothing about the time.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from common import DATA, in_turn, machine, median_and_spread, ratios, real_files
from doodlewise.data.prepare import prepare
from doodlewise.data.split import Fractions

WAYS = {
    "report, all layers": [],
    "no report, all layers": ["--no-report"],
    "no report, last layer": ["--no-report", "--head-only"],
}
FRACTIONS = Fractions(val=0.2, test=0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--words", type=int, default=10)
    parser.add_argument("--drawings", type=int, default=10, help="of each word, to learn from")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory(prefix="doodlewise-") as folder:
        work = Path(folder)
        files = real_files(given.data)[: given.words]
        each = round(given.drawings / (1 - FRACTIONS.val))
        prepare(files, work / "mine", per_class=each, fractions=FRACTIONS, jobs=1)
        rates = in_turn({name: runs(work, WAYS[name]) for name in WAYS}, given.rounds)
    seconds = {name: [1.0 / rate for rate in values] for name, values in rates.items()}
    print(f"{given.words} words, about {given.drawings} drawings each, {given.rounds} rounds")
    for name, values in seconds.items():
        print(f"{name:24}{median_and_spread(values, '.1f'):>24} s")
    compared = ratios(seconds["report, all layers"], seconds["no report, all layers"])
    print(f"ratio of with to without a report: {median_and_spread(compared, '.2f')}")


def runs(work: Path, flags: list[str]) -> Callable[[], float]:
    """The command; how many a second."""
    command = ["finetune", "bundled", str(work / "mine"), "--runs", str(work / "runs")]
    line = [*command, "--name", "mine", "--exist-ok", "--device", "cpu", "--quiet", *flags]

    def once() -> float:
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "doodlewise", *line], check=True, stdout=subprocess.DEVNULL
        )
        return 1.0 / (time.perf_counter() - started)

    return once


if __name__ == "__main__":
    main()
