"""The learning rate test."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from doodlewise.cli.app import run
from doodlewise.errors import ConfigError, TrainingError
from doodlewise.training import find_lr as module
from doodlewise.training.config import TrainConfig
from doodlewise.training.find_lr import find_lr


@pytest.fixture
def config(strokes_store: Path) -> TrainConfig:
    return TrainConfig(
        store=str(strokes_store), model="quickdraw_cnn_v2", batch_size=32, device="cpu",
        precision="32-true",
    )  # fmt: skip


def test_it_finds_the_range_in_which_it_learns(config: TrainConfig) -> None:
    seen: list[tuple[int, int]] = []
    found = find_lr(config, steps=100, progress=lambda done, total: seen.append((done, total)))
    assert found.lr[0] == pytest.approx(1e-5)
    assert (np.diff(np.log(found.lr)) > 0).all()
    assert 1e-4 < found.suggested < 5e-2
    assert found.steepest <= found.suggested <= found.lowest
    assert found.has_diverged
    assert seen[-1][0] == len(seen) <= 100
    again = find_lr(config, steps=100)
    assert again.loss.tolist() == found.loss.tolist()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"first": 1.0, "last": 0.1}, "From 1 to 0.1 is no range"),
        ({"first": 0.0}, "no range"),
        ({"steps": 5}, "5 steps are too few.*Choose 40 or more"),
    ],
)
def test_what_is_impossible(config: TrainConfig, values: dict[str, float], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        find_lr(config, **values)  # type: ignore[arg-type]


def test_a_range_in_which_nothing_happens(config: TrainConfig) -> None:
    with pytest.raises(TrainingError, match=r"fell nowhere between .*--from, --until"):
        find_lr(config, first=1e-12, last=1e-10, steps=40)


def judged(loss: Callable[[np.ndarray], np.ndarray]) -> module.LrTest:
    lr = np.logspace(-5, 0.5, 150)
    noise = np.random.default_rng(1).normal(0.0, 0.02, 150)
    return module._judge(lr, loss(np.log10(lr)) + noise, 150, True)


def test_a_curve_from_the_book() -> None:
    # Falls fastest at 1e-3, is lowest near 1e-2, and rises.
    found = judged(lambda x: 2.3 - 1.5 / (1 + np.exp(-4 * (x + 3))) + np.exp(2.5 * (x + 0.8)))
    assert found.steepest == pytest.approx(1e-3, rel=0.4)
    assert found.lowest == pytest.approx(1.5e-2, rel=0.6)
    assert found.suggested == pytest.approx(np.sqrt(found.steepest * found.lowest), rel=0.06)


def test_the_command_says_how_to_go_on_and_keeps_nothing(
    strokes_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    flags = ["--model", "quickdraw_cnn_v1", "--batch-size", "32", "--steps", "60"]
    flags += ["--device", "cpu", "--set", "optim.clip=0"]
    assert run(["find-lr", str(strokes_store), *flags, "--to", "lr.png"]) == 0
    said, talk = capsys.readouterr()
    assert said.startswith("suggested: --lr 0.0")
    lr = said.split()[-1]
    assert (
        f"doodlewise train {strokes_store} --model quickdraw_cnn_v1 --batch-size 32 --device cpu"
        f" --set optim.clip=0 --lr {lr}"
    ) in talk
    assert [path.name for path in tmp_path.iterdir()] == ["lr.png"]
    assert run(["find-lr", str(strokes_store), *flags, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["suggested"] == float(lr)
    assert len(found["lr"]) == len(found["loss"]) == len(found["smooth"])


def test_the_picture_is_a_png(strokes_store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["find-lr", str(strokes_store), "--to", "lr.pdf"]) != 0
    assert "Use --to lr.png" in capsys.readouterr().err


def test_ctrl_c_ends_it_and_nothing_is_left(
    strokes_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def press(*_: object) -> float:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "_loss", press)
    assert run(["find-lr", str(strokes_store), "--to", "lr.png"]) == 130
    assert list(tmp_path.iterdir()) == []
