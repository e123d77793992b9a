"""A training process that is stopped from outside, really."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from doodlewise.training.advice import Curves
from doodlewise.training.checkpoint import load_checkpoint
from doodlewise.training.meter import Meter
from doodlewise.training.record import Recorder, SilentReporter
from doodlewise.training.records import Records
from doodlewise.training.run_dir import RunDir
from doodlewise.training.setup import TrainedRun
from doodlewise.training.usage import Usage

pytestmark = [
    pytest.mark.usefixtures("without_report"),
    pytest.mark.skipif(os.name != "posix", reason="signals of POSIX"),
]

Train = Callable[..., TrainedRun]
Same = Callable[[Path, Path], None]

PROGRAM = """
import sys
import time

import doodlewise.training.fit
import doodlewise.training.record
from doodlewise.errors import Interrupted
from doodlewise.training.record import SilentReporter
from doodlewise.training.setup import train

doodlewise.training.fit.CHECK_STEPS = 1
doodlewise.training.record.SAVE_EVERY_S = 0.0  # at every look


class Slow(SilentReporter):
    def step(self, position, lr):
        print("step", position.epoch + 1, position.batch, flush=True)
        time.sleep(0.02)

    def say(self, line):
        print(line, flush=True)


try:
    train(
        store=sys.argv[1], runs=sys.argv[2], model="quickdraw_cnn_v2", epochs=3, batch_size=16,
        name="broken", device="cpu", precision="32-true", reporter=Slow,
    )
except Interrupted as stop:
    print(stop, flush=True)
    sys.exit(130)
"""


@contextmanager
def training(store: Path, runs: Path, wait_for: str) -> Iterator[subprocess.Popen[str]]:
    """A process that trains, from the moment when it has said this."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(store), str(runs)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.startswith(wait_for):
                break
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def whole(train_tiny: Train) -> TrainedRun:
    return train_tiny(name="whole", model="quickdraw_cnn_v2")


def test_ctrl_c_saves_and_a_resumed_run_finishes(
    whole: TrainedRun,
    strokes_store: Path,
    train_tiny: Train,
    assert_same_learning: Same,
    tmp_path: Path,
) -> None:
    with training(strokes_store, tmp_path, "step 2 4") as process:
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Stopping: saving first. Press Ctrl-C again to stop at once." in said
    assert "Go on with: doodlewise train --resume last --name broken" in said
    assert errors == ""
    resumed = train_tiny(name="broken", model="quickdraw_cnn_v2", resume="last")
    assert_same_learning(whole.folder, resumed.folder)


def test_kill_9_leaves_the_last_checkpoint_whole(
    whole: TrainedRun,
    strokes_store: Path,
    train_tiny: Train,
    assert_same_learning: Same,
    tmp_path: Path,
) -> None:
    with training(strokes_store, tmp_path, "step 2 4") as process:
        time.sleep(random.Random(7).uniform(0.0, 0.3))
        process.kill()
        process.wait(timeout=60)
    assert process.returncode == -signal.SIGKILL
    state = load_checkpoint(
        tmp_path / "broken" / "weights" / "last.ckpt",
        model="quickdraw_cnn_v2",
        classes=["apple", "car", "cat", "clock", "house", "star"],
    )
    assert (state["position"]["epoch"] + 1, state["position"]["batch"]) >= (2, 3)
    resumed = train_tiny(name="broken", model="quickdraw_cnn_v2", resume="last")
    assert_same_learning(whole.folder, resumed.folder)


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    from torch import nn
    from torch.optim import SGD

    network = nn.Linear(2, 2)
    optimizer = SGD(network.parameters())
    run = RunDir(tmp_path)
    meter = Meter(torch.device("cpu"), Usage(), time.time(), lambda own: [own])
    records = Records(
        run, meter, lambda _: Curves([], chance=0.5, n=1, steps=1, epochs=1), None, []
    )
    return Recorder(run, {}, network, None, optimizer, SilentReporter(), records)


def test_the_second_ctrl_c_interrupts_as_usual(recorder: Recorder) -> None:
    with recorder:
        signal.raise_signal(signal.SIGINT)
        assert recorder.should_stop()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_sigterm_asks_to_stop_too(recorder: Recorder) -> None:
    with recorder:
        assert not recorder.should_stop()
        signal.raise_signal(signal.SIGTERM)
        assert recorder.should_stop()


def test_signals_are_given_back_afterwards(recorder: Recorder) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with recorder:
        assert signal.getsignal(signal.SIGINT) != before[signal.SIGINT]
    assert {number: signal.getsignal(number) for number in before} == before
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_an_ignored_signal_stays_ignored(recorder: Recorder) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with recorder:
            signal.raise_signal(signal.SIGINT)
            assert not recorder.should_stop()
    finally:
        signal.signal(signal.SIGINT, before)
