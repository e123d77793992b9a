"""Sweeps that really train: side by side, and killed without a warning."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import doodlewise as dw
from doodlewise.cli.app import run
from doodlewise.training.sweep.ledger import read_trials
from doodlewise.training.sweep.run import read_sweep

USUAL = ["--model", "quickdraw_cnn_v1", "--batch-size", "32", "--device", "cpu", "--name", "s"]


@pytest.mark.slow
def test_trials_are_runs_and_what_diverges_is_a_result(strokes_store: Path, tmp_path: Path) -> None:
    result = dw.sweep(
        strokes_store, grid={"lr": [1e-2, 1e30], "model": ["quickdraw_cnn_v1", "convnet_tiny"]},
        epochs=2, batch_size=32, device="cpu", jobs=2, sweeps=tmp_path, render={"side": 28},
    )  # fmt: skip
    assert result.folder == tmp_path / "strokes"
    assert [trial.state for trial in result.trials] == ["done"] * 2 + ["diverged"] * 2
    assert "learning rate" in result.trials[2].reason
    best = result.best_run
    assert best is not None
    for name in ("config.yaml", "metrics.csv", "report.html", "model/model.safetensors"):
        assert (best / name).exists(), name
    assert dw.load(best).classes
    assert (result.folder / "report.html").exists()
    assert (result.folder / "plots" / "curves.png").exists()
    assert [trial.result["epochs"] for trial in result.trials[:2]] == [2, 2]


def workers_of(pid: int) -> list[int]:
    """Processes that a process has begun."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(each) for each in found.stdout.split()]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="processes are looked up in Linux's /proc")
def test_a_sweep_that_was_killed_goes_on_where_it_was(strokes_store: Path, tmp_path: Path) -> None:
    command = ["sweep", str(strokes_store), *USUAL, "--sweeps", str(tmp_path), "--epochs", "150"]
    command += ["--lr", "0.003,0.001"]
    process = subprocess.Popen(
        [sys.executable, "-m", "doodlewise", *command],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.DEVNULL,
    )
    metrics = tmp_path / "s" / "trials" / "000" / "metrics.csv"
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and process.poll() is None:
        if metrics.exists() and len(metrics.read_text().splitlines()) > 3:
            break
        time.sleep(0.02)
    workers = workers_of(process.pid)
    assert workers
    process.kill()
    process.wait()
    while any(map(is_alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(is_alive, workers)), "a worker outlived its sweep"
    before = metrics.read_text()
    assert [trial.state for trial in read_trials(tmp_path / "s")] == ["running"]

    # Ctrl-C, this time: the second trial is stopped, and both can go on.
    process = subprocess.Popen(
        [sys.executable, "-m", "doodlewise", *command],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )
    second = tmp_path / "s" / "trials" / "001" / "metrics.csv"
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None and not second.exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "trials over: 0; cut off, and going on: 1" in err
    assert f"1 of 2 trials are over. Go on with: doodlewise sweep {tmp_path}/s" in err
    # Its epochs of before were not trained again: even their times are the same.
    assert metrics.read_text().startswith(before)
    assert len(metrics.read_text().splitlines()) == 151

    cut = second.read_text()
    assert run(["sweep", str(tmp_path / "s")]) == 0
    assert second.read_text().startswith(cut)
    result = read_sweep(tmp_path / "s")
    assert [trial.state for trial in result.trials] == ["done", "done"]
    assert [trial.result["epochs"] for trial in result.trials] == [150, 150]
