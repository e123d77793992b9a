"""The best and the last model are both kept, whenever a run ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from doodlewise.data.store import Store
from doodlewise.evaluation.judge import evaluate
from doodlewise.models.bundle import load_bundle
from doodlewise.training.setup import TrainedRun

pytestmark = pytest.mark.usefixtures("without_report")

Train = Callable[..., TrainedRun]


def top1(model: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setattr("doodlewise.evaluation.judge.write_evaluation", lambda *_: None)
    return evaluate(model, None, "val")[1].top1


def test_the_last_one_is_that_of_the_last_epoch(
    train_tiny: Train, strokes_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So small a step changes no guess, so the first epoch stays the best.
    run = train_tiny(epochs=4, optim={"lr": 1e-9, "ema": 0})
    _, info = load_bundle(run.folder / "model")
    last, final_info = load_bundle(run.folder / "model-final")
    saved = torch.load(run.folder / "weights" / "last.ckpt", weights_only=True)["weights"]
    for name, weight in last.state_dict().items():
        assert torch.equal(weight, saved[name])
    assert run.best_epoch == 1
    assert final_info.trained_on["weights"] == "of the last epoch"
    assert round(run.final_top1, 5) == run.rows[-1]["val_top1"]
    assert final_info.metrics["top1"] == pytest.approx(run.final_top1, abs=1e-6)
    assert info.metrics["top1"] == pytest.approx(run.best_top1, abs=1e-6)
    assert final_info.classes == info.classes
    assert final_info.render == info.render
    assert top1(run.folder / "model-final", strokes_store, monkeypatch) == run.final_top1
    assert top1(run.folder / "model", strokes_store, monkeypatch) == run.best_top1
    summary = (run.folder / "summary.txt").read_text()
    for epoch, share, folder in (
        (run.best_epoch, run.best_top1, "model/"),
        (4, run.final_top1, "model-final/"),
    ):
        assert f"epoch {epoch}, {100 * share:.2f} % validation top-1, in {folder}" in summary


def test_the_same_weights_take_room_once(train_tiny: Train) -> None:
    run = train_tiny(epochs=1)
    one, other = (run.folder / name / "model.safetensors" for name in ("model", "model-final"))
    assert one.read_bytes() == other.read_bytes()
    assert one.stat().st_ino == other.stat().st_ino
    # A longer run writes both anew, and does not write through the link.
    longer = train_tiny(epochs=2, resume="last")
    assert load_bundle(longer.folder / "model-final")[1].trained_on["epochs"] == 2


def test_a_run_that_stops_early_has_both_and_says_why(train_tiny: Train) -> None:
    run = train_tiny(epochs=9, patience=2, optim={"lr": 1e-12, "ema": 0})
    assert (run.folder / "model" / "config.json").exists()
    assert (run.folder / "model-final" / "config.json").exists()
    summary = (run.folder / "summary.txt").read_text()
    assert f"ended           {run.stopped}" in summary
    assert f"ended: {run.stopped}" in (run.folder / "train.log").read_text()


@pytest.mark.parametrize(("step", "judged"), [(None, True), (5, False)])
def test_a_run_that_is_interrupted_has_both(
    step: int | None,
    judged: bool,
    interrupt: Callable[..., str],
    train_tiny: Train,
    strokes_store: Path,
    tmp_path: Path,
) -> None:
    interrupt(2, step)
    network, info = load_bundle(tmp_path / "run" / "model")
    best = torch.load(tmp_path / "run" / "weights" / "best.ckpt", weights_only=True)
    for name, weight in network.state_dict().items():
        assert torch.equal(weight, best["weights"][name])
    assert info.metrics["n"] == Store(strokes_store).size("val")
    _, final_info = load_bundle(tmp_path / "run" / "model-final")
    assert bool(final_info.metrics) == judged
    assert 0.05 < final_info.temperature < 20
    summary = (tmp_path / "run" / "summary.txt").read_text()
    assert f"stopped by hand after {2 if judged else 1} of 3 epochs" in summary
    if not judged:
        assert "within epoch 2, not judged, in model-final/" in summary
    train_tiny(resume="last")
    summary = (tmp_path / "run" / "summary.txt").read_text()
    assert "stopped by hand" not in summary
    assert "after all 3 epochs" in summary
    assert load_bundle(tmp_path / "run" / "model-final")[1].metrics


def test_before_the_first_epoch_is_over_there_is_nothing_to_keep(
    interrupt: Callable[..., str], tmp_path: Path
) -> None:
    interrupt(1, 5)
    assert not (tmp_path / "run" / "model").exists()
    assert not (tmp_path / "run" / "model-final").exists()


def test_a_run_that_broke_says_so_in_its_log(train_tiny: Train, tmp_path: Path) -> None:
    from doodlewise.errors import DivergedError

    with pytest.raises(DivergedError):
        train_tiny(optim={"lr": 1e30})
    assert (
        "broken off: The loss is not a number any more, in epoch 1"
        in (tmp_path / "run" / "train.log").read_text()
    )
