from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import nn

import doodlewise as dw
from doodlewise.bundle_info import BundleInfo, read_bundle_info
from doodlewise.cli.app import run as run_command
from doodlewise.data.store import Store
from doodlewise.errors import BundleError, ConfigError, MissingExtraError, ModelError, StoreError
from doodlewise.exporting import onnx as exporting
from doodlewise.exporting.onnx import OPSET, export_onnx, graph_of
from doodlewise.models.registry import create_model
from doodlewise.predict.classifier import load
from doodlewise.raster import RenderSpec

SaveRun = Callable[..., Path]


def test_the_file_guesses_as_the_run_does(
    trained_run: Path, strokes_store: Path, tmp_path: Path
) -> None:
    told: list[tuple[str, int, int]] = []
    out = tmp_path / "new folder" / "model.onnx"
    report = export_onnx(trained_run, out, progress=lambda *each: told.append(each))
    n_val = Store(strokes_store).size("val")
    assert (report.out, report.input, report.int8, report.loss) == (out, "strokes", False, None)
    assert report.n_bytes == out.stat().st_size
    assert report.store == strokes_store
    assert (report.parity.n, report.parity.n_exact) == (n_val, n_val)
    assert report.parity.same_top1 == 1.0
    assert 0.0 < report.parity.max_difference <= 1e-5
    assert told[-1] == ("verifying", n_val, n_val)
    assert [path.name for path in out.parent.iterdir()] == ["model.onnx"]

    store = Store(strokes_store)
    rows = store.read(store.shards("test")[0])
    assert rows.drawings is not None
    ours = load(out).probabilities(rows.drawings)
    theirs = load(trained_run).probabilities(rows.drawings)
    # raster_host may be one level away from the definition, in a pixel of a drawing or two.
    np.testing.assert_allclose(ours, theirs, atol=5e-3)
    assert np.median(np.abs(ours - theirs)) < 1e-6
    assert np.mean(ours.argmax(axis=1) == rows.labels) > 0.5


