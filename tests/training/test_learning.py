"""What a run learns, and what its numbers say."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from doodlewise.cli.app import run as run_command
from doodlewise.data.store import Store
from doodlewise.models.bundle import load_bundle
from doodlewise.models.registry import as_input, create_model
from doodlewise.raster import RenderSpec
from doodlewise.raster_host import render_rows
from doodlewise.training.config import TrainConfig, load_config
from doodlewise.training.record import SilentReporter
from doodlewise.training.setup import TrainedRun, train

Train = Callable[..., TrainedRun]
Same = Callable[[Path, Path], None]
LEARNT = ("lr", "train_loss", "train_top1", "val_loss", "val_top1", "val_top3", "val_top5")


def learnt(run: TrainedRun) -> list[list[Any]]:
    return [[row[name] for name in LEARNT] for row in run.rows]


def validation(store: Path) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Input and labels of the validation split, made by hand."""
    opened = Store(store)
    for shard in opened.shards("val"):
        rows = opened.read(shard)
        if rows.drawings is not None:
            images = render_rows(rows.drawings, RenderSpec())
        else:
            assert rows.images is not None
            images = rows.images.transpose(0, 3, 1, 2)
        yield as_input(torch.from_numpy(images)), torch.from_numpy(rows.labels)


def top1(weights: dict[str, torch.Tensor], model: str, store: Path) -> float:
    network = create_model(model, n_classes=len(Store(store).classes))
    network.load_state_dict(weights)
    network.eval()
    right = total = 0
    with torch.inference_mode():
        for images, labels in validation(store):
            right += int((network(images).argmax(dim=1) == labels).sum())
            total += len(labels)
    return right / total


