from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import onnx
import pytest
import torch

from doodlewise.cli.app import run as run_command
from doodlewise.data.formats.synthetic import write_synthetic
from doodlewise.data.prepare import prepare
from doodlewise.data.split import Fractions
from doodlewise.data.store import Store
from doodlewise.errors import ModelError
from doodlewise.exporting.onnx import export_onnx
from doodlewise.exporting.quantize import LAYERS, MOST_LOST
from doodlewise.models.bundle import load_bundle, save_bundle
from doodlewise.predict.classifier import load


@pytest.fixture(scope="module")
def judges(strokes_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of so many other drawings of the same words that what is granted is several."""
    folder = tmp_path_factory.mktemp("judges")
    write_synthetic(folder, 250, seed=1)
    sources = [folder / f"{word}.ndjson" for word in Store(strokes_store).classes]
    prepare(sources, folder / "store", fractions=Fractions(val=0.8, test=0.05), jobs=1)
    assert MOST_LOST * Store(folder / "store").size("val") > 5
    return folder / "store"


@pytest.fixture
def fragile_run(trained_run: Path, tmp_path: Path) -> Path:
    """The same guesses, but a few features are so large that 8 bits lose the others."""
    shutil.copytree(trained_run, tmp_path / "fragile")
    network, info = load_bundle(tmp_path / "fragile" / "model")
    with torch.no_grad():
        *_, hidden, _, _, head = network  # type: ignore[misc]
        # Powers of two are exact: in float32 nothing changes.
        hidden.weight[:8] *= 1024.0
        hidden.bias[:8] *= 1024.0
        head.weight[:, :8] /= 1024.0
    save_bundle(network, info, tmp_path / "fragile" / "model")
    return tmp_path / "fragile"


def test_eight_bits_that_guess_as_well(trained_run: Path, judges: Path, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    full = export_onnx(trained_run, tmp_path / "full.onnx")
    report = export_onnx(
        trained_run,
        tmp_path / "small.onnx",
        int8=True,
        verify=judges,
        progress=lambda *each: told.append(each),
    )
    assert report.loss is not None
    assert report.int8
    assert abs(report.loss.top1 - report.loss.top1_int8) <= MOST_LOST
    assert report.loss.top1 > 0.8
    store = Store(judges)
    assert (report.loss.n, report.loss.n_calibrated) == (store.size("val"), store.size("train"))
    assert report.loss.is_rough
    assert list(dict.fromkeys(doing for doing, _, _ in told)) == [
        "verifying",
        "calibrating",
        "measuring int8",
    ]
    assert report.n_bytes == (tmp_path / "small.onnx").stat().st_size < 0.4 * full.n_bytes
    assert load(tmp_path / "small.onnx").info == load(tmp_path / "full.onnx").info

    graph = onnx.load(tmp_path / "small.onnx").graph
    # A scale for each channel of each layer's weights, and of its bias.
    scales = [each.dims[0] for each in graph.initializer if "_scale" in each.name and each.dims]
    assert sorted(scales) == sorted(2 * [16, 32, 64, 256])
    kinds = Counter(node.op_type for node in graph.node)
    # Strokes are drawn as exactly as ever, and the last layer, by which words are taught, stays.
    layers = [node for node in graph.node if node.op_type in LAYERS]
    assert len(layers) == 5
    assert kinds["QuantizeLinear"] <= 2 * (len(layers) - 1)
    weights = {each.name: each for each in graph.initializer}
    assert weights["head.weight"].data_type == onnx.TensorProto.FLOAT
    # Weights of 7 bits: sums of products do not overflow where processors add in 16 bits.
    eight = [onnx.numpy_helper.to_array(each) for each in weights.values() if each.data_type == 3]
    assert max(abs(each.astype(int)).max() for each in eight if each.ndim > 1) <= 64


def test_eight_bits_of_pixels(trained_run: Path, judges: Path, tmp_path: Path) -> None:
    report = export_onnx(
        trained_run, tmp_path / "small.onnx", input="pixels", int8=True, verify=judges
    )
    assert report.loss is not None
    assert abs(report.loss.top1 - report.loss.top1_int8) <= MOST_LOST
    assert report.loss.top1 > 0.8
    assert report.n_bytes < 500_000


def test_eight_bits_that_cost_too_much(
    fragile_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "small.onnx"
    with pytest.raises(ModelError, match=r"With 8 bits, .*% of the guesses.*--force"):
        export_onnx(fragile_run, out, int8=True, input="pixels")
    assert not out.exists()
    command = ["export", str(fragile_run), "--to", str(out), "--int8", "--input", "pixels"]
    assert run_command([*command, "--force", "--json"]) == 0
    loss = json.loads(capsys.readouterr().out)["loss"]
    assert loss["top1"] - loss["top1_int8"] > 0.1
    assert out.exists()
    assert run_command([*command, "--force"]) == 0
    said = capsys.readouterr()
    assert "With 8 bits: top-1" in said.out
    assert "These are few drawings" in said.err


def test_only_known_words_count(trained_run: Path, doodles: Path, tmp_path: Path) -> None:
    sources = [doodles / f"{word}.ndjson" for word in ("cat", "star", "sun", "flower")]
    prepare(sources, tmp_path / "store", fractions=Fractions(val=0.5, test=0.1), jobs=1)
    report = export_onnx(
        trained_run, tmp_path / "m.onnx", input="pixels", int8=True, force=True,
        verify=tmp_path / "store",
    )  # fmt: skip
    counts = Store(tmp_path / "store").manifest.counts["val"]
    assert report.loss is not None
    assert report.loss.n == counts["cat"] + counts["star"]
    assert report.loss.top1 > 0.8
    assert report.parity.n == sum(counts.values())
