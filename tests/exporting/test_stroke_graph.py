"""Networks that see strokes, as files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

import doodlewise
from doodlewise.bundle_info import BundleInfo
from doodlewise.data.batches import inputs_of_drawings
from doodlewise.data.points import simplified_rows
from doodlewise.drawing import Drawing
from doodlewise.errors import BundleError
from doodlewise.exporting.onnx import export_onnx, graph_of
from doodlewise.exporting.onnx_gru import bidirectional_gru
from doodlewise.models.inputs import scores, takes_of
from doodlewise.models.registry import create_model
from doodlewise.predict.stroke_batches import stroke_batches
from doodlewise.ragged import Ragged
from doodlewise.raster import RenderSpec, render_many

NAMES = ["fusion_small", "stroke_transformer"]
"""And with fusion_small stroke_gru."""
SPEC = RenderSpec(side=20, line_width=24.0)
T = 0.2
"""A temperature that makes differences large."""


@dataclass(frozen=True)
class Exported:
    network: nn.Module
    session: onnxruntime.InferenceSession

    def theirs(self, drawings: Ragged) -> NDArray[np.float32]:
        inputs = inputs_of_drawings(drawings, SPEC, takes_of(self.network))
        with torch.inference_mode():
            found: NDArray[np.float32] = torch.softmax(scores(self.network, inputs) / T, 1).numpy()
        return found

    def ours(
        self, drawings: Ragged, names: Sequence[str] = ("probabilities",), *, most: int = 10**6
    ) -> list[NDArray[Any]]:
        found: list[NDArray[Any]] = []
        for batch in stroke_batches(simplified_rows(drawings), longest=4096, most=most):
            given = self.session.run(list(names), {"points": batch.points, "pen": batch.pen})
            if not found:
                found = [np.zeros((len(drawings), *each.shape[1:]), each.dtype) for each in given]
            for all_rows, own in zip(found, given, strict=True):
                all_rows[batch.rows] = own
        return found


@pytest.fixture(scope="module", params=NAMES)
def exported(request: pytest.FixtureRequest) -> Exported:
    torch.manual_seed(5)
    network = create_model(request.param, n_classes=3, image_shape=(1, 20, 20)).eval()
    info = BundleInfo(
        request.param, ["cat", "dog", "owl"], (1, 20, 20), SPEC, temperature=T,
        takes=takes_of(network),
    )  # fmt: skip
    file = graph_of(network, info, "strokes").SerializeToString()
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return Exported(network, session)


@pytest.fixture(scope="module")
def every(hand_made: dict[str, Drawing]) -> Ragged:
    return Ragged.from_drawings(hand_made.values())


def test_it_gives_what_torch_gives(exported: Exported, every: Ragged) -> None:
    theirs = exported.theirs(every)
    assert np.ptp(theirs, axis=0).max() > 0.1
    for most in (1, 50, 10**6):
        (ours,) = exported.ours(every, most=most)
        np.testing.assert_allclose(ours, theirs, atol=2e-5)


def test_what_lies_in_the_padding_does_not_matter(exported: Exported, every: Ragged) -> None:
    (batch,) = stroke_batches(simplified_rows(every.slice(0, 1)), longest=99, most=99)
    wider = np.pad(batch.points, ((0, 0), (0, 9), (0, 0)), constant_values=1e6)
    pen = np.pad(batch.pen, ((0, 0), (0, 9)))
    (ours,) = exported.session.run(["probabilities"], {"points": wider, "pen": pen})
    np.testing.assert_allclose(ours, exported.theirs(every.slice(0, 1)), atol=2e-5)


def test_features_and_a_look(exported: Exported, every: Ragged) -> None:
    probabilities, features, pixels = exported.ours(every, ["probabilities", "features", "pixels"])
    head: nn.Linear = exported.network.head  # type: ignore[assignment]
    again = torch.softmax(head(torch.from_numpy(features)) / T, dim=1).detach()
    np.testing.assert_allclose(again.numpy(), probabilities, atol=2e-5)
    assert (pixels == render_many(simplified_rows(every), SPEC).reshape(pixels.shape)).all()


def test_no_point_at_all_is_no_error(exported: Exported) -> None:
    points, pen = np.zeros((2, 1, 2), np.float32), np.zeros((2, 1), np.int64)
    probabilities, pixels = exported.session.run(
        ["probabilities", "pixels"], {"points": points, "pen": pen}
    )
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-5)
    assert (pixels == 0).all()


def test_the_operator_is_the_gru_of_torch() -> None:
    torch.manual_seed(0)
    gru = nn.GRU(3, 4, bidirectional=True, batch_first=True)
    values, counts = torch.randn(3, 7, 3), torch.tensor([7, 1, 4])
    weights = [
        torch.stack([getattr(gru, f"{name}_l0{way}").detach() for way in ("", "_reverse")])
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]
    found = bidirectional_gru(values, counts, *weights)
    assert found.shape == (3, 7, 8)
    for row, count in enumerate(counts.tolist()):
        expected, _ = gru(values[row : row + 1, :count])
        torch.testing.assert_close(found[row, :count], expected[0].detach())
        assert (found[row, count:] == 0).all()


def test_pixels_are_no_strokes(save_run: Any, tmp_path: Path) -> None:
    run = save_run("stroke_gru")
    with pytest.raises(BundleError, match="stroke_gru sees strokes, which pixels do not have"):
        export_onnx(run, tmp_path / "model.onnx", input="pixels")


def test_from_a_run_to_a_file_that_is_taught(
    save_run: Any, hand_made: dict[str, Drawing], tmp_path: Path
) -> None:
    from doodlewise.predict.teach import teach

    file = tmp_path / "model.onnx"
    report = export_onnx(save_run("stroke_gru"), file)
    assert report.parity.same_top1 == 1.0
    assert report.parity.max_difference < 1e-5
    by_torch, by_file = doodlewise.load(tmp_path / "run"), doodlewise.load(file)
    drawings = [hand_made[name] for name in ("face", "line", "scribble", "dot")]
    np.testing.assert_allclose(
        by_file.probabilities(drawings), by_torch.probabilities(drawings), atol=1e-5
    )
    # A pen that tells where it is more often changes little: it is simplified here and there.
    assert (
        by_file.see(drawings, pixels=True).pixels == by_torch.see(drawings, pixels=True).pixels
    ).all()
    picture = Image.new("L", (60, 60), 255)
    for model in (by_torch, by_file):
        assert not model.takes_pictures
        with pytest.raises(BundleError, match=r"stroke_gru sees strokes, which no picture has\. G"):
            model.predict(picture)
    examples = {"new": [hand_made["face"], hand_made["line"]], "other": [hand_made["dot"]]}
    taught = teach(by_file, examples, keep_known=True)
    assert taught.classifier.classes[-2:] == ["new", "other"]
    assert taught.classifier.predict(hand_made["face"], top=1).word == "new"
