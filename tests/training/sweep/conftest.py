"""Sweeps whose trials cost nothing."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import made_trials
import pytest
from made_trials import Sweep

from doodlewise.training.config import TrainConfig
from doodlewise.training.sweep.run import sweep


@pytest.fixture
def base() -> TrainConfig:
    return TrainConfig(store="stores/a10", model="quickdraw_cnn_v1", epochs=3)


@pytest.fixture
def without_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials are made up, in real processes; see `made_trials`."""
    monkeypatch.setattr("doodlewise.training.sweep.pool.work", made_trials.work)


@pytest.fixture
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out pictures and page, which take most of the time."""
    monkeypatch.setattr("doodlewise.training.sweep.write.write_pictures", lambda *_: None)


@pytest.fixture
def sweep_tiny(
    strokes_store: Path, tmp_path: Path, without_training: None, without_pictures: None
) -> Sweep:
    """`sweep` on the tiny store, of made-up trials of 3 epochs, in `tmp_path`/NAME."""
    settings: dict[str, Any] = {
        "model": "quickdraw_cnn_v1", "epochs": 3, "device": "cpu", "name": "s", "sweeps": tmp_path
    }  # fmt: skip
    return functools.partial(sweep, strokes_store, **settings)
