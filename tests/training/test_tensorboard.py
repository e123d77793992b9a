"""TensorBoard's records, read as TensorBoard reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from torch import nn

from doodlewise.errors import ConfigError, MissingExtraError
from doodlewise.models.registry import ImageShape, register_model
from doodlewise.training.config import TrainConfig
from doodlewise.training.loggers import logger
from doodlewise.training.setup import TrainedRun

pytestmark = pytest.mark.usefixtures("without_report")

Train = Callable[..., TrainedRun]
LOG = "csv,tensorboard"


def read(run: Path) -> Any:
    events = EventAccumulator(str(run / "tb"), size_guidance={"scalars": 0, "images": 0})
    return events.Reload()


def points(run: Path) -> Counter[tuple[str, int]]:
    """How often each point lies in the files themselves, whatever a reader makes of them."""
    found: Counter[tuple[str, int]] = Counter()
    for path in (run / "tb").glob("events.*"):
        for event in EventFileLoader(str(path)).Load():
            found.update((value.tag, event.step) for value in event.summary.value)
    return found


@pytest.fixture
def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("doodlewise.training.fit.CHECK_STEPS", 5)


@pytest.mark.usefixtures("look_often")
def test_curves_pictures_graph_and_settings(train_tiny: Train) -> None:
    run = train_tiny(epochs=2, log=LOG)
    events = read(run.folder)
    for tag, column in (
        ("loss/val", "val_loss"),
        ("top1/train", "train_top1"),
        ("learning rate", "lr"),
    ):
        shown = events.Scalars(tag)
        assert [each.step for each in shown] == [1, 2]
        assert [each.value for each in shown] == pytest.approx(
            [row[column] for row in run.rows], rel=1e-4
        )
    assert [each.step for each in events.Scalars("step/loss")] == [5, 10, 15, 20, 25, 30]
    # The losses of the looks of an epoch average to that of the epoch.
    losses = [each.value for each in events.Scalars("step/loss")]
    assert sum(losses[:3]) / 3 == pytest.approx(run.rows[0]["train_loss"], rel=1e-4)
    assert sum(losses[3:]) / 3 == pytest.approx(run.rows[1]["train_loss"], rel=1e-4)
    pictures = events.Images("wrong guesses")
    assert [each.step for each in pictures] == [1, 2]
    assert pictures[0].width > 800
    assert pictures[0].encoded_image_string.startswith(b"\x89PNG")
    assert len(events.Graph().node) > 10
    tags = events.Tags()["tensors"]
    assert "settings/text_summary" in tags
    text = events.Tensors("settings/text_summary")[0].tensor_proto.string_val[0].decode()
    assert "    model: quickdraw_cnn_v1" in text
    assert (run.folder / "metrics.csv").exists()


@pytest.mark.usefixtures("look_often")
def test_a_run_that_goes_on_has_no_point_twice(
    train_tiny: Train, interrupt: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train_tiny(name="whole", log=LOG)
    interrupt(2, 5, name="broken", log=LOG)
    broken = whole.folder.parent / "broken"
    checkpoint = (broken / "weights" / "last.ckpt").read_bytes()
    train_tiny(name="broken", resume="last", log=LOG)
    assert max(points(broken).values()) == 1
    # As after a kill: the records are ahead of the checkpoint.
    (broken / "weights" / "last.ckpt").write_bytes(checkpoint)
    train_tiny(name="broken", resume="last", log=LOG)
    assert max(points(broken).values()) == 1
    assert len(list((broken / "tb").iterdir())) == 1
    one, other = read(whole.folder), read(broken)
    for tag in ("loss/val", "loss/train", "top1/val", "learning rate"):
        assert [(each.step, each.value) for each in one.Scalars(tag)] == [
            (each.step, each.value) for each in other.Scalars(tag)
        ]
    assert {15, 20, 30, 45} <= {each.step for each in other.Scalars("step/loss")}
    assert len(other.Graph().node) == len(one.Graph().node)
    assert [each.step for each in other.Images("wrong guesses")] == [1, 2, 3]


def test_epochs_that_were_not_recorded_are_added(train_tiny: Train) -> None:
    train_tiny(epochs=1)
    run = train_tiny(epochs=2, resume="last", log=LOG)
    assert [each.step for each in read(run.folder).Scalars("loss/val")] == [1, 2]


def test_a_run_that_is_started_over_begins_anew(train_tiny: Train) -> None:
    train_tiny(epochs=2, log=LOG)
    run = train_tiny(epochs=1, exist_ok=True)
    assert not (run.folder / "tb").exists()


@pytest.mark.usefixtures("own_registry")
def test_a_network_that_cannot_be_drawn_is_trained_all_the_same(train_tiny: Train) -> None:
    class Shy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(784, 6)
            self.calls = 0

        def forward(self, images: Any) -> Any:
            from torch.jit import is_tracing

            if is_tracing():
                raise RuntimeError("no pictures, please")
            return self.layer(images.flatten(1))

    @register_model
    def shy_net(n_classes: int, image_shape: ImageShape) -> nn.Module:
        """Does not want to be drawn."""
        return Shy()

    run = train_tiny(model="shy_net", epochs=1, log=LOG)
    events = read(run.folder)
    assert not events.Tags()["graph"]
    said = events.Tensors("graph/text_summary")[0].tensor_proto.string_val[0].decode()
    assert "no pictures, please" in said


def test_a_stranger_among_the_records() -> None:
    with pytest.raises(ConfigError, match=r"'tensorbord', which is no record\. Did you mean 'tens"):
        TrainConfig(store="x", log="csv,tensorbord")
    assert TrainConfig(store="x", log=" tensorboard ").loggers == ["tensorboard"]


def test_without_tensorboard_nothing_begins(
    train_tiny: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logger, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'doodlewise\[train\]'"):
        train_tiny(log=LOG)
    assert not (tmp_path / "run").exists()
    train_tiny(epochs=1)


def test_training_without_it_does_not_load_it() -> None:
    import subprocess
    import sys

    probe = "import sys, doodlewise.training.setup; print('tensorboard' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
