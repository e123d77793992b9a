"""A run that was interrupted and resumed equals one that was not, to the last bit."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from doodlewise.data.store import Store
from doodlewise.errors import BundleError, ConfigError, RunError
from doodlewise.training.checkpoint import load_checkpoint, save_checkpoint
from doodlewise.training.record import SilentReporter
from doodlewise.training.setup import TrainedRun

pytestmark = pytest.mark.usefixtures("without_report")

Train = Callable[..., TrainedRun]
Interrupt = Callable[..., str]
Same = Callable[[Path, Path], None]

SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {"optim": {"ema": 0}, "augment": {"mirror": 0, "prefix": 0, "drop": 0}},
    "dropout": {"model": "quickdraw_cnn_v2"},
    "onecycle in bf16": {"optim": {"schedule": "onecycle"}, "precision": "bf16-mixed"},
    "residual": {"model": "convnet_tiny", "render": {"side": 20}, "epochs": 2},
}


class Listening(SilentReporter):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


@pytest.mark.parametrize(
    ("settings", "epoch", "step"),
    [
        ("plain", 1, 1),
        ("plain", 2, None),
        ("dropout", 2, 7),
        ("dropout", 3, 15),  # the last step of all
        ("dropout", 3, None),
        ("onecycle in bf16", 2, 14),
        ("residual", 1, 15),
    ],
)
def test_resuming_changes_nothing(
    settings: str,
    epoch: int,
    step: int | None,
    train_tiny: Train,
    interrupt: Interrupt,
    assert_same_learning: Same,
) -> None:
    values = SETTINGS[settings]
    whole = train_tiny(name="whole", **values)
    interrupt(epoch, step, name="broken", **values)
    assert not (whole.folder.parent / "broken" / "eval.json").exists()
    resumed = train_tiny(name="broken", resume="last", **values)
    assert_same_learning(whole.folder, resumed.folder)
    assert resumed.best_epoch == whole.best_epoch
    assert resumed.result.to_dict() | {"date": "", "model": ""} == whole.result.to_dict() | {
        "date": "",
        "model": "",
    }


def test_a_run_may_be_interrupted_again_and_again(
    train_tiny: Train, interrupt: Interrupt, assert_same_learning: Same
) -> None:
    whole = train_tiny(name="whole", model="quickdraw_cnn_v2")
    interrupt(1, 3, name="broken", model="quickdraw_cnn_v2")
    interrupt(1, 5, name="broken", model="quickdraw_cnn_v2", resume="last")
    interrupt(3, 1, name="broken", model="quickdraw_cnn_v2", resume="last")
    resumed = train_tiny(name="broken", model="quickdraw_cnn_v2", resume="last")
    assert_same_learning(whole.folder, resumed.folder)


class Killed(BaseException):
    """Stands for a kill: nobody catches it."""


@pytest.mark.parametrize("unsaved", ["best.ckpt", "last.ckpt"])
def test_a_kill_while_an_epoch_is_being_saved_loses_nothing(
    unsaved: str,
    train_tiny: Train,
    assert_same_learning: Same,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    saved: list[str] = []

    def save_or_die(path: Path, state: dict[str, Any]) -> None:
        # Of the first epoch both are there; of the second one this is not.
        if saved.count(unsaved) == 1 and path.name == unsaved:
            raise Killed
        saved.append(path.name)
        save_checkpoint(path, state)

    whole = train_tiny(name="whole")
    with monkeypatch.context() as patch:
        patch.setattr("doodlewise.training.record.save_checkpoint", save_or_die)
        with pytest.raises(Killed):
            train_tiny(name="broken")
    assert len(saved) in (2, 3)
    resumed = train_tiny(name="broken", resume="last")
    assert resumed.best_epoch == whole.best_epoch > 1
    assert_same_learning(whole.folder, resumed.folder)


def test_images_are_resumed_like_strokes(
    bitmap_store: Path, train_tiny: Train, interrupt: Interrupt, assert_same_learning: Same
) -> None:
    whole = train_tiny(name="whole", store=bitmap_store)
    interrupt(2, 3, name="broken", store=bitmap_store)
    resumed = train_tiny(name="broken", store=bitmap_store, resume="last")
    assert_same_learning(whole.folder, resumed.folder)


def test_what_ctrl_c_says_leads_on(interrupt: Interrupt, tmp_path: Path) -> None:
    said = interrupt(2, 7)
    # Ctrl-C comes while step 7 is being shown; step 8 is done before anybody looks.
    assert said == (
        "Saved in epoch 2 at step 8. Go on with: doodlewise train --resume last --name run"
        f" --runs {tmp_path}"
    )
    assert "interrupted in epoch 2, saved" in (tmp_path / "run" / "train.log").read_text()


def test_a_resumed_run_says_where_it_goes_on(train_tiny: Train, interrupt: Interrupt) -> None:
    interrupt(2, 7)
    reporter = Listening()
    train_tiny(resume="last", reporter=lambda: reporter)
    assert reporter.lines == ["Going on in epoch 2 after step 8."]


def test_resuming_a_finished_run_is_harmless_and_says_so(
    train_tiny: Train, assert_same_learning: Same, tmp_path: Path
) -> None:
    first = train_tiny()
    whole = train_tiny(name="whole")
    before = {path: path.read_bytes() for path in (first.folder / "weights").iterdir()}
    reporter = Listening()
    again = train_tiny(resume="last", reporter=lambda: reporter)
    assert reporter.lines == [
        "All 3 epochs of this run are done; only its evaluation is made again."
    ]
    assert before == {path: path.read_bytes() for path in (first.folder / "weights").iterdir()}
    assert_same_learning(again.folder, whole.folder)
    assert again.result.top1 == first.result.top1
    assert again.rows == first.rows


def test_more_epochs_may_be_added(train_tiny: Train) -> None:
    train_tiny(epochs=1)
    longer = train_tiny(epochs=2, resume="last")
    assert [row["epoch"] for row in longer.rows] == [1, 2]


def test_a_run_that_stopped_early_goes_on_with_more_patience(train_tiny: Train) -> None:
    stopped = train_tiny(optim={"lr": 1e-12, "ema": 0}, patience=1)
    assert len(stopped.rows) == 2
    on = train_tiny(optim={"lr": 1e-12, "ema": 0}, patience=0, resume="last")
    assert len(on.rows) == 3
    assert on.stopped == ""


def test_the_checkpoint_may_be_named(
    train_tiny: Train, interrupt: Interrupt, tmp_path: Path
) -> None:
    interrupt(2, 7)
    run = train_tiny(resume=str(tmp_path / "run" / "weights" / "last.ckpt"))
    assert len(run.rows) == 3


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"batch_size": 8}, r"batch_size is 8, but the run began with 16.*config\.yaml"),
        ({"seed": 1}, r"seed is 1, but the run began with 0"),
        ({"render": {"line_width": 8.0}}, r"render is .*8\.0.*, but the run began with"),
        ({"model": "quickdraw_cnn_v2"}, r"belongs to the network quickdraw_cnn_v1.*--model"),
    ],
)
def test_other_settings_are_refused_and_change_nothing(
    values: dict[str, Any], said: str, train_tiny: Train, interrupt: Interrupt, tmp_path: Path
) -> None:
    interrupt(1, 2)
    run = tmp_path / "run"
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises((ConfigError, BundleError), match=said):
        train_tiny(resume="last", **values)
    assert before == {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}


def test_a_mean_that_was_never_taken_cannot_go_on(train_tiny: Train, interrupt: Interrupt) -> None:
    interrupt(1, 2, optim={"ema": 0})
    with pytest.raises(ConfigError, match=r"began with optim\.ema 0"):
        train_tiny(resume="last")


def test_a_store_of_other_classes_is_refused(
    train_tiny: Train, interrupt: Interrupt, bitmap_store: Path
) -> None:
    interrupt(1, 2)
    with pytest.raises(BundleError, match=r"6 other classes than the 3 of this store.*Resume with"):
        train_tiny(resume="last", store=bitmap_store)


def test_there_must_be_something_to_resume(train_tiny: Train, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no run at .*run"):
        train_tiny(resume="last")
    with pytest.raises(RunError, match=r"--resume last --name NAME"):
        train_tiny(resume="last", name="")
    assert list(tmp_path.iterdir()) == []


def test_the_best_weights_alone_are_not_enough(train_tiny: Train, tmp_path: Path) -> None:
    train_tiny(epochs=1)
    with pytest.raises(RunError, match=r"holds weights only\. Resume from last\.ckpt"):
        train_tiny(epochs=2, resume=str(tmp_path / "run" / "weights" / "best.ckpt"))


@pytest.mark.parametrize("kept", [0, 10, 5_000, -100])
def test_a_damaged_checkpoint(
    kept: int, train_tiny: Train, interrupt: Interrupt, tmp_path: Path
) -> None:
    interrupt(1, 2)
    path = tmp_path / "run" / "weights" / "last.ckpt"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(BundleError, match=r"last\.ckpt is damaged.*without --resume"):
        train_tiny(resume="last")


def test_a_missing_checkpoint(train_tiny: Train, interrupt: Interrupt, tmp_path: Path) -> None:
    interrupt(1, 2)
    (tmp_path / "run" / "weights" / "last.ckpt").unlink()
    with pytest.raises(BundleError, match=r"There is no checkpoint .*last\.ckpt"):
        train_tiny(resume="last")


IDENTITY = {"model": "quickdraw_cnn_v1", "classes": ["a", "b"]}


def test_a_checkpoint_of_another_version(tmp_path: Path) -> None:
    torch.save({"version": 2, **IDENTITY}, tmp_path / "last.ckpt")
    with pytest.raises(BundleError, match="is of version 2; this Doodlewise reads version 1"):
        load_checkpoint(tmp_path / "last.ckpt", **IDENTITY)


@pytest.mark.parametrize("content", [{"version": 1}, [1, 2], torch.zeros(3), 7])
def test_something_else_in_a_checkpoint(content: Any, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "last.ckpt")
    with pytest.raises(BundleError, match="is no checkpoint of Doodlewise"):
        load_checkpoint(tmp_path / "last.ckpt", **IDENTITY)


def test_a_checkpoint_that_would_run_code_is_not_opened(tmp_path: Path) -> None:
    torch.save({"version": 1, **IDENTITY, "extra": Store}, tmp_path / "last.ckpt")
    with pytest.raises(BundleError, match="is damaged"):
        load_checkpoint(tmp_path / "last.ckpt", **IDENTITY)


def test_a_checkpoint_comes_back(tmp_path: Path) -> None:
    weights = {"a": torch.arange(5.0), "b": torch.tensor(3)}
    save_checkpoint(tmp_path / "weights" / "last.ckpt", {**IDENTITY, "weights": weights})
    state = load_checkpoint(tmp_path / "weights" / "last.ckpt", **IDENTITY)
    assert torch.equal(state["weights"]["a"], weights["a"])
    assert re.fullmatch(r"last\.ckpt", "".join(p.name for p in (tmp_path / "weights").iterdir()))