@pytest.fixture(scope="module")
def long_run(strokes_store: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainedRun:
    """A whole run with everything that it leaves behind."""
    return train(
        store=strokes_store,
        model="quickdraw_cnn_v2",
        epochs=8,
        batch_size=32,
        name="long",
        runs=tmp_path_factory.mktemp("runs"),
        device="cpu",
        precision="32-true",
    )


def test_the_loss_goes_down_and_it_learns(long_run: TrainedRun) -> None:
    losses = [row["train_loss"] for row in long_run.rows]
    assert losses[-1] < 0.75 * losses[0]
    assert sum(losses[4:]) < sum(losses[:4])
    # By chance one of six is right.
    assert long_run.best_top1 > 0.8
    assert long_run.rows[-1]["val_top1"] > 0.8
    assert long_run.result.by_ink[25]["top1"] < long_run.result.top1


def test_best_is_the_best_and_last_is_the_last(long_run: TrainedRun, strokes_store: Path) -> None:
    best = torch.load(long_run.folder / "weights" / "best.ckpt", weights_only=True)
    last = torch.load(long_run.folder / "weights" / "last.ckpt", weights_only=True)
    scores = [row["val_top1"] for row in long_run.rows]
    assert long_run.best_epoch == best["epoch"] == 1 + scores.index(max(scores))
    assert round(long_run.best_top1, 5) == max(scores)
    assert top1(best["weights"], "quickdraw_cnn_v2", strokes_store) == long_run.best_top1
    ema = {
        name.removeprefix("module."): value
        for name, value in last["ema"].items()
        if name.startswith("module.")
    }
    assert round(top1(ema, "quickdraw_cnn_v2", strokes_store), 5) == scores[-1]
    assert last["position"]["epoch"] == 8
    assert last["position"]["rows"] == long_run.rows


def test_the_model_is_the_best_one_with_what_it_needs(
    long_run: TrainedRun, strokes_store: Path
) -> None:
    network, info = load_bundle(long_run.folder / "model")
    best = torch.load(long_run.folder / "weights" / "best.ckpt", weights_only=True)
    for name, weight in network.state_dict().items():
        assert torch.equal(weight, best["weights"][name]), name
    assert info.classes == Store(strokes_store).classes
    assert info.render == RenderSpec()
    assert info.metrics["split"] == "val"
    assert info.metrics["n"] == Store(strokes_store).size("val")
    assert info.metrics["top1"] == pytest.approx(long_run.best_top1, abs=1e-6)
    assert info.trained_on == {
        "store": strokes_store.name,
        "drawings": Store(strokes_store).size("train"),
        "epochs": 8,
        "best_epoch": long_run.best_epoch,
        "weights": "of the best epoch",
    }


def test_confidence_is_calibrated_and_sure_means_right(long_run: TrainedRun) -> None:
    _, info = load_bundle(long_run.folder / "model")
    assert 0.05 < info.temperature < 20
    assert info.temperature != 1.0
    # Temperature cannot make the loss on the split it was fitted on larger.
    best = long_run.rows[long_run.best_epoch - 1]
    assert long_run.result.loss <= best["val_loss"] + 1e-5
    assert info.metrics["loss"] == pytest.approx(long_run.result.loss, abs=1e-6)
    sure = {each["threshold"]: each["accuracy"] for each in long_run.result.sure}
    assert (sure[info.sure_from] or 0) >= 0.9
    assert all((sure[at] or 0) < 0.9 for at in sure if at < info.sure_from)


def test_the_run_folder_holds_everything(long_run: TrainedRun) -> None:
    names = {str(path.relative_to(long_run.folder)) for path in long_run.folder.rglob("*")}
    assert names >= {
        "config.yaml",
        "env.json",
        "eval.json",
        "metrics.csv",
        "model/README.md",
        "model/config.json",
        "model/model.safetensors",
        "plots/confusion.png",
        "plots/curves.png",
        "report.html",
        "summary.txt",
        "train.log",
        "weights/best.ckpt",
        "weights/last.ckpt",
    }
    assert not [name for name in names if ".tmp" in name]
    evaluated = json.loads((long_run.folder / "eval.json").read_text("utf-8"))
    assert evaluated["top1"] == long_run.result.top1


def test_without_a_report_its_figures_are_kept(
    train_tiny: Callable[..., TrainedRun], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = train_tiny(epochs=1, report=False).folder
    assert not (folder / "report.html").exists()
    assert {path.stem for path in (folder / "plots").iterdir()} == {"architecture"}
    assert run_command(["runs", "show", str(folder), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    (figures,) = shown["evaluations"]
    assert figures["top1"] == json.loads((folder / "eval.json").read_text("utf-8"))["top1"]
    assert run_command(["runs", "show", str(folder)]) == 0
    said = "".join(capsys.readouterr())
    assert "doodlewise predict" in said
    assert "report.html" not in said


def test_metrics_are_the_rows(long_run: TrainedRun) -> None:
    with (long_run.folder / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [{name: str(value) for name, value in row.items()} for row in long_run.rows] == rows
    assert [row["epoch"] for row in rows] == [str(epoch) for epoch in range(1, 9)]


def test_times_are_sane(long_run: TrainedRun, strokes_store: Path) -> None:
    n = Store(strokes_store).size("train") // 32 * 32
    for row in long_run.rows:
        assert 0 < row["train_s"] < 60
        assert 0 <= row["data_wait_s"] <= row["train_s"]
        assert 0 <= row["val_s"] < 60
        # Both are rounded: to 10 ms, and to a tenth.
        assert row["drawings_per_s"] * (row["train_s"] - 0.0051) < n + 1
        assert row["drawings_per_s"] * (row["train_s"] + 0.0051) > n - 1


def test_the_summary_names_layers_shapes_and_parameters(long_run: TrainedRun) -> None:
    text = (long_run.folder / "summary.txt").read_text()
    assert text.startswith("quickdraw_cnn_v2, input 1x28x28")
    rows = [line.split() for line in text.splitlines()]
    assert ["0", "Conv2d", "16x28x28", "416"] in rows
    assert ["1", "BatchNorm2d", "16x28x28", "32"] in rows
    assert ["13", "Linear", "256", "147,712"] in rows
    assert ["16", "Linear", "6", "1,542"] in rows
    assert "181,222 parameters" in text
    assert 416 + 32 + 12_832 + 64 + 18_496 + 128 + 147_712 + 1_542 == 181_222


def test_the_environment_names_versions(long_run: TrainedRun) -> None:
    facts = json.loads((long_run.folder / "env.json").read_text())
    assert facts["packages"]["torch"] == torch.__version__
    assert facts["packages"]["numpy"] == np.__version__
    assert {"doodlewise", "python", "platform", "cores"} <= facts.keys()


def test_the_log_says_what_and_why(long_run: TrainedRun) -> None:
    log = (long_run.folder / "train.log").read_text()
    assert "device: 1 x cpu (as asked)" in log
    assert "precision: 32-true (as asked)" in log
    assert "network: quickdraw_cnn_v2, 181,222 parameters" in log
    assert log.count("train_loss") == 8


@pytest.mark.usefixtures("without_report")
def test_the_same_seed_gives_the_same_numbers_and_another_one_others(
    train_tiny: Train, assert_same_learning: Same
) -> None:
    first = train_tiny(name="first", epochs=2, model="quickdraw_cnn_v2")
    # What happened before in the process must not matter.
    torch.manual_seed(99)
    torch.rand(17)
    second = train_tiny(name="second", epochs=2, model="quickdraw_cnn_v2")
    other = train_tiny(name="other", epochs=2, model="quickdraw_cnn_v2", seed=1)
    assert_same_learning(first.folder, second.folder)
    assert learnt(first) == learnt(second)
    assert first.result.loss == second.result.loss
    for one, two in zip(learnt(first), learnt(other), strict=True):
        assert one[1] != two[1]
        assert one[3] != two[3]


@pytest.mark.usefixtures("without_report")
def test_the_config_of_a_run_gives_the_same_weights(
    train_tiny: Train, assert_same_learning: Same
) -> None:
    first = train_tiny(
        epochs=2, augment={"rotate": 30.0, "mirror": 0.0}, optim={"lr": 3e-3, "ema": 0.9}, seed=5
    )
    values = load_config(first.folder / "config.yaml")
    config = TrainConfig(store=values.pop("store")).with_values(values)
    second = train(config.with_values({"name": "again"}))
    assert_same_learning(first.folder, second.folder)
    plain = train(config.with_values({"name": "plain", "augment.rotate": 0.0}))
    assert learnt(plain) != learnt(second)


@pytest.mark.usefixtures("without_report")
def test_early_stopping_says_when_and_why(train_tiny: Train) -> None:
    said: list[str] = []

    class Listening(SilentReporter):
        def say(self, line: str) -> None:
            said.append(line)

    # So small a step changes no guess, so the first epoch stays the best.
    run = train_tiny(epochs=9, patience=2, optim={"lr": 1e-12, "ema": 0}, reporter=Listening)
    assert len(run.rows) == 3
    assert run.best_epoch == 1
    assert run.stopped == (
        f"stopped after epoch 3: no better validation top-1 than {run.best_top1:.4f} of epoch 1"
        " for 2 epochs"
    )
    assert said == [run.stopped[0].upper() + run.stopped[1:] + "."]
    assert run.stopped in (run.folder / "train.log").read_text()


@pytest.mark.usefixtures("without_report")
def test_a_network_for_bitmaps_takes_drawings_too(bitmap_store: Path, train_tiny: Train) -> None:
    run = train_tiny(store=bitmap_store, epochs=1)
    _, info = load_bundle(run.folder / "model")
    assert info.render == Store(bitmap_store).manifest.render == RenderSpec()
    assert run.result.by_ink == {}


@pytest.mark.usefixtures("without_report")
def test_a_batch_larger_than_the_split_is_the_split(train_tiny: Train, strokes_store: Path) -> None:
    run = train_tiny(batch_size=100_000, epochs=1)
    assert run.rows[0]["train_loss"] > 0
    state = torch.load(run.folder / "weights" / "last.ckpt", weights_only=True)
    assert {int(each["step"]) for each in state["optimizer"]["state"].values()} == {1}


def test_without_settings_there_is_no_run() -> None:
    with pytest.raises(ValueError, match="store is empty; name the folder of a store"):
        train()
