"""From a run to one ONNX file that is proven on real drawings before anyone can use it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal, get_args

from ..bundle_info import BundleInfo, find_bundle
from ..errors import BundleError, ConfigError, MissingExtraError, StoreError
from ..files import explain_os_errors, replacing
from ..predict.feature_means import FEATURE_MEANS_KEY
from ..predict.means import MEANS_KEY
from ..predict.onnx_backend import FEATURES, FORMAT, METADATA_KEY, PIXELS
from .quiet import quiet

if TYPE_CHECKING:
    from onnx import ModelProto
    from torch import nn

    from ..data.store import Store
    from ..models.inputs import Takes
    from ..raster import RenderSpec
    from .parity import Parity
    from .quantize import Loss

__all__ = ["OPSET", "ExportReport", "Input", "export_onnx"]

Input = Literal["strokes", "pixels"]

OPSET = 18
"""What torch's exporter makes without converting; onnxruntime and onnxruntime-web read it."""
NEEDED = ("torch", "onnx", "onnxscript", "onnxruntime")

Progress = Callable[[str, int, int], None]
"""Called with what is going on, drawings done, and drawings in all."""


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was exported.

    Attributes:
        out: the file.
        input: "strokes" or "pixels".
        int8: whether weights and activations have 8 bits.
        n_bytes: size of the file.
        opset: of ONNX.
        store: that it was verified on.
        parity: how near the file is to torch; of the file in float32 where `int8`.
        loss: what 8 bits cost; None in float32.
    """

    out: Path
    input: Input
    int8: bool
    n_bytes: int
    opset: int
    store: Path
    parity: Parity
    loss: Loss | None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"out": str(self.out), "store": str(self.store)}


def export_onnx(
    model: Path,
    to: Path,
    *,
    input: Input = "strokes",
    int8: bool = False,
    verify: Path | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> ExportReport:
    """Write a saved network as one ONNX file; it appears only if it is proven.

    Args:
        model: a run folder, or a model folder.
        to: the file.
        input: "strokes", which the graph draws itself, or "pixels", uint8 images.
        int8: with 8 bits, calibrated on the train split.
        verify: a store on whose val split the file is compared with torch; the one that the run
            was trained on when None.
        force: write int8 even if it costs more than `quantize.MOST_LOST`.
        progress: see `Progress`.

    Raises:
        MissingExtraError: torch, onnx, onnxscript or onnxruntime is not installed.
        BundleError: there is no model, or it takes no strokes.
        StoreError: there is no store, or it holds nothing that the file takes.
        ModelError: the file differs from torch, or 8 bits cost too much.
        ConfigError: there is no such input.
    """
    _require()
    from torch import device

    from ..data.store import Store
    from ..evaluation.run import Subject
    from ..models.bundle import load_bundle
    from .feature_means import feature_means
    from .means import means_of
    from .parity import prove
    from .quantize import quantize

    folder = find_bundle(model)
    network, info = load_bundle(folder)
    _check_input(input, info, model)
    store = Store(verify or _store_of(model, folder))
    _check_store(input, store)
    subject = Subject(network, info.classes, info.render, device("cpu"), info.temperature)
    report = progress or (lambda *_: None)

    with (
        explain_os_errors(f"writing {to}", "Then export again"),
        replacing(to) as temporary,
        TemporaryDirectory(prefix="doodlewise-export-") as work,
    ):
        graph = graph_of(network, info, input)
        if input == "strokes":
            entry = graph.metadata_props.add()
            entry.key, entry.value = MEANS_KEY, means_of(subject, store)
        known = feature_means(subject, store, info.image_shape)
        if known is not None:
            entry = graph.metadata_props.add()
            entry.key, entry.value = FEATURE_MEANS_KEY, known
        exact = Path(work) / "float32.onnx" if int8 else temporary
        exact.write_bytes(graph.SerializeToString())
        parity = prove(exact, subject, store, progress=report)
        loss = None
        if int8:
            loss = quantize(graph, temporary, subject, store, force=force, progress=report)
        size = temporary.stat().st_size
    return ExportReport(to, input, int8, size, OPSET, store.folder, parity, loss)


def graph_of(network: nn.Module, info: BundleInfo, input: Input) -> ModelProto:
    """The network, and what goes before and after it, as an ONNX model with its metadata."""
    import onnx
    import torch
    from torch.export import Dim

    from ..models.inputs import takes_of
    from .graph import PixelsGraph, Recogniser, StrokesGraph
    from .onnx_gru import translations
    from .stroke_graph import StrokesSeenGraph, exportable
    from .surgery import name_head, take_images_too, times_may_lack

    # Examples only say what may vary; a size of 1 would be taken for a constant.
    batch, length = Dim("batch", min=1), Dim("length", min=1)
    recogniser = Recogniser(network.eval(), info.temperature, info.image_shape)
    takes = takes_of(network)
    names = ["probabilities"] + ([FEATURES] if recogniser.head is not None else [])
    if input == "strokes":
        assert info.render is not None
        if takes == "images":
            module: nn.Module = StrokesGraph(recogniser, info.render)
        else:
            recogniser.body = exportable(recogniser.body)
            module = StrokesSeenGraph(recogniser, info.render, takes)
        points = torch.tensor([[[0.0, 0.0], [9.0, 5.0], [4.0, 1.0]]] * 2)
        inputs = {"points": points, "pen": torch.tensor([[1, 2, 1]] * 2)}
        needs_times = _needs_times(network, info.render, takes)
        if needs_times:
            inputs["times"] = torch.tensor([[0.0, 7.0, 20.0]] * 2)
        shapes = {name: {0: batch, 1: length} for name in inputs}
        names.append(PIXELS)
    else:
        module = PixelsGraph(recogniser)
        inputs = {"images": torch.zeros((2, *info.image_shape), dtype=torch.uint8)}
        shapes = {"images": {0: batch}}
    with quiet():
        program = torch.onnx.export(
            module.eval(),
            kwargs=inputs,
            input_names=list(inputs),
            output_names=names,
            opset_version=OPSET,
            dynamic_shapes=shapes,
            dynamo=True,
            custom_translation_table=translations(),
            optimize=True,
            verbose=False,
        )
    assert program is not None
    graph: ModelProto = program.model_proto
    # Lines of source, with the paths of this machine.
    for part in (graph.graph, *graph.graph.node, *graph.graph.value_info):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    if input == "strokes" and needs_times:
        times_may_lack(graph)
    if input == "strokes" and takes == "images":
        take_images_too(graph, info.image_shape)
    if recogniser.head is not None:
        name_head(graph)
    values = {"format": FORMAT, "input": input, "info": asdict(info)}
    onnx.helper.set_model_props(graph, {METADATA_KEY: json.dumps(values, ensure_ascii=False)})
    return graph


def _needs_times(network: nn.Module, spec: RenderSpec, takes: Takes) -> bool:
    """Whether pen times change what a network sees."""
    from ..models.stroke_features import PointFeatures

    knows = any(
        isinstance(module, PointFeatures) and bool(module.knows_times)
        for module in network.modules()
    )
    return knows or (takes != "strokes" and "time" in spec.channels)


def _require() -> None:
    for package in NEEDED:
        try:
            import_module(package)
        except ImportError as error:
            raise MissingExtraError(package, "export") from error


def _check_input(input: str, info: BundleInfo, model: Path) -> None:
    if input not in get_args(Input):
        raise ConfigError(f"There is no input '{input}'. Choose strokes or pixels.")
    if input == "strokes" and info.render is None:
        raise BundleError(
            f"{model} takes pictures only, so there are no strokes to draw. Export it with: --input"
            " pixels"
        )
    if input == "pixels" and info.takes != "images":
        raise BundleError(
            f"{info.model} sees strokes, which pixels do not have. Export it with: --input strokes"
        )


def _check_store(input: Input, store: Store) -> None:
    if input == "strokes" and store.kind == "pixels":
        raise StoreError(
            f"{store.folder} holds pixels, so a model that takes strokes cannot be proven on it."
            " Name a store of strokes: --verify STORE; or export with: --input pixels"
        )


def _store_of(model: Path, folder: Path) -> Path:
    """The store that a run was trained on.

    Args:
        model: as it was named.
        folder: the model folder, in a run folder or alone.
    """
    import yaml

    config = folder.parent / "config.yaml"
    if not config.exists():
        raise StoreError(
            f"{model} does not say what it was trained on, so there is nothing to prove the file"
            " on. Name a store of real drawings: --verify STORE"
        )
    return Path(yaml.safe_load(config.read_text(encoding="utf-8"))["store"])
