"""Two processes learn what one learns, whoever starts them; and when one is killed, the run ends.

Each launcher is taken through the same: it trains, is stopped by Ctrl-C, goes on, loses a process
to kill -9, and one process alone goes on after that. The command with --devices loses its parent
instead of hearing Ctrl-C, which `test_two_processes` has.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from launched import BIN, PATIENCE_S, Launched, all_end, descendants, launched, rows_of

from doodlewise.training.setup import TrainedRun, train

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc"),
]

TOLERANCE = 1e-3
"""Of a loss between 1 and 2, after 21 steps. Two processes add the same numbers in another order,
which makes 1e-5 here. With batch norms that each process takes for itself it would be 4e-2."""
EPOCHS = 3
SECONDS = 20.0
"""To notice a killed process, and end: three to five on an idle machine."""

SETTINGS: dict[str, Any] = {
    "model": "convnet_tiny",
    "batch_size": 32,
    "device": "cpu",
    "precision": "32-true",
    "render.side": 16,
    "optim.lr": 1e-3,
    "report": False,
    # So that a run can end after any number of epochs, and be compared.
    "optim.schedule": "constant",
    "optim.warmup": 0.0,
}
FLAGS = [part for name, value in SETTINGS.items() for part in ("--set", f"{name}={value}")]
PROGRAM = """
import sys
from doodlewise.training.config import TrainConfig
from doodlewise.training.setup import train

store, runs, settings, epochs = sys.argv[1:]
if __name__ == "__main__":
    config = TrainConfig(store).with_values(eval(settings))
    config = config.with_values({"runs": runs, "epochs": int(epochs), "devices": 2})
    for name in ("first", "second"):
        train(config, name=name)
