"""An exported file read back gives what the file gives, and goes on learning from there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from doodlewise.bundle_info import BundleInfo
from doodlewise.data.batches import render_window, windows
from doodlewise.data.store import Store
from doodlewise.drawing import Drawing
from doodlewise.errors import BundleError
from doodlewise.models.registry import as_input, create_model
from doodlewise.predict.bundled import BUNDLED
from doodlewise.predict.classifier import load
from doodlewise.ragged import Ragged
from doodlewise.raster import RenderSpec, render_many
from doodlewise.training.from_onnx import read_network, settle_norms

WORDS = ["apple", "car", "cat", "star"]


@pytest.fixture(scope="module")
def drawings() -> list[Drawing]:
    """Random lines, from few short ones to many long ones."""
    rng = np.random.default_rng(4)
    return [
        Drawing.from_strokes(
            [rng.normal(size=(rng.integers(2, 20), 2)).cumsum(axis=0) for _ in range(1 + n % 7)]
        )
        for n in range(400)
    ]


def guessed(network: nn.Module, info: BundleInfo, images: torch.Tensor) -> NDArray[np.float32]:
    with torch.inference_mode():
        scores = network(as_input(images)) / info.temperature
    return torch.softmax(scores, dim=1).numpy()


def drawn(drawings: list[Drawing], spec: RenderSpec) -> torch.Tensor:
    return torch.from_numpy(render_many(Ragged.from_drawings(drawings), spec))


def exported(model: str, to: Path) -> Path:
    """A network that has not learnt, but whose batch norms are no plain ones, as a file."""
    pytest.importorskip("onnxscript")
    from doodlewise.exporting.onnx import graph_of

    torch.manual_seed(5)
    network = create_model(model, n_classes=len(WORDS), image_shape=(1, 28, 28))
    for value in network.state_dict().values():
        if value.ndim == 1 and value.is_floating_point():
            value.uniform_(0.2, 1.0)
    info = BundleInfo(model, WORDS, (1, 28, 28), RenderSpec(), temperature=0.6)
    to.write_bytes(graph_of(network, info, "pixels").SerializeToString())
    return to


@pytest.mark.parametrize("model", ["convnet_tiny", "quickdraw_cnn_v2"])
def test_a_file_in_float32_is_the_same_network(
    model: str, drawings: list[Drawing], tmp_path: Path
) -> None:
    path = exported(model, tmp_path / "model.onnx")
    network, info = read_network(path)
    expected = load(path).probabilities(drawings)
    assert not network.training
    assert info.classes == WORDS
    assert np.ptp(expected) > 0.05
    found = guessed(network, info, drawn(drawings, RenderSpec()))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_bundled_model_guesses_as_its_file_does(drawings: list[Drawing]) -> None:
    """Its activations have 8 bits in the file, and 32 in torch: so near, and no nearer."""
    network, info = read_network(BUNDLED)
    assert info.render is not None
    expected = load().probabilities(drawings)
    found = guessed(network, info, drawn(drawings, info.render))
    same = found.argmax(axis=1) == expected.argmax(axis=1)
    assert same.mean() > 0.9
    assert np.abs(found - expected).max(axis=1).mean() < 0.03


def test_norms_are_settled_and_guesses_stay(strokes_store: Path) -> None:
    network, info = read_network(BUNDLED)
    rows = next(windows(Store(strokes_store), "train"))
    images = render_window(rows, info.render)
    before = guessed(network, info, images)
    settle_norms(network, images)
    np.testing.assert_allclose(guessed(network, info, images), before, atol=1e-5)
    # And it is about the same network while it learns, when norms go by the batch.
    network.train()
    with torch.no_grad():
        scores = network(as_input(images)) / info.temperature
    learning = torch.softmax(scores, dim=1).numpy()
    np.testing.assert_allclose(learning, before, atol=1e-3)


def test_what_cannot_be_found_in_a_file_is_said(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    content = BUNDLED.read_bytes()
    assert content.count(b'"convnet_tiny"') == 1
    path.write_bytes(content.replace(b'"convnet_tiny"', b'"convnet_base"'))
    with pytest.raises(BundleError, match=r"cannot all be found in .*Name the run folder"):
        read_network(path)


def test_a_file_that_is_no_network(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"PK no network")
    with pytest.raises(BundleError, match="is not an ONNX file"):
        read_network(path)
