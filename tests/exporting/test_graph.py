from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from numpy.typing import NDArray
from torch import nn

from doodlewise.bundle_info import BundleInfo
from doodlewise.drawing import Drawing
from doodlewise.exporting.graph import draw
from doodlewise.exporting.onnx import graph_of
from doodlewise.models.head import divided
from doodlewise.models.inputs import example_inputs, scores
from doodlewise.models.registry import (
    as_input,
    create_model,
    list_models,
    takes_by_name,
    usual_shape,
)
from doodlewise.ragged import Ragged
from doodlewise.raster import RenderSpec, render_many
from raster_cases import SPECS, drawings, far_apart, needs_quickdraw, real_drawings

WORDS = ["cat", "dog", "owl"]


def padded(every: list[Drawing], extra: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Points and pen as the exported file takes them, with more padding than is needed."""
    length = max(len(drawing.points) for drawing in every) + extra
    # What lies in the padding must not matter.
    points = np.full((len(every), length, 2), 1e6, np.float32)
    pen = np.zeros((len(every), length), np.int64)
    for row, drawing in enumerate(every):
        n = len(drawing.points)
        points[row, :n] = drawing.points
        pen[row, :n] = 2
        pen[row, np.cumsum(drawing.lengths) - drawing.lengths] = 1
    return points, pen


def drawn(every: list[Drawing], spec: RenderSpec, extra: int = 0) -> NDArray[np.uint8]:
    points, pen = padded(every, extra)
    levels = draw(torch.from_numpy(points), torch.from_numpy(pen), spec).numpy()
    images: NDArray[np.uint8] = levels.astype(np.uint8)
    assert (images == levels).all()
    return images


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_it_draws_as_the_definition_does(hand_made: dict[str, Drawing], spec: RenderSpec) -> None:
    for name, drawing in hand_made.items():
        images = drawn([drawing], spec, extra=3)
        assert (images == render_many(Ragged.from_drawings([drawing]), spec)).all(), name


@given(drawing=drawings())
@settings(max_examples=60, deadline=None)
def test_it_draws_anything(drawing: Drawing) -> None:
    images = drawn([drawing], RenderSpec())
    assert far_apart(images, render_many(Ragged.from_drawings([drawing]))) <= 1


@needs_quickdraw
def test_real_drawings_are_the_same_to_the_last_level() -> None:
    every = list(real_drawings(raw=False))[:400]
    images = drawn(every, RenderSpec())
    assert (images == render_many(Ragged.from_drawings(every))).all()


def test_neighbours_in_a_batch_do_not_matter(hand_made: dict[str, Drawing]) -> None:
    every = [hand_made[name] for name in ("face", "dot", "line", "two dots", "upright")]
    together = drawn(every, RenderSpec())
    alone = [drawn([drawing], RenderSpec())[0] for drawing in every]
    assert (together == alone).all()


def test_nothing_at_all_is_blank_paper() -> None:
    points, pen = torch.zeros((2, 4, 2)), torch.zeros((2, 4), dtype=torch.int64)
    assert (draw(points, pen, RenderSpec()) == 0.0).all()


def session(network: nn.Module, info: BundleInfo, takes: str) -> onnxruntime.InferenceSession:
    graph = graph_of(network, info, takes)  # type: ignore[arg-type]
    return onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )


@pytest.mark.parametrize("name", [n for n in list_models() if takes_by_name(n) == "images"])
def test_every_network_of_images_can_be_exported(name: str) -> None:
    torch.manual_seed(1)
    shape = usual_shape(name)
    network = create_model(name, n_classes=3).eval()
    runs = session(network, BundleInfo(name, WORDS, shape, temperature=0.3), "pixels")
    generator = np.random.default_rng(2)
    for batch in (1, 7):
        images = generator.integers(0, 256, (batch, *shape), np.uint8)
        ours = runs.run(["probabilities"], {"images": images})[0]
        with torch.inference_mode():
            theirs = torch.softmax(network(as_input(torch.from_numpy(images))) / 0.3, dim=1)
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-5)
        np.testing.assert_allclose(ours.sum(axis=1), 1.0, atol=1e-6)


def test_batches_and_lengths_of_any_size(hand_made: dict[str, Drawing]) -> None:
    torch.manual_seed(1)
    spec = RenderSpec(side=32, line_width=9.0, padding=4.0)
    network = create_model("convnet_tiny", n_classes=3, image_shape=(1, 32, 32)).eval()
    info = BundleInfo("convnet_tiny", WORDS, (1, 32, 32), spec, temperature=0.05)
    runs = session(network, info, "strokes")
    every = list(hand_made.values())
    for batch in (every[:1], every[2:3], every[:7], every):
        for extra in (0, 1, 40):
            points, pen = padded(batch, extra)
            ours = runs.run(["probabilities"], {"points": points, "pen": pen})[0]
            images = torch.from_numpy(render_many(Ragged.from_drawings(batch), spec))
            with torch.inference_mode():
                theirs = torch.softmax(network(as_input(images)) / 0.05, dim=1).numpy()
            np.testing.assert_allclose(ours, theirs, atol=1e-5)
    # The drawings are told apart, so that this could have failed.
    assert np.ptp(ours, axis=0).max() > 0.05


@pytest.mark.parametrize("name", list_models())
def test_the_last_layer_of_every_network_can_be_taught(name: str) -> None:
    torch.manual_seed(1)
    network = create_model(name, n_classes=3).eval()
    body, head = divided(network, usual_shape(name))
    assert head is not None
    inputs = example_inputs(takes_by_name(name), usual_shape(name), 4)
    with torch.inference_mode():
        features = scores(body, inputs)
        assert features.shape == (4, head.in_features)
        assert torch.equal(head(features), scores(network, inputs))


def test_a_network_that_ends_otherwise_stays_whole() -> None:
    linear = nn.Linear(784, 3)
    flat = nn.Flatten()
    for network in (
        nn.Sequential(flat, linear, nn.Tanh()),
        nn.Sequential(nn.Conv2d(1, 3, 28), flat),
    ):
        assert divided(network.eval(), (1, 28, 28)) == (network, None)
    info = BundleInfo("own", WORDS, (1, 28, 28), RenderSpec(), temperature=0.5)
    runs = session(nn.Sequential(flat, linear, nn.Tanh()), info, "strokes")
    assert [each.name for each in runs.get_outputs()] == ["probabilities", "pixels"]


def test_strokes_in_and_all_that_was_seen_out(hand_made: dict[str, Drawing]) -> None:
    torch.manual_seed(1)
    network = create_model("convnet_tiny", n_classes=3).eval()
    info = BundleInfo("convnet_tiny", WORDS, (1, 28, 28), RenderSpec(), temperature=0.3)
    runs = session(network, info, "strokes")
    every = [hand_made["face"], hand_made["line"]]
    points, pen = padded(every)
    outputs = ["features", "pixels", "probabilities"]
    features, pixels, probabilities = runs.run(outputs, {"points": points, "pen": pen})
    images = render_many(Ragged.from_drawings(every))
    assert pixels.dtype == np.uint8
    assert (pixels == images).all()
    body, head = divided(network, (1, 28, 28))
    assert head is not None
    with torch.inference_mode():
        expected = body(as_input(torch.from_numpy(images)))
        scores = head(torch.from_numpy(features)) / 0.3
    np.testing.assert_allclose(features, expected.numpy(), atol=1e-5)
    np.testing.assert_allclose(probabilities, torch.softmax(scores, dim=1).numpy(), atol=1e-5)


def test_one_file_takes_pictures_too() -> None:
    torch.manual_seed(1)
    network = create_model("convnet_tiny", n_classes=3).eval()
    info = BundleInfo("convnet_tiny", WORDS, (1, 28, 28), RenderSpec(), temperature=0.3)
    runs = session(network, info, "strokes")
    assert [each.name for each in runs.get_inputs()] == ["points", "pen"]
    images = np.random.default_rng(0).integers(0, 256, (5, 1, 28, 28), np.uint8)
    nothing = {"points": np.zeros((5, 1, 2), np.float32), "pen": np.zeros((5, 1), np.int64)}
    ours, seen = runs.run(["probabilities", "pixels"], nothing | {"images": images})
    with torch.inference_mode():
        theirs = torch.softmax(network(as_input(torch.from_numpy(images))) / 0.3, dim=1)
    np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-5)
    assert (seen == images).all()
    (blank,) = runs.run(["pixels"], nothing)
    assert (blank == 0).all()
