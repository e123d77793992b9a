"""The benchmark of reading pictures runs on few synthetic drawings, and beats the naive method."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks/pictures.py"


def test_pictures(doodles: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--data", str(doodles), "--drawings", "4"]
    command += ["--only", "photo", "--sheets", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^machine: .+ cores, .+ GiB; Python \d.+, pillow \d", done.stdout, re.M)
    numbers = r"(\d+\.\d+)"
    rows = re.findall(rf"^(photo.*?) +{numbers} +{numbers} +(-?\d\.\d+)", done.stdout, re.M)
    assert len(rows) == len(list(tmp_path.glob("*.png"))) == 6
    for name, difference, worst, correlation in rows:
        assert float(difference) <= float(worst), name
        assert float(correlation) > 0.8, name
    ratio = re.findall(rf"^ratio of the differences, .*: {numbers} ", done.stdout, re.M)
    assert float(ratio[0]) > 4