def test_what_travels_with_it(trained_run: Path, tmp_path: Path) -> None:
    export_onnx(trained_run, tmp_path / "model.onnx")
    model = onnx.load(tmp_path / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert [(each.domain, each.version) for each in model.opset_import] == [("", OPSET)]
    shapes = {
        each.name: [axis.dim_param or axis.dim_value for axis in each.type.tensor_type.shape.dim]
        for each in (*model.graph.input, *model.graph.output)
    }
    assert shapes == {
        "points": ["batch", "length", 2],
        "pen": ["batch", "length"],
        "images": ["n_images", 1, 28, 28],
        "probabilities": ["batch", 6],
        "features": ["batch", 256],
        "pixels": ["batch", 1, 28, 28],
    }
    props = {each.key: each.value for each in model.metadata_props}
    assert props.keys() == {"doodlewise", "doodlewise.means", "doodlewise.feature_means"}
    values = json.loads(props["doodlewise"])
    info = read_bundle_info(trained_run / "model")
    assert (values["format"], values["input"]) == (1, "strokes")
    assert values["info"] == json.loads(json.dumps(dataclasses.asdict(info)))
    assert load(tmp_path / "model.onnx").info == info
    # No path of the machine that it was made on.
    assert str(Path(exporting.__file__).parents[1]).encode() not in model.SerializeToString()


def swapped_weights(network: nn.Module, info: BundleInfo) -> tuple[nn.Module, BundleInfo]:
    torch.manual_seed(4)
    other = create_model(info.model, n_classes=len(info.classes), image_shape=info.image_shape)
    return other.eval(), info


def other_temperature(network: nn.Module, info: BundleInfo) -> tuple[nn.Module, BundleInfo]:
    return network, dataclasses.replace(info, temperature=1.05 * info.temperature)


def thinner_line(network: nn.Module, info: BundleInfo) -> tuple[nn.Module, BundleInfo]:
    return network, dataclasses.replace(info, render=RenderSpec(line_width=15.9))


@pytest.mark.parametrize("tamper", [swapped_weights, other_temperature, thinner_line])
def test_a_graph_that_is_not_the_network_is_not_written(
    trained_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tamper: Callable[[nn.Module, BundleInfo], tuple[nn.Module, BundleInfo]],
) -> None:
    def tampered(network: nn.Module, info: BundleInfo, input: Any) -> onnx.ModelProto:
        return graph_of(*tamper(network, info), input)

    monkeypatch.setattr(exporting, "graph_of", tampered)
    with pytest.raises(ModelError, match=r"differ by up to .* the same for .*Nothing was written"):
        export_onnx(trained_run, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_not_a_number_is_a_difference(
    save_run: SaveRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(network: nn.Module, info: BundleInfo, input: Any) -> onnx.ModelProto:
        return graph_of(network, dataclasses.replace(info, temperature=float("nan")), input)

    monkeypatch.setattr(exporting, "graph_of", broken)
    with pytest.raises(ModelError, match="differ by up to nan"):
        export_onnx(save_run(), tmp_path / "model.onnx", input="pixels")


def test_an_older_file_stays_when_the_new_one_is_refused(
    save_run: SaveRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = save_run()
    (tmp_path / "model.onnx").write_bytes(b"older")
    monkeypatch.setattr("doodlewise.exporting.parity.MOST_DIFFERENT", 0.0)
    with pytest.raises(ModelError, match="Nothing was written"):
        export_onnx(run, tmp_path / "model.onnx", input="pixels")
    assert (tmp_path / "model.onnx").read_bytes() == b"older"


def test_pixels_of_a_network_of_bitmaps(
    save_run: SaveRun, bitmap_store: Path, tmp_path: Path
) -> None:
    run = save_run("quickdraw_cnn_v2", store=bitmap_store)
    report = export_onnx(run, tmp_path / "model.onnx", input="pixels")
    assert (report.input, report.store) == ("pixels", bitmap_store)
    assert report.parity.n == report.parity.n_exact == Store(bitmap_store).size("val")
    with pytest.raises(StoreError, match=r"holds pixels.* --verify STORE; or .* --input pixels"):
        export_onnx(run, tmp_path / "other.onnx")


def test_networks_that_take_pictures_only(
    save_run: SaveRun, bitmap_store: Path, tmp_path: Path
) -> None:
    run = save_run("convnet_tiny", store=bitmap_store, render=None)
    with pytest.raises(BundleError, match=r"takes pictures only.* --input pixels"):
        export_onnx(run, tmp_path / "model.onnx")
    report = export_onnx(run, tmp_path / "model.onnx", input="pixels")
    assert report.parity.max_difference <= 1e-5


def test_a_store_that_it_was_not_trained_on(
    save_run: SaveRun, strokes_store: Path, tmp_path: Path
) -> None:
    run = save_run()
    (run / "config.yaml").unlink()
    with pytest.raises(StoreError, match=r"does not say what it was trained on.* --verify STORE"):
        export_onnx(run, tmp_path / "model.onnx", input="pixels")
    report = export_onnx(run / "model", tmp_path / "m.onnx", input="pixels", verify=strokes_store)
    assert report.store == strokes_store


def test_wishes_that_cannot_be_met(
    save_run: SaveRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = save_run()
    with pytest.raises(ConfigError, match="no input 'photos'"):
        export_onnx(run, tmp_path / "model.onnx", input="photos")  # type: ignore[arg-type]
    with pytest.raises(BundleError, match="no model in"):
        export_onnx(tmp_path / "nothing", tmp_path / "model.onnx")
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(MissingExtraError, match=r"onnxscript.*doodlewise\[export\]"):
        export_onnx(run, tmp_path / "model.onnx")


def test_the_export_of_stores_keeps_its_name() -> None:
    assert callable(dw.export)


def test_the_command(save_run: SaveRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, out = str(save_run()), tmp_path / "model.onnx"
    assert run_command(["export", run, "--to", str(out)]) == 0
    said = capsys.readouterr()
    assert f"{out}: strokes in, float32, opset 18, " in said.out
    assert "the same best guess for 100.00% of" in said.out
    assert said.err == ""
    assert run_command(["export", run, "--to", str(out), "--input", "pixels", "--json"]) == 0
    said = capsys.readouterr()
    values = json.loads(said.out)
    assert (values["out"], values["input"], values["loss"]) == (str(out), "pixels", None)
    assert values["n_bytes"] == out.stat().st_size
    assert values["parity"]["max_difference"] <= 1e-4
    assert run_command(["export", run, "--to", str(out), "--input", "photos"]) == 2
    assert "Choose strokes or pixels" in capsys.readouterr().err
