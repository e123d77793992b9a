"""The benchmark of the doctor runs on few synthetic drawings: named, and mended well."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks/doctor.py"


def test_doctor(doodles: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--data", str(doodles), "--drawings", "6"]
    done = subprocess.run(
        [*command, "--only", "28 to"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^(28 to.*?)  +(\d.*?)  +(\d.*?)  +(\d+\.\d) ", done.stdout, re.M)
    assert len(rows) == 3
    for name, plain, _, mended in rows:
        assert float(mended) >= float(plain), name
    named = dict(re.findall(r"^(\S+) +(\d+\.\d) of +\d ways", done.stdout, re.M))
    assert named.keys() == {"inverted", "jagged", "blurred"}
    assert all(float(share) > 80 for share in named.values()), named
