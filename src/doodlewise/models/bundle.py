"""A trained network as a folder: weights, and everything without which they mean nothing.

    model/
      model.safetensors   the weights
      config.json         network, classes, how its input is made, calibration, metrics, licence
      README.md           the model card, for people

No pickle: opening one from a stranger runs none of their code.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from ..bundle_info import CONFIG, BundleInfo, find_bundle, read_bundle_info
from ..errors import BundleError, ConfigError, ModelError
from ..files import replacing, write_json, write_text
from .inputs import takes_of
from .registry import channels_last, count_parameters, create_model

__all__ = ["BundleInfo", "find_bundle", "load_bundle", "read_bundle_info", "save_bundle"]

WEIGHTS, CARD = "model.safetensors", "README.md"
DATA_LICENCE = "Quick, Draw! data: Google, CC BY 4.0"


def save_bundle(model: nn.Module, info: BundleInfo, folder: Path) -> None:
    """Write a bundle; each file appears whole. What the network takes is seen by itself."""
    info = replace(info, takes=takes_of(model))
    weights = {
        name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()
    }
    with replacing(folder / WEIGHTS) as temporary:
        save_file(weights, temporary)
    write_json(folder / CONFIG, asdict(info))
    write_text(folder / CARD, _card(model, info))


def load_bundle(folder: Path, device: torch.device | str = "cpu") -> tuple[nn.Module, BundleInfo]:
    """The network with its weights, ready to guess, and what travels with it.

    Raises:
        BundleError: no bundle, damaged weights, or weights of another network.
        ConfigError: the device is not there.
    """
    info = read_bundle_info(folder)
    path = folder / WEIGHTS
    try:
        model = create_model(info.model, n_classes=len(info.classes), image_shape=info.image_shape)
        weights = load_file(path)
    except (OSError, SafetensorError) as error:
        raise BundleError(
            f"{path} is missing or damaged ({error}). Train or copy it again."
        ) from error
    except ModelError as error:
        raise BundleError(f"{folder} cannot be used: {error}") from error
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise BundleError(
            f"{path} holds the weights of another network than {info.model}. The folder was mixed"
            " up; copy the whole model folder again."
        ) from error
    try:
        return channels_last(model).to(device).eval(), info
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(
            f"The device '{device}' cannot be used: {str(error).splitlines()[0]} Choose cpu."
        ) from error


def _card(model: nn.Module, info: BundleInfo) -> str:
    things = "photos" if _takes_photos(info) else "drawings"
    example = "photo.jpg" if _takes_photos(info) else "drawing.png"
    metrics = info.metrics
    lines = [
        "---",
        "library_name: doodlewise",
        "pipeline_tag: image-classification",
        f"license: {info.licence.lower()}",
        "---",
        "",
        f"# {info.model} for {len(info.classes)} kinds of {things.removesuffix('s')}",
        "",
        f"A network of {count_parameters(model):,} weights that recognises {things}, made with"
        f" [Doodlewise](https://github.com/doodlewise/doodlewise) {info.doodlewise}.",
        "",
        "```python",
        "import doodlewise as dw",
        "",
        'model = dw.load("path/to/this/folder")',
        f'print(model.predict("{example}"))',
        "```",
        "",
        f"- **Input**: {_input(info)}",
        f"- **Trained on**: {_trained_on(info.trained_on, things)}",
        f"- **Confidence**: calibrated with temperature {info.temperature:.3f}; sure from"
        f" {info.sure_from:.0%}.",
        f"- **Licence** of the weights: {info.licence}. {_licence_of_data(info)}",
    ]
    if metrics:
        lines += [
            "",
            f"| on {metrics.get('n', 0):,} {things} ({metrics.get('split', '?')} split) | |",
            "| --- | --- |",
            *(
                f"| {name} | {value:.2%} |"
                if name.startswith("top")
                else f"| {name} | {value:.4f} |"
                for name, value in metrics.items()
                if isinstance(value, float)
            ),
        ]
    lines += ["", "## Words", "", ", ".join(info.classes), ""]
    return "\n".join(lines)


def _takes_photos(info: BundleInfo) -> bool:
    return info.image is not None and info.image.look == "photo"


def _input(info: BundleInfo) -> str:
    channels, height, width = info.image_shape
    inside = (
        f"{height} x {width} pixels inside ({channels} channel{'s' if channels > 1 else ''}),"
        " made as `config.json` says."
    )
    if info.image is None:
        return f"drawings as strokes, or pictures of drawings; {inside}"
    fit = {
        "pad": "the short side is padded",
        "crop": "the long side is cropped",
        "stretch": "other shapes are stretched",
    }[info.image.fit]
    kind = "photos" if _takes_photos(info) else "pictures of drawings"
    return f"{kind} of any size, in colour or grey ({fit}); {inside}"


def _licence_of_data(info: BundleInfo) -> str:
    if _takes_photos(info):
        return "The licence of the photos is for whoever shares this to look up."
    return f"{DATA_LICENCE}, where it was used."


def _trained_on(facts: dict[str, Any], things: str) -> str:
    if not facts:
        return "not recorded"
    base = f", from the weights of {facts['base']}" if facts.get("base") else ""
    return f"{facts['drawings']:,} {things} of {facts['store']}, {facts['epochs']} epochs{base}"
