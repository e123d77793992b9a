"""How long a start takes until there is a guess, and what has to be installed for it.

    python benchmarks/startup.py
    python benchmarks/startup.py --no-install    # without the fresh environment

Measured from starting the process to the right answer: `doodlewise serve` asked over HTTP, and
`doodlewise predict` of a file with one drawing. All files have been read before, so no disk is
waited for. Hoped for: less than two seconds. Then the package is installed into a fresh environment
without torch (packages come from where pip usually gets them), measured there too, and weighed:
what its site-packages take beyond those of the bare environment.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from http.client import HTTPConnection
from pathlib import Path

import doodlewise as dw
from common import DATA, machine, median_and_spread, read_real, real_files
from http_load import strokes_of
from server_process import ServerProcess

ROOT = Path(__file__).resolve().parents[1]
LARGEST = 12
"""Parts that are listed."""
MB = 1e6

Strokes = list[list[list[int]]]


def first_answer(python: str, strokes: Strokes, model: Path | None) -> tuple[float, str]:
    """Seconds from the start of a server to its first answer, and the word."""
    named = [] if model is None else [str(model)]
    started = time.perf_counter()
    command = [python, "-m", "doodlewise", "serve", "--port", "0", "--json", *named]
    with ServerProcess(command) as server:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
        connection.request("POST", "/v1/predict", json.dumps({"strokes": strokes}))
        answer = connection.getresponse()
        body = answer.read()
        seconds = time.perf_counter() - started
        connection.close()
    if answer.status != 200:
        sys.exit(f"The server answered with {answer.status}: {body!r}")
    return seconds, json.loads(body)["word"]


def first_guess(python: str, file: Path, model: Path | None) -> tuple[float, str]:
    """Seconds that `doodlewise predict` takes for a drawing, and the word."""
    named = [] if model is None else [str(model)]
    started = time.perf_counter()
    done = subprocess.run(
        [python, "-m", "doodlewise", "predict", *named, str(file), "--json"],
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        sys.exit(f"doodlewise predict ended with {done.returncode}: {done.stderr}")
    return seconds, json.loads(done.stdout)["word"]


def measure(
    name: str, python: str, strokes: Strokes, word: str, arguments: argparse.Namespace
) -> list[float]:
    """Print both times of some rounds; those of the server."""
    served, predicted = [], []
    with tempfile.TemporaryDirectory(prefix="doodlewise-startup-") as folder:
        file = Path(folder) / "drawing.ndjson"
        file.write_text(json.dumps({"word": "?", "drawing": strokes}) + "\n", encoding="utf-8")
        for number in range(arguments.rounds + 1):
            answers = (
                first_answer(python, strokes, arguments.model),
                first_guess(python, file, arguments.model),
            )
            if {said for _, said in answers} != {word}:
                sys.exit(f"The guesses are {answers}, and should be {word}.")
            # The first round reads the files and compiles them.
            if number:
                served.append(answers[0][0])
                predicted.append(answers[1][0])
    print(f"{name + ', serve to first answer':48}{median_and_spread(served, '.2f'):>24} s")
    print(f"{name + ', predict':48}{median_and_spread(predicted, '.2f'):>24} s")
    return served


def install(folder: Path) -> tuple[str, dict[str, int]]:
    """The package in a fresh environment without extras.

    Returns:
        Its Python, and the bytes that each part of site-packages takes beyond the bare environment.
    """
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    before = weigh(folder)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, str(ROOT)], check=True)
    after = weigh(folder)
    return python, {
        name: size - before.get(name, 0) for name, size in after.items() if name not in before
    }


def weigh(environment: Path) -> dict[str, int]:
    """Bytes of each part of site-packages, with what pip compiled."""
    (folder,) = environment.glob("lib/python*/site-packages")
    files = (file for file in folder.rglob("*") if file.is_file())
    sizes: Counter[str] = Counter()
    for file in files:
        sizes[file.relative_to(folder).parts[0]] += file.stat().st_size
    return dict(sizes)


def show_parts(parts: dict[str, int]) -> None:
    """The largest parts; libraries of a package that lie beside it count with it."""
    together: dict[str, int] = {}
    for name, size in parts.items():
        short = re.sub(r"(\.libs|-[\d.]+\w*\.dist-info|\.py)$", "", name)
        together[short] = together.get(short, 0) + size
    total = sum(together.values())
    print(f"installed without torch: {total / MB:.0f} MB, {len(together)} parts, the largest:")
    largest = sorted(together.items(), key=lambda item: -item[1])
    for name, size in largest[:LARGEST]:
        print(f"  {name:30}{size / MB:8.1f} MB")
    print(f"  {'all others':30}{sum(size for _, size in largest[LARGEST:]) / MB:8.1f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of simplified ndjson")
    parser.add_argument("--model", type=Path, help="the one that comes with Doodlewise if none")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--no-install", action="store_true", help="no fresh environment")
    arguments = parser.parse_args()
    print(machine())
    ragged, _ = read_real(real_files(arguments.data)[:1], 1)
    (strokes,) = strokes_of(ragged)
    word = dw.load(arguments.model).predict(dw.Drawing.from_strokes(strokes)).word
    seconds = measure("with all extras", sys.executable, strokes, word, arguments)
    if not arguments.no_install:
        with tempfile.TemporaryDirectory(prefix="doodlewise-install-") as folder:
            python, parts = install(Path(folder))
            seconds = measure("core only", python, strokes, word, arguments)
            show_parts(parts)
    shares = [2.0 / each for each in seconds]
    print(f"ratio of two seconds to the first answer of serve: {median_and_spread(shares, '.1f')}")


if __name__ == "__main__":
    main()
