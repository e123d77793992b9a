"""What a run says when it cannot begin or go on, and that nothing is lost by it."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from doodlewise.data.store import Store
from doodlewise.errors import (
    ConfigError,
    DataError,
    DivergedError,
    MemoryExhaustedError,
    ModelError,
    RunError,
    StoreError,
    UnknownModelError,
)
from doodlewise.models.registry import register_model
from doodlewise.training import checkpoint
from doodlewise.training.config import TrainConfig
from doodlewise.training.fit import Position
from doodlewise.training.record import SilentReporter
from doodlewise.training.setup import TrainedRun, describe

pytestmark = pytest.mark.usefixtures("without_report")

Train = Callable[..., TrainedRun]


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_learning_rate_far_too_high(train_tiny: Train, tmp_path: Path) -> None:
    with pytest.raises(DivergedError) as raised:
        train_tiny(optim={"lr": 1e30})
    said = str(raised.value)
    assert "in epoch 1 at step 15 (learning rate" in said
    assert "lower --lr" in said
    assert not (tmp_path / "run" / "weights").exists()


def test_a_run_that_diverges_keeps_its_checkpoints(train_tiny: Train, tmp_path: Path) -> None:
    train_tiny(epochs=1)
    before = files(tmp_path / "run" / "weights")
    with pytest.raises(DivergedError, match=r"in epoch 2 .*last whole epoch are kept"):
        train_tiny(epochs=2, resume="last", optim={"lr": 1e30})
    assert files(tmp_path / "run" / "weights") == before


def test_weights_that_the_last_step_of_an_epoch_spoilt(train_tiny: Train, tmp_path: Path) -> None:
    # With one step an epoch, the loss is still a number when the weights are none any more.
    with pytest.raises(DivergedError, match=r"in epoch 1 at step 1 .*lower --lr"):
        train_tiny(batch_size=1000, optim={"lr": 3e38, "warmup": 0.0, "ema": 0})
    assert not (tmp_path / "run" / "weights").exists()


def test_poisoned_weights(train_tiny: Train, tmp_path: Path) -> None:
    train_tiny(epochs=1)
    path = tmp_path / "run" / "weights" / "last.ckpt"
    state = torch.load(path, weights_only=True)
    state["weights"]["0.weight"][0, 0, 0, 0] = float("nan")
    torch.save(state, path)
    before = files(path.parent)
    with pytest.raises(DivergedError, match="in epoch 2 at step 15"):
        train_tiny(epochs=2, resume="last")
    assert files(path.parent) == before


def greedy(n_bytes: int) -> nn.Module:
    class Greedy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(784, 6)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            if self.training:
                torch.empty(n_bytes, dtype=torch.uint8)
            scores: torch.Tensor = self.layer(images.flatten(1))
            return scores

    return Greedy()


@pytest.mark.usefixtures("own_registry")
def test_memory_exhausted_suggests_parts_or_half_the_batch(train_tiny: Train) -> None:
    @register_model
    def greedy_net(n_classes: int, image_shape: tuple[int, int, int]) -> nn.Module:
        """Wants more memory than there is."""
        return greedy(2**60)

    with pytest.raises(MemoryExhaustedError) as raised:
        train_tiny(model="greedy_net", batch_size=50)
    assert str(raised.value) == (
        "A batch of 50 drawings does not fit into memory. Try --accumulate 2, which takes it in 2"
        " parts, or --batch-size 25."
    )


@pytest.mark.usefixtures("own_registry")
def test_a_gpu_that_is_full(train_tiny: Train) -> None:
    @register_model
    def full_gpu(n_classes: int, image_shape: tuple[int, int, int]) -> nn.Module:
        """Fails as a GPU does."""
        network = greedy(1)
        network.layer.register_forward_hook(fail)
        return network

    def fail(layer: nn.Module, _inputs: object, _output: object) -> None:
        if layer.training:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    with pytest.raises(MemoryExhaustedError, match=r"Try a smaller --model\.$"):
        train_tiny(model="full_gpu", batch_size=1)


@pytest.mark.usefixtures("own_registry")
def test_a_fault_of_the_network_is_not_called_want_of_memory(train_tiny: Train) -> None:
    @register_model
    def wrong_net(n_classes: int, image_shape: tuple[int, int, int]) -> nn.Module:
        """Breaks while it learns."""
        network = greedy(1)
        network.layer.register_forward_pre_hook(
            lambda layer, inputs: (inputs[0][:, :3],) if layer.training else None
        )
        return network

    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        train_tiny(model="wrong_net")


def full_disk(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class FillDisk(SilentReporter):
    """Fills the disk when an epoch is over."""

    def __init__(self, patch: Callable[[], None]) -> None:
        self._patch = patch

    def epoch(self, position: Position, is_best: bool) -> None:
        self._patch()


@pytest.mark.parametrize("function", ["torch.save", "os.replace"])
def test_a_full_disk_leaves_the_checkpoint_before(
    function: str, train_tiny: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(DataError) as raised:
        train_tiny(reporter=lambda: FillDisk(lambda: patch.setattr(function, full_disk)))
    assert "the disk is full. Free some space" in str(raised.value)
    assert "--resume last" in str(raised.value)
    state = checkpoint.load_checkpoint(
        tmp_path / "run" / "weights" / "last.ckpt",
        model="quickdraw_cnn_v1",
        classes=["apple", "car", "cat", "clock", "house", "star"],
    )
    assert state["position"]["epoch"] == 1
    assert not list((tmp_path / "run" / "weights").glob(".*"))
    assert len(train_tiny(resume="last").rows) == 3


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / f".last.ckpt.{os.getpid()}.tmp").symlink_to("/dev/full")
    with pytest.raises(DataError, match=r"saving .*last\.ckpt: the disk is full"):
        checkpoint.save_checkpoint(folder / "last.ckpt", {"weights": torch.zeros(100_000)})
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "function",
    ["doodlewise.training.run_dir.write_text", "doodlewise.training.bundles.save_bundle"],
)
def test_a_disk_that_is_full_for_metrics_or_model(
    function: str, train_tiny: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(function, full_disk)
        with pytest.raises(DataError, match=r"writing .*run: the disk is full.*--resume last"):
            train_tiny(epochs=1)
    assert len(train_tiny(epochs=1, resume="last").rows) == 1


def test_a_folder_that_cannot_be_made(train_tiny: Train, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=r"a file is in the way .*--runs"):
        train_tiny(runs=tmp_path / "file")


def test_a_run_of_this_name_is_there(train_tiny: Train, tmp_path: Path) -> None:
    first = train_tiny(epochs=2)
    before = files(tmp_path)
    with pytest.raises(RunError, match=r"already is a run .*--name.*--resume last.*--exist-ok"):
        train_tiny(epochs=1)
    assert files(tmp_path) == before
    (first.folder / "report.html").write_text("old")
    (first.folder / "plots" / "old.png").write_text("old")
    again = train_tiny(epochs=1, seed=3, exist_ok=True)
    assert len((again.folder / "metrics.csv").read_text().splitlines()) == 2
    assert not (first.folder / "report.html").exists()
    assert not (first.folder / "plots" / "old.png").exists()
    assert "epoch 2" not in (again.folder / "train.log").read_text()


def test_a_run_started_over_leaves_no_old_model_behind(train_tiny: Train, tmp_path: Path) -> None:
    train_tiny(epochs=1)
    with pytest.raises(DivergedError):
        train_tiny(exist_ok=True, optim={"lr": 1e30})
    assert not (tmp_path / "run" / "model").exists()
    assert not (tmp_path / "run" / "metrics.csv").exists()


def test_a_run_without_a_name_gets_one(train_tiny: Train, tmp_path: Path) -> None:
    run = train_tiny(name="", epochs=1)
    assert run.folder.parent == tmp_path
    assert run.folder.name.startswith("quickdraw_cnn_v1-20")


def without_val(store: Path, copy: Path) -> Path:
    """The store, its validation drawings left out."""
    shutil.copytree(store, copy)
    manifest = json.loads((copy / "manifest.json").read_text("utf-8"))
    manifest["counts"]["val"] = dict.fromkeys(manifest["counts"]["val"], 0)
    manifest["shards"] = [each for each in manifest["shards"] if each["split"] != "val"]
    (copy / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    assert Store(copy).size("val") == 0
    return copy


def test_an_empty_validation_split(train_tiny: Train, strokes_store: Path, tmp_path: Path) -> None:
    store = without_val(strokes_store, tmp_path / "store")
    with pytest.raises(StoreError, match=r"The val split of .* is empty.*--val 0\.2"):
        train_tiny(store=store)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("values", "kind", "said"),
    [
        ({"store": "nowhere"}, StoreError, "There is no store at nowhere"),
        ({"model": "convnet_teeny"}, UnknownModelError, "Did you mean 'convnet_tiny'"),
        ({"render": {"side": 64}}, ModelError, "takes images of 28 x 28 .*not 64 x 64"),
        ({"model": "convnet_tiny", "render": {"side": 12}}, ModelError, "too small"),
        ({"device": "gpu"}, ConfigError, "no device 'gpu'. Choose auto, cpu, cuda or mps"),
        ({"precision": "16-mixed"}, ConfigError, r"no 16-mixed on cpu. Set --precision 32-true"),
        ({"devices": 1000, "batch_size": 1000}, StoreError, "fewer drawings than .*--devices 1"),
        ({"epochs": "many"}, ConfigError, "epochs is 'many'"),
        ({"momentum": 0.9}, ConfigError, "no setting 'momentum'"),
        ({"name": "a/b"}, ConfigError, "a name is no path"),
    ],
)
def test_what_is_refused_leaves_no_folder(
    values: dict[str, Any], kind: type[Exception], said: str, train_tiny: Train, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=said):
        train_tiny(**values)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("own_registry")
def test_a_network_that_cannot_be_had_leaves_no_folder(train_tiny: Train, tmp_path: Path) -> None:
    made: list[nn.Module] = []

    @register_model
    def fetched_net(n_classes: int, image_shape: tuple[int, int, int]) -> nn.Module:
        """Passes the trial, and is not there when the run begins, as weights that are fetched."""
        if made:
            raise ModelError("Its weights cannot be fetched.")
        made.append(nn.Sequential(nn.Flatten(), nn.Linear(image_shape[1] ** 2, n_classes)))
        return made[0]

    with pytest.raises(ModelError, match="cannot be fetched"):
        train_tiny(model="fetched_net")
    assert list(tmp_path.iterdir()) == []
    # What a run of before has left is no empty folder.
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    with pytest.raises(ModelError, match="cannot be fetched"):
        train_tiny(model="fetched_net", exist_ok=True)
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_device_that_is_not_there(train_tiny: Train, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no usable cuda device. Choose --device auto"):
        train_tiny(device="cuda")
    assert list(tmp_path.iterdir()) == []


def test_images_of_a_shape_that_the_network_cannot_take(
    train_tiny: Train, bitmap_store: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "store"
    shutil.copytree(bitmap_store, copy)
    manifest = json.loads((copy / "manifest.json").read_text("utf-8"))
    manifest["image_shape"] = [14, 14, 4]
    (copy / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(ModelError, match="not 14 x 14 with 4 channels"):
        train_tiny(store=copy)
    assert not (tmp_path / "run").exists()


def test_describing_a_run_writes_nothing(strokes_store: Path, tmp_path: Path) -> None:
    config = TrainConfig(store=str(strokes_store), runs=str(tmp_path), name="x", device="cpu")
    facts, summary = describe(config)
    assert facts["run"] == str(tmp_path / "x")
    assert "6 classes" in facts["data"]
    assert summary.startswith("convnet_tiny, input 1x28x28")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UnknownModelError):
        describe(config.with_values({"model": "nothing"}))
