"""A training run of a second, and ways to disturb it."""

from __future__ import annotations

import csv
import functools
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from doodlewise.errors import Interrupted
from doodlewise.models import registry
from doodlewise.training.fit import Position
from doodlewise.training.record import SilentReporter
from doodlewise.training.setup import TrainedRun, train

TIMES = ("train_s", "data_wait_s", "val_s", "drawings_per_s", "peak_mb", "device_mb")
"""Columns of metrics.csv that are never twice the same."""

Train = Callable[..., TrainedRun]


@pytest.fixture
def without_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out report.html and its pictures: most of the time that a tiny run takes."""
    monkeypatch.setattr("doodlewise.training.finish.write_evaluation", lambda *_, **__: None)


@pytest.fixture
def train_tiny(strokes_store: Path, tmp_path: Path) -> Train:
    """`train` on the tiny store: 3 epochs of 15 steps in full precision, in `tmp_path`/NAME."""
    return functools.partial(
        train,
        store=str(strokes_store),
        model="quickdraw_cnn_v1",
        epochs=3,
        batch_size=16,
        name="run",
        runs=str(tmp_path),
        device="cpu",
        precision="32-true",
    )


@pytest.fixture
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is forgotten after it."""
    registry.list_models()
    monkeypatch.setattr(registry, "_BUILDERS", dict(registry._BUILDERS))


class CtrlC(SilentReporter):
    """Presses Ctrl-C at a step of an epoch (both counted from 1), or at the end of the epoch."""

    def __init__(self, epoch: int, step: int | None) -> None:
        self._epoch, self._step = epoch, step

    def step(self, position: Position, lr: float) -> None:
        if (position.epoch + 1, position.batch) == (self._epoch, self._step):
            signal.raise_signal(signal.SIGINT)

    def epoch(self, position: Position, is_best: bool) -> None:
        if position.epoch == self._epoch and self._step is None:
            signal.raise_signal(signal.SIGINT)


@pytest.fixture
def interrupt(train_tiny: Train, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Start a run, press Ctrl-C at an epoch's step (at its end if None); what the error says."""

    def interrupt_(epoch: int, step: int | None, **settings: Any) -> str:
        with monkeypatch.context() as patch:
            # The reporter hears of every step, and so can press Ctrl-C at any.
            patch.setattr("doodlewise.training.fit.CHECK_STEPS", 1)
            with pytest.raises(Interrupted) as raised:
                train_tiny(reporter=functools.partial(CtrlC, epoch, step), **settings)
        return str(raised.value)

    return interrupt_


def checkpoint(run: Path, name: str = "last") -> dict[str, Any]:
    state: dict[str, Any] = torch.load(run / "weights" / f"{name}.ckpt", weights_only=True)
    return state


def metrics(run: Path) -> list[dict[str, str]]:
    """Rows of metrics.csv as text, without times."""
    with (run / "metrics.csv").open(newline="") as file:
        return [
            {name: value for name, value in row.items() if name not in TIMES}
            for row in csv.DictReader(file)
        ]


def differences(one: Any, two: Any, path: str = "") -> list[str]:
    """Where two checkpoints differ, to the last bit."""
    if isinstance(one, torch.Tensor):
        return [] if torch.equal(one, two) else [path]
    if isinstance(one, dict):
        if one.keys() != two.keys():
            return [f"{path}: other keys"]
        return [each for key in one for each in differences(one[key], two[key], f"{path}/{key}")]
    if isinstance(one, list):
        if len(one) != len(two):
            return [f"{path}: other length"]
        return [
            each
            for index, pair in enumerate(zip(one, two, strict=True))
            for each in differences(*pair, f"{path}/{index}")
        ]
    return [] if one == two else [path]


@pytest.fixture
def assert_same_learning() -> Callable[[Path, Path], None]:
    """Two runs learnt the same: weights, running mean, optimiser and metrics to the last bit."""

    def assert_same(one: Path, two: Path) -> None:
        for part in ("weights", "ema", "optimizer"):
            assert differences(checkpoint(one)[part], checkpoint(two)[part]) == []
        assert (
            differences(checkpoint(one, "best")["weights"], checkpoint(two, "best")["weights"])
            == []
        )
        assert metrics(one) == metrics(two)

    return assert_same