"""
LAUNCHERS = ("cli", "torchrun", "ray")


@pytest.fixture(scope="module")
def one(strokes_store: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    """What one process learns."""
    return go_on(strokes_store, tmp_path_factory.mktemp("one"), "one", epochs=EPOCHS)


def go_on(store: Path, runs: Path, name: str, *, epochs: int, resume: bool = False) -> TrainedRun:
    """Train in this process alone."""
    from doodlewise.training.config import TrainConfig

    config = TrainConfig(str(store)).with_values(SETTINGS)
    config = config.with_values({"runs": str(runs), "name": name, "epochs": epochs})
    return train(config, resume="last" if resume else None)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A Ray cluster of this machine, of two cores: the environment variable that leads to it."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'doodlewise[ray]'")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    arguments = f"start --head --block --port={port} --num-cpus=2 --include-dashboard=false"
    # Of its own, so that nobody else finds it there; and of a short name, because of its sockets.
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    arguments += f" --object-store-memory={100 * 2**20} --temp-dir={folder}"
    log = tmp_path_factory.mktemp("ray") / "log"
    with log.open("w") as out:
        head = subprocess.Popen(
            [BIN / "ray", *arguments.split()],
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **settings},
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while "Ray runtime started" not in log.read_text():
            assert head.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield settings | {"RAY_ADDRESS": f"127.0.0.1:{port}", "PID": str(head.pid)}
    finally:
        family = descendants(head.pid)
        head.terminate()
        head.wait(PATIENCE_S)
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=LAUNCHERS)
def start(
    request: pytest.FixtureRequest, strokes_store: Path, tmp_path: Path
) -> Callable[..., Any]:
    """Start a run in two processes, or go on with it."""
    launcher = request.param
    more = request.getfixturevalue("cluster") if launcher == "ray" else {}

    def start_(*, resume: bool = False) -> Any:
        flags = [str(strokes_store), *FLAGS, "--runs", str(tmp_path), "--name", launcher]
        flags += ["--epochs", "1000", *(["--resume", "last"] if resume else [])]
        command = {
            "cli": ["doodlewise", "train", *flags, "--devices", "2"],
            "torchrun": [
                "torchrun", "--standalone", "--nproc-per-node", "2",
                "-m", "doodlewise", "train", *flags,
            ],
            "ray": ["doodlewise", "train", *flags, "--launcher", "ray", "--num-workers", "2"],
        }[launcher]  # fmt: skip
        return launched(command, tmp_path / launcher, more)

    start_.launcher = launcher  # type: ignore[attr-defined]
    start_.head = int(more.get("PID", 0))  # type: ignore[attr-defined]
    return start_


def workers_of(running: Launched, start: Any) -> list[int]:
    """The processes that train."""
    if start.launcher == "ray":
        return [pid for pid, name in descendants(start.head).items() if "_Worker" in name]
    mark = {"torchrun": "doodlewise train", "cli": "spawn_main"}[start.launcher]
    return [pid for pid, args in descendants(running.process.pid).items() if mark in args]


def test_two_processes_from_python_and_the_same_again(
    one: TrainedRun, strokes_store: Path, tmp_path: Path, assert_same_learning: Any
) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    arguments = [str(strokes_store), str(tmp_path), repr(SETTINGS), str(EPOCHS)]
    with launched(["python", str(tmp_path / "program.py"), *arguments], tmp_path / "first") as it:
        status, _ = it.end()
        assert status == 0, it.said
    rows = rows_of(tmp_path / "first")
    assert len(rows) == EPOCHS
    for alone, shared in zip(one.rows, rows, strict=True):
        for name in ("train_loss", "val_loss"):
            assert shared[name] == pytest.approx(alone[name], abs=TOLERANCE), name
    # Not nearly: to the last bit.
    assert_same_learning(tmp_path / "first", tmp_path / "second")


def test_a_run_in_two_processes(
    start: Any, one: TrainedRun, strokes_store: Path, tmp_path: Path
) -> None:
    run = tmp_path / start.launcher

    # It learns what one process learns, and saves when it is stopped.
    with start() as running:
        running.wait_for_epochs(EPOCHS)
        if start.launcher == "cli":
            children = set(descendants(running.process.pid))
            assert len(children) >= 2
            os.kill(running.process.pid, signal.SIGKILL)
            assert all_end(children, within_s=60.0), running.said
        else:
            running.press_ctrl_c()
        status, _ = running.end()
        said = running.said
    if start.launcher != "cli":
        assert status == {"ray": 130, "torchrun": 1}[start.launcher], said
        assert said.count("Go on with: doodlewise train --resume last --name") == 1, said
    assert "interrupted in epoch" in (run / "train.log").read_text(), said
    rows = rows_of(run)
    for alone, shared in zip(one.rows, rows, strict=False):
        for name in ("train_loss", "val_loss"):
            assert shared[name] == pytest.approx(alone[name], abs=TOLERANCE), said
        assert shared["train_top1"] == pytest.approx(alone["train_top1"], abs=0.02)
    log = (run / "train.log").read_text()
    assert re.findall(r"device: (\d) x cpu", log) == ["2"]
    if start.launcher == "cli":
        assert re.findall(r"^device +2 x cpu \(as asked\)$", said, re.M)
    if start.launcher in ("torchrun", "ray"):
        name = {"ray": "Ray"}.get(start.launcher, start.launcher)
        assert said.count(f"2 x cpu (as asked, started by {name})") == 1, said

    # It goes on; a process that is killed ends it soon, and nothing stays behind.
    with start(resume=True) as running:
        running.wait_for_epochs(len(rows) + 1)
        workers = workers_of(running, start)
        assert len(workers) == 2, descendants(start.head or running.process.pid)
        family = {running.process.pid, *workers, *descendants(running.process.pid)}
        os.kill(workers[-1], signal.SIGKILL)
        status, seconds = running.end()
        said = running.said
        assert status == 1, said
        assert seconds < SECONDS, said
        assert all_end(family, within_s=10.0), said
    assert said.count("A training process was killed") == 1, said
    assert "go on by --resume last" in said
    if start.launcher != "torchrun":  # which shows the traceback of its own
        assert "Traceback" not in said

    # One process goes on alone.
    before = rows_of(run)
    resumed = go_on(strokes_store, tmp_path, start.launcher, epochs=len(before) + 1, resume=True)
    assert [row["train_loss"] for row in resumed.rows[:-1]] == [row["train_loss"] for row in before]
    assert resumed.rows[-1]["train_loss"] < one.rows[0]["train_loss"]
    assert (run / "model" / "config.json").exists()
