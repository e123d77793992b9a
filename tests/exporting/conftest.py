"""A small network that has not learnt, saved as a run would save it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from doodlewise.bundle_info import BundleInfo
from doodlewise.data.store import Store
from doodlewise.models.bundle import save_bundle
from doodlewise.models.registry import ImageShape, create_model
from doodlewise.raster import RenderSpec
from doodlewise.training.setup import train

SaveRun = Callable[..., Path]


@pytest.fixture
def save_run(strokes_store: Path, tmp_path: Path) -> SaveRun:
    """Save a network with fresh weights as `tmp_path`/run/model, and where its drawings were."""

    def save(
        model: str = "quickdraw_cnn_v1",
        *,
        store: Path = strokes_store,
        image_shape: ImageShape = (1, 28, 28),
        render: RenderSpec | None = RenderSpec(),  # noqa: B008 - frozen
        temperature: float = 0.7,
    ) -> Path:
        torch.manual_seed(3)
        classes = Store(store).classes
        network = create_model(model, n_classes=len(classes), image_shape=image_shape)
        info = BundleInfo(model, classes, image_shape, render, temperature=temperature)
        save_bundle(network.eval(), info, tmp_path / "run" / "model")
        (tmp_path / "run" / "config.yaml").write_text(f"store: {store}\n", encoding="utf-8")
        return tmp_path / "run"

    return save


@pytest.fixture(scope="session")
def trained_run(strokes_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has learnt the tiny store. Only to be read."""
    return train(
        store=strokes_store, runs=tmp_path_factory.mktemp("runs"), model="quickdraw_cnn_v2",
        epochs=20, batch_size=32, name="run", device="cpu", precision="32-true", report=False,
    ).folder  # fmt: skip
