"""Two processes that are stopped, that fail, and whose results come home.

What they learn is in `test_many_devices`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch.multiprocessing.spawn import ProcessExitedException

from doodlewise.errors import Interrupted, TrainingError
from doodlewise.training.processes import _explain
from doodlewise.training.setup import TrainedRun

Train = Callable[..., TrainedRun]
LOSSES = ("train_loss", "val_loss")
TOLERANCE = 5e-4
"""Of a loss near 1, after 45 steps: two processes add the same numbers in another order."""


def start(program: str, *args: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name(program)), *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A group of its own, which gets Ctrl-C as a terminal would send it: to every process.
        start_new_session=True,
    )


def results(process: subprocess.Popen[str]) -> list[Any]:
    said, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    return [json.loads(line) for line in said.splitlines() if line[0] in '{"']


@pytest.fixture
def whole(train_tiny: Train, without_report: None) -> TrainedRun:
    return train_tiny(name="whole")


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_stops_both_and_one_goes_on(
    whole: TrainedRun, strokes_store: Path, train_tiny: Train, tmp_path: Path
) -> None:
    process = start("two_processes.py", "stopped", strokes_store, tmp_path)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("epoch 1"):
            break
    os.killpg(process.pid, signal.SIGINT)
    (stopped,) = results(process)
    assert "Go on with: doodlewise train --resume last --name stopped" in stopped["said"]
    resumed = train_tiny(name="stopped", resume="last")
    for one, other in zip(whole.rows, resumed.rows, strict=True):
        for name in LOSSES:
            assert other[name] == pytest.approx(one[name], abs=TOLERANCE)


@pytest.mark.slow
def test_results_and_errors_come_home() -> None:
    large, failed, died = results(start("coming_home.py"))
    assert len(large) == 1_000_000
    assert failed == {
        "kind": "DataError",
        "said": "The disk of the second process is full. Free some space.",
    }
    assert died["kind"] == "TrainingError"
    assert "was killed" in died["said"]
    assert "--resume last" in died["said"]


def test_processes_that_never_began_were_not_killed(tmp_path: Path) -> None:
    error = ProcessExitedException(
        "process 0 terminated with exit code 1", error_index=0, error_pid=1, exit_code=1
    )
    outcome = tmp_path / "outcome"
    with pytest.raises(TrainingError, match=r"could not begin .* `if __name__ == .*devices=1\.$"):
        _explain(error, outcome, is_asked=False)
    outcome.with_name("begun").touch()
    with pytest.raises(TrainingError, match=r"was killed \(process 0 .* --resume last\.$"):
        _explain(error, outcome, is_asked=False)
    with pytest.raises(Interrupted, match=r"Stopped between two epochs"):
        _explain(error, outcome, is_asked=True)
