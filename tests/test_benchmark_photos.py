"""The benchmarks of photos and of copies run, on a few pictures made by code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


def run(script: str, *options: object) -> str:
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / f"{script}.py"), *map(str, options)],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"^machine: .+ cores, .+ GiB; Python \d.+", done.stdout, re.M)) == 1
    return done.stdout


def test_photos(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for word, colour in (("cat", (90, 0, 0)), ("dog", (0, 0, 90))):
        (tmp_path / word).mkdir()
        for number in range(50):
            pixels = random.integers(0, 160, (40, 50, 3)) + colour
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / word / f"{number}.png")
    options = "--size 32 --epochs 6 --batch-size 8 --seeds 2 --cores 1 --variation auto off"
    output = run("photos", "--data", tmp_path, *options.split())
    lines = re.findall(
        r"^variation (\w+) +test top-1 ([\d.]+)% ± ([\d.]+)% \(sd of 2 seeds; n = (\d+),.*\);"
        r" each ([\d.]+)%, ([\d.]+)%; validation",
        output,
        re.M,
    )
    assert [line[0] for line in lines] == ["auto", "off"]
    for _, mean, spread, n, *each in lines:
        found = [float(value) for value in each]
        assert abs(float(mean) - np.mean(found)) < 0.011
        assert abs(float(spread) - np.std(found, ddof=1)) < 0.02
        assert 10 <= int(n) <= 32
        assert float(mean) > 60


def test_copies(bitmaps: Path) -> None:
    options = "--words apple cat star --steps 16 --batch-size 16 --seeds 2 --cores 1"
    output = run("copies", "--data", bitmaps, *options.split())
    cells = r" +([\d.]+) ± [\d.]+ %" * 3
    rows = re.findall(rf"^(none|mild|copies){cells}$", output, re.M)
    assert [row[0] for row in rows] == ["none", "mild", "copies"]
    worth = re.search(r"copies ([+-][\d.]+) points, the mild variation ([+-][\d.]+)$", output, re.M)
    assert worth is not None
    plain, mild, copied = (float(row[1]) for row in rows)
    assert abs(float(worth[1]) - (copied - plain)) < 0.011
    assert abs(float(worth[2]) - (mild - plain)) < 0.011
