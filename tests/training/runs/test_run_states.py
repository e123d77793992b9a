"""What training itself leaves behind is understood: here nothing is made by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from doodlewise.errors import DivergedError, RunError
from doodlewise.training.record import SilentReporter
from doodlewise.training.runs.record import RunRecord
from doodlewise.training.setup import TrainedRun

Train = Callable[..., TrainedRun]

pytestmark = pytest.mark.usefixtures("without_report")


class Looks(SilentReporter):
    """Looks at the run while it goes on, and tries to begin it a second time."""

    def __init__(self, folder: Path, again: Callable[[], Any], seen: list[str]) -> None:
        self._folder, self._again, self._seen = folder, again, seen

    def epoch(self, position: object, is_best: bool) -> None:
        self._seen.append(RunRecord(self._folder).state.name)
        with pytest.raises(RunError, match=r"is being trained by another process\. Wait until"):
            self._again()


def test_a_run_is_running_until_it_is_finished(train_tiny: Train, tmp_path: Path) -> None:
    seen: list[str] = []
    folder = tmp_path / "run"

    def again() -> None:
        train_tiny(epochs=1, exist_ok=True)

    done = train_tiny(epochs=2, reporter=lambda: Looks(folder, again, seen))
    run = RunRecord(folder)
    assert seen == ["running", "running"]
    assert run.state.name == "finished"
    assert run.problems == []
    assert run.best["val_top1"] == pytest.approx(done.best_top1, abs=1e-5)
    assert run.best["epoch"] == done.best_epoch
    assert (run.model, run.epochs, run.n_words, run.things) == (
        "quickdraw_cnn_v1", 2, 6, "drawings",
    )  # fmt: skip
    assert run.n_train
    assert run.n_val
    assert run.n_parameters == 22_662
    assert run.ece is not None
    assert run.seconds
    assert run.log.facts["device"].startswith("1 x cpu")
    assert not (folder / ".lock").exists()


def test_a_run_that_stops_early_says_so(train_tiny: Train, tmp_path: Path) -> None:
    train_tiny(epochs=30, patience=1, optim={"lr": 1e-9})
    run = RunRecord(tmp_path / "run")
    assert run.state.name == "finished"
    assert "no better validation top-1" in run.state.reason
    assert run.epochs_done < 30


def test_a_run_that_diverges(train_tiny: Train, tmp_path: Path) -> None:
    with pytest.raises(DivergedError):
        train_tiny(optim={"lr": 1e30, "warmup": 0.0, "clip": 0.0})
    state = RunRecord(tmp_path / "run").state
    assert state.name == "diverged"
    assert "lower --lr" in state.reason


def test_a_run_that_is_stopped_and_goes_on(
    interrupt: Callable[..., str], train_tiny: Train, tmp_path: Path
) -> None:
    interrupt(2, 3)
    run = RunRecord(tmp_path / "run")
    assert (run.state.name, run.epochs_done) == ("stopped", 1)
    assert run.state.reason == "stopped in epoch 2, and saved"
    train_tiny(resume="last")
    run = RunRecord(tmp_path / "run")
    assert (run.state.name, run.epochs_done) == ("finished", 3)


def test_a_run_that_meets_an_error_of_its_own(
    train_tiny: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("of all\nthings")

    monkeypatch.setattr("doodlewise.training.fit._finish_epoch", fail)
    with pytest.raises(ZeroDivisionError):
        train_tiny(epochs=1)
    state = RunRecord(tmp_path / "run").state
    assert (state.name, state.reason) == ("failed", "ZeroDivisionError: of all things")
