"""What travels with the weights of a network, whoever runs it: torch, or onnxruntime without torch.

It is config.json of a model folder, and part of the metadata of an exported model.onnx.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from .errors import BundleError
from .image import ImageSpec
from .raster import RenderSpec
from .version import __version__

__all__ = [
    "CONFIG",
    "EXPORTED",
    "BundleInfo",
    "Takes",
    "bundle_info",
    "find_bundle",
    "read_bundle_info",
]

VERSION = 1
CONFIG = "config.json"
EXPORTED = "model.onnx"
"""Usual name of an exported model."""

Takes = Literal["images", "strokes", "both"]
"""What a network sees of a drawing."""


@dataclass(frozen=True, slots=True)
class BundleInfo:
    """What travels with the weights.

    Attributes:
        model: name of the network.
        classes: the words, in the order of the scores.
        image_shape: channels, height and width of the input.
        render: how drawings become its images; None for networks that only take pictures.
        image: how picture files became what it learnt from, so that others are read likewise;
            None for networks that learnt from drawings, or from images that were no files.
        temperature: by which scores are divided before the softmax, so that confidence is honest.
        sure_from: probability from which on a guess counts as sure.
        takes: what the network sees of a drawing: an image, the strokes themselves, or both.
        metrics: figures with the split they were measured on, such as
            `{"split": "val", "n": 8927, "top1": 0.69}`.
        trained_on: where the drawings came from and how many there were.
        licence: of the weights.
        created: when, UTC, ISO 8601.
        doodlewise: version that wrote it.
        version: of this format.
    """

    model: str
    classes: list[str]
    image_shape: tuple[int, int, int]
    render: RenderSpec | None = None
    image: ImageSpec | None = None
    temperature: float = 1.0
    sure_from: float = 0.5
    takes: Takes = "images"
    metrics: dict[str, Any] = field(default_factory=dict)
    trained_on: dict[str, Any] = field(default_factory=dict)
    licence: str = "Apache-2.0"
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    doodlewise: str = __version__
    version: int = VERSION

    @property
    def takes_pictures(self) -> bool:
        """Whether a picture has all that the network sees: no strokes, and not their order."""
        return self.takes == "images" and (self.render is None or not self.render.knows_order)

    @property
    def examples(self) -> str:
        """Files to predict, as they would be named on a command line."""
        drawings = "DRAWING.ndjson" if self.render is not None or self.takes != "images" else ""
        return " ".join(filter(None, (drawings, "PICTURE.png" if self.takes_pictures else "")))


def bundle_info(values: Any, source: Path) -> BundleInfo:
    """Make it of the plain values that `dataclasses.asdict` gave.

    Args:
        values: as read from JSON.
        source: the file they came from, for messages.

    Raises:
        BundleError: of another version, or damaged.
    """
    try:
        version = values["version"]
        if version == VERSION:
            render, image = values["render"], values.get("image")
            specs = {
                "render": None if render is None else RenderSpec.from_dict(render),
                "image": None if image is None else ImageSpec.from_dict(image),
            }
            return msgspec.convert(values | specs, BundleInfo)
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(
            f"{source} is damaged ({error}). Train or download the model again."
        ) from error
    raise BundleError(
        f"{source} is of a model of version {version}; this Doodlewise reads version {VERSION}."
        " Install the Doodlewise that wrote it, or train again."
    )


def read_bundle_info(folder: Path) -> BundleInfo:
    """Read config.json of a bundle.

    Raises:
        BundleError: no bundle, of another version, or damaged.
    """
    path = folder / CONFIG
    if not path.exists():
        raise BundleError(
            f"There is no model in {folder} (no {CONFIG}). Name a run folder, such as runs/first,"
            " or the model folder in it."
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BundleError(
            f"{path} is damaged ({error}). Train or download the model again."
        ) from error
    return bundle_info(values, path)


def find_bundle(path: Path) -> Path:
    """The model folder that a path stands for: itself, or the one in a run folder.

    Raises:
        BundleError: the run has not finished, so it has no model yet.
    """
    if not (path / CONFIG).exists() and (path / "model").is_dir():
        return path / "model"
    if not (path / CONFIG).exists() and (path / "weights").is_dir():
        raise BundleError(
            f"The run {path} has not finished, so it has no model yet. Go on with it: doodlewise"
            f" train --resume last --name {path.name}"
        )
    return path
