"""The same drawings through a torch bundle, and through the files that were exported from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from doodlewise.bundle_info import BundleInfo
from doodlewise.data.store import Store
from doodlewise.drawing import Drawing
from doodlewise.exporting.onnx import export_onnx
from doodlewise.models.bundle import save_bundle
from doodlewise.models.registry import create_model
from doodlewise.predict.classifier import Classifier, load
from doodlewise.raster import RenderSpec

TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def folder(strokes_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with fresh weights, and both kinds of file made from it."""
    folder = tmp_path_factory.mktemp("exported")
    torch.manual_seed(0)
    spec = RenderSpec(28, 14.0, 10.0)
    classes = Store(strokes_store).classes
    info = BundleInfo("quickdraw_cnn_v2", classes, (1, 28, 28), spec, temperature=0.4)
    save_bundle(create_model(info.model, n_classes=len(classes)).eval(), info, folder / "bundle")
    for kind in ("strokes", "pixels"):
        export_onnx(folder / "bundle", folder / f"{kind}.onnx", input=kind, verify=strokes_store)
    return folder


@pytest.fixture(scope="module")
def by_torch(folder: Path) -> Classifier:
    return load(folder / "bundle")


@pytest.mark.parametrize("kind", ["strokes", "pixels"])
def test_the_same_drawings_get_the_same_guesses(
    kind: str,
    folder: Path,
    by_torch: Classifier,
    strokes_store: Path,
    hand_made: dict[str, Drawing],
) -> None:
    exported = load(folder / f"{kind}.onnx")
    assert exported.classes == by_torch.classes
    assert exported.render == by_torch.render
    store = Store(strokes_store)
    rows = store.read(store.shards("train")[0])
    assert rows.drawings is not None
    drawings = [*rows.drawings, *hand_made.values()]
    found, expected = exported.probabilities(drawings), by_torch.probabilities(drawings)
    np.testing.assert_allclose(found, expected, atol=TOLERANCE)
    assert np.array_equal(found.argmax(axis=1), expected.argmax(axis=1))


def test_a_long_drawing_is_thinned_to_the_same_guess(folder: Path, by_torch: Classifier) -> None:
    turn = np.linspace(0.0, 60.0 * np.pi, 100_000)
    spiral = Drawing.from_strokes([np.stack([np.cos(turn), np.sin(turn)], axis=1) * turn[:, None]])
    np.testing.assert_allclose(
        load(folder / "strokes.onnx").probabilities([spiral]),
        by_torch.probabilities([spiral]),
        atol=0.001,
    )
