"""Same seed, same machine, same numbers; and what it takes is written down.

In two processes: `test_many_devices`.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from doodlewise.environment import environment
from doodlewise.models.bundle import load_bundle
from doodlewise.training.repeat import command, repeatable_arithmetic
from doodlewise.training.setup import TrainedRun

Train = Callable[..., TrainedRun]
Same = Callable[[Path, Path], None]


@pytest.mark.usefixtures("without_report")
@pytest.mark.parametrize(
    "settings",
    [
        {"model": "convnet_tiny", "render": {"side": 16}},
        {"model": "quickdraw_cnn_v2"},
        {"model": "quickdraw_cnn_v1", "cache": "device", "epochs": 1},
    ],
    ids=lambda settings: settings["model"],
)
def test_two_runs_are_the_same_to_the_last_bit(
    settings: dict[str, Any], train_tiny: Train, assert_same_learning: Same
) -> None:
    settings = {"epochs": 2, "batch_size": 32, **settings}
    one, two = (train_tiny(name=name, **settings) for name in ("one", "two"))
    assert_same_learning(one.folder, two.folder)
    networks = [load_bundle(run.folder / "model")[0].state_dict() for run in (one, two)]
    assert all(torch.equal(networks[0][name], networks[1][name]) for name in networks[0])


@pytest.mark.usefixtures("without_report")
def test_another_seed_is_another_run(train_tiny: Train) -> None:
    one, two = (train_tiny(name=f"of {seed}", seed=seed, epochs=1) for seed in (0, 1))
    assert one.rows[0]["train_loss"] != two.rows[0]["train_loss"]


@pytest.mark.usefixtures("without_report")
def test_what_it_takes_to_repeat_a_run_is_written_down(
    train_tiny: Train, strokes_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setattr("sys.argv", ["/bin/doodlewise", "train", "my store", "--epochs", "1"])
    run = train_tiny(epochs=1)
    found = json.loads((run.folder / "env.json").read_text())
    assert environment().items() <= found.items()
    assert found["command"] == "doodlewise train 'my store' --epochs 1"
    assert found["processes"] == 1
    assert found["threads"] == torch.get_num_threads()
    assert found["variables"]["OMP_NUM_THREADS"] == "3"
    manifest = strokes_store / "manifest.json"
    assert found["store"] == {
        "folder": str(strokes_store.resolve()),
        "manifest_sha256": hashlib.sha256(manifest.read_bytes()).hexdigest(),
    }


@pytest.mark.parametrize(
    ("argv", "given"),
    [
        (["/venv/bin/doodlewise", "train", "a"], "doodlewise train a"),
        (["/x/doodlewise/__main__.py", "train", "a b"], "python -m doodlewise train 'a b'"),
        (["mine.py"], "mine.py"),
    ],
)
def test_the_command_can_be_given_again(
    argv: list[str], given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", argv)
    assert command() == given
    assert shlex.split(command())[-1] == argv[-1]


@pytest.mark.parametrize("kind", ["cuda", "cpu"])
def test_arithmetic_of_a_gpu_is_repeatable_for_as_long_as_is_asked(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    before = torch.are_deterministic_algorithms_enabled()
    with repeatable_arithmetic(True, torch.device(kind)):
        assert torch.are_deterministic_algorithms_enabled() == (kind == "cuda" or before)
    with repeatable_arithmetic(False, torch.device(kind)):
        assert torch.are_deterministic_algorithms_enabled() == before
    assert torch.are_deterministic_algorithms_enabled() == before
