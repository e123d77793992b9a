"""Processes whose parent is killed, or cannot begin."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from launched import all_end, descendants, launched, rows_of

from doodlewise.training.setup import train

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc"),
]

COMMON = 'model="quickdraw_cnn_v1", device="cpu", devices=2, epochs=1000, precision="32-true"'
GUARDED = f"""
import sys
from doodlewise.training.setup import train

if __name__ == "__main__":
    train(store=sys.argv[1], runs=sys.argv[2], name="run", {COMMON})
"""
UNGUARDED = f"""
import sys
from doodlewise.errors import TrainingError
from doodlewise.training.setup import train

try:
    train(store=sys.argv[1], runs=sys.argv[2], name="run", {COMMON})
except TrainingError as error:
    sys.exit(str(error))
"""


def test_orphans_save_and_end(strokes_store: Path, tmp_path: Path, without_report: None) -> None:
    program = tmp_path / "program.py"
    program.write_text(GUARDED)
    command = ["python", str(program), str(strokes_store), str(tmp_path)]
    with launched(command, tmp_path / "run") as running:
        running.wait_for_epochs(2)
        children = set(descendants(running.process.pid))
        assert len(children) >= 2
        os.kill(running.process.pid, signal.SIGKILL)
        running.end()
        assert all_end(children, within_s=60.0), running.said
    log = (tmp_path / "run" / "train.log").read_text()
    assert "interrupted in epoch" in log, log
    before = rows_of(tmp_path / "run")
    resumed = train(
        store=str(strokes_store), runs=str(tmp_path), name="run", model="quickdraw_cnn_v1",
        device="cpu", precision="32-true", epochs=len(before) + 1, resume="last",
    )  # fmt: skip
    assert len(resumed.rows) == len(before) + 1


def test_a_script_without_a_guard_is_told_of_it(strokes_store: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(UNGUARDED)
    command = ["python", str(program), str(strokes_store), str(tmp_path)]
    with launched(command, tmp_path / "run") as running:
        status, _ = running.end()
    assert status == 1
    assert 'In a script, call train() under `if __name__ == "__main__":`' in running.said
