"""Networks that see order and time, as files: what they draw, and what becomes of lacking times."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import doodlewise
from doodlewise.bundle_info import BundleInfo
from doodlewise.drawing import Drawing
from doodlewise.errors import BundleError
from doodlewise.exporting.onnx import export_onnx, graph_of
from doodlewise.models.registry import create_model
from doodlewise.predict.stroke_batches import stroke_batches
from doodlewise.ragged import Ragged
from doodlewise.raster import RenderSpec, render_many

SPEC = RenderSpec(channels=("ink", "order", "time"))


@pytest.fixture(scope="module")
def timed(hand_made: dict[str, Drawing]) -> list[Drawing]:
    """Every second one with times: the pen gets slower, or its clock runs backwards."""
    every = list(hand_made.values())
    for at in range(0, len(every), 2):
        times = np.arange(every[at].n_points, dtype=np.float32) ** 2
        every[at] = replace(every[at], times=times if at % 4 else times[::-1] - times[-1])
    return every


def network_of(spec: RenderSpec) -> tuple[torch.nn.Module, BundleInfo]:
    torch.manual_seed(4)
    network = create_model("convnet_tiny", n_classes=3, image_shape=spec.image_shape).eval()
    return network, BundleInfo("convnet_tiny", ["cat", "dog", "owl"], spec.image_shape, spec)


@pytest.fixture(scope="module")
def session() -> onnxruntime.InferenceSession:
    network, info = network_of(SPEC)
    file = graph_of(network, info, "strokes").SerializeToString()
    return onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])


def drawn(
    session: onnxruntime.InferenceSession, every: list[Drawing], *, with_times: bool = True
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    images = np.zeros((len(every), *SPEC.image_shape), np.uint8)
    found = np.zeros((len(every), 3), np.float32)
    for batch in stroke_batches(Ragged.from_drawings(every), longest=4096, most=10**6):
        given: dict[str, Any] = {"points": batch.points, "pen": batch.pen}
        if with_times and batch.times is not None:
            given["times"] = batch.times
        images[batch.rows], found[batch.rows] = session.run(["pixels", "probabilities"], given)
    return images, found


def test_it_draws_as_the_definition_does(
    session: onnxruntime.InferenceSession, timed: list[Drawing]
) -> None:
    images, found = drawn(session, timed)
    expected = render_many(Ragged.from_drawings(timed), SPEC)
    assert np.abs(images.astype(int) - expected).max() <= 1
    # The clock and the order differ, so a mistaken plane would show.
    assert (expected[:, 1] != expected[:, 2]).any()
    network, _ = network_of(SPEC)
    with torch.inference_mode():
        theirs = torch.softmax(network(torch.from_numpy(images) / 255.0), dim=1).numpy()
    np.testing.assert_allclose(found, theirs, atol=1e-5)


def test_without_times_time_is_the_order(
    session: onnxruntime.InferenceSession, timed: list[Drawing]
) -> None:
    images, _ = drawn(session, timed, with_times=False)
    assert np.array_equal(images[:, 1], images[:, 2])
    untimed, _ = drawn(session, [replace(each, times=None) for each in timed])
    assert np.array_equal(images, untimed)


def test_from_a_run_to_guesses(save_run: Any, timed: list[Drawing], tmp_path: Path) -> None:
    run = save_run("convnet_tiny", image_shape=SPEC.image_shape, render=SPEC)
    report = export_onnx(run, tmp_path / "model.onnx")
    assert report.parity.max_difference <= 1e-4
    ours, theirs = doodlewise.load(tmp_path / "model.onnx"), doodlewise.load(run)
    for model in (ours, theirs):
        assert not model.takes_pictures
        with pytest.raises(BundleError, match=r"channels are ink,order,time.*--channels ink"):
            model.predict(Image.new("L", (60, 60), 255))
    np.testing.assert_allclose(ours.probabilities(timed), theirs.probabilities(timed), atol=1e-4)
    untimed = [replace(each, times=None) for each in timed]
    assert np.abs(ours.probabilities(untimed) - ours.probabilities(timed)).max() > 1e-6


def test_order_alone_asks_for_no_times(save_run: Any, timed: list[Drawing], tmp_path: Path) -> None:
    spec = RenderSpec(channels=("order",))
    run = save_run("convnet_tiny", image_shape=spec.image_shape, render=spec)
    export_onnx(run, tmp_path / "model.onnx")
    given = onnxruntime.InferenceSession(tmp_path / "model.onnx").get_inputs()
    assert [each.name for each in given] == ["points", "pen"]
    ours, theirs = doodlewise.load(tmp_path / "model.onnx"), doodlewise.load(run)
    np.testing.assert_allclose(ours.probabilities(timed), theirs.probabilities(timed), atol=1e-4)
