"""What export writes runs in onnxruntime-web: its opset, its operators, of every kind of file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from places import SUB_PATH

from doodlewise.bundle_info import BundleInfo
from doodlewise.data.store import Store
from doodlewise.exporting.onnx import export_onnx, graph_of
from doodlewise.models.bundle import save_bundle
from doodlewise.models.registry import create_model, list_models, takes_by_name, usual_shape
from doodlewise.predict.stroke_batches import stroke_batches
from doodlewise.raster import RenderSpec, render_many

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

pytestmark = pytest.mark.browser

RUN = """async ({ model, inputs, outputs }) => {
    const ort = await import(new URL("runtime/ort.js", document.baseURI));
    if (!ort.env.wasm.wasmBinary) {
        ort.env.wasm.numThreads = 1;
        ort.env.wasm.wasmPaths = { mjs: new URL("runtime/ort-glue.js", document.baseURI).href };
        const packed = await fetch("runtime/ort.wasm.gz");
        const stream = packed.body.pipeThrough(new DecompressionStream("gzip"));
        ort.env.wasm.wasmBinary = await new Response(stream).arrayBuffer();
    }
    const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 });
    const kinds = { float32: Float32Array, int64: BigInt64Array, uint8: Uint8Array };
    const given = {};
    for (const [name, { type, data, dims }] of Object.entries(inputs)) {
        const values = type === "int64" ? data.map(BigInt) : data;
        given[name] = new ort.Tensor(type, kinds[type].from(values), dims);
    }
    const found = await session.run(given, outputs);
    await session.release();
    return Object.fromEntries(outputs.map((name) => [name, Array.from(found[name].data)]));
}"""


def run_in_browser(
    tab: Tab, www: Path, model: bytes, inputs: dict[str, np.ndarray[Any, Any]], outputs: list[str]
) -> dict[str, np.ndarray[Any, Any]]:
    (www / SUB_PATH / "tried.onnx").write_bytes(model)
    tensors = {
        name: {
            "type": str(values.dtype),
            "data": values.ravel().tolist(),
            "dims": list(values.shape),
        }
        for name, values in inputs.items()
    }
    given = {"model": "tried.onnx", "inputs": tensors, "outputs": outputs}
    found = tab.evaluate(RUN, given)
    return {name: np.array(values) for name, values in found.items()}


def both(
    tab: Tab, www: Path, file: Path, inputs: dict[str, np.ndarray[Any, Any]]
) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, np.ndarray[Any, Any]]]:
    """Every output, in the browser and in Python's onnxruntime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_outputs()]
    theirs = dict(zip(names, session.run(names, inputs), strict=True))
    ours = run_in_browser(tab, www, file.read_bytes(), inputs, names)
    return {name: ours[name].reshape(theirs[name].shape) for name in names}, theirs


@pytest.fixture
def some(strokes_store: Path) -> dict[str, dict[str, np.ndarray[Any, Any]]]:
    """Eight drawings as inputs of either kind of file."""
    store = Store(strokes_store)
    drawings = store.read(store.shards("test")[0], 0, 8).drawings
    assert drawings is not None
    (batch, *more) = stroke_batches(drawings, longest=4096, most=10**9)
    assert len(batch.rows) + sum(len(each.rows) for each in more) == len(drawings)
    images = render_many(drawings, RenderSpec())
    return {"strokes": {"points": batch.points, "pen": batch.pen}, "pixels": {"images": images}}


# fusion_small is convnet_tiny and stroke_gru.
FILES = [
    (name, input)
    for name in sorted(set(list_models()) - {"doodle_cnn", "photo_cnn", "fusion_small"})
    for input in ("strokes", "pixels")
    if input == "strokes" or takes_by_name(name) == "images"
]


@pytest.mark.parametrize(("network", "input"), FILES)
def test_every_network(
    bare: Tab, www: Path, some: Any, network: str, input: str, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    info = BundleInfo(
        network, list("abcdefg"), (1, 28, 28), RenderSpec(), temperature=0.6,
        takes=takes_by_name(network),
    )  # fmt: skip
    made = create_model(network, n_classes=7, image_shape=(1, 28, 28)).eval()
    file = tmp_path / "model.onnx"
    file.write_bytes(graph_of(made, info, input).SerializeToString())  # type: ignore[arg-type]
    ours, theirs = both(bare, www, file, some[input])
    assert set(ours) == {"probabilities", "features"} | (
        {"pixels"} if input == "strokes" else set()
    )
    np.testing.assert_allclose(ours["probabilities"], theirs["probabilities"], atol=1e-4)
    np.testing.assert_allclose(ours["features"], theirs["features"], rtol=1e-3, atol=1e-3)
    if input == "strokes":
        np.testing.assert_array_equal(ours["pixels"], theirs["pixels"])


@pytest.mark.parametrize("network", ["convnet_tiny", "quickdraw_cnn_v2"])
def test_8_bits(
    bare: Tab, www: Path, some: Any, strokes_store: Path, network: str, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    classes = Store(strokes_store).classes
    info = BundleInfo(network, classes, (1, 28, 28), RenderSpec())
    made = create_model(network, n_classes=len(classes), image_shape=(1, 28, 28)).eval()
    save_bundle(made, info, tmp_path / "model")
    file = tmp_path / "int8.onnx"
    export_onnx(tmp_path / "model", file, int8=True, verify=strokes_store, force=True)
    ours, theirs = both(bare, www, file, some["strokes"])
    # A value between two whole numbers may be rounded either way.
    np.testing.assert_allclose(ours["probabilities"], theirs["probabilities"], atol=0.02)
    np.testing.assert_array_equal(ours["pixels"], theirs["pixels"])


@pytest.mark.parametrize("network", ["doodle_cnn", "photo_cnn"])
def test_networks_for_pictures(bare: Tab, www: Path, network: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    shape = usual_shape(network)
    info = BundleInfo(network, ["cat", "dog"], shape)
    made = create_model(network, n_classes=2, image_shape=shape).eval()
    file = tmp_path / "model.onnx"
    file.write_bytes(graph_of(made, info, "pixels").SerializeToString())
    images = np.random.default_rng(2).integers(0, 256, (1, *shape), np.uint8)
    ours, theirs = both(bare, www, file, {"images": images})
    np.testing.assert_allclose(ours["probabilities"], theirs["probabilities"], atol=1e-4)
