"""The model that a server is started with, from whatever was named."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from pathlib import Path

from ..bundle_info import EXPORTED, find_bundle
from ..errors import BundleError, DoodlewiseError, MissingExtraError, StoreError
from ..predict.bundled import BUNDLED, BUNDLED_NAME
from ..predict.classifier import Classifier, load
from ..predict.means import MEANS_KEY
from .models import Served, version_of

__all__ = ["open_served", "served_of"]

WEIGHTS = "model.safetensors"

Say = Callable[[str], None]


def open_served(model: Path | None, say: Say = lambda _: None) -> Served:
    """Open a model, exporting that of a run first so that it is fast.

    Args:
        model: as `ServeSettings.model`.
        say: told what is done, and what cannot be done.

    Raises:
        BundleError: there is no model, or it is damaged.
    """
    if model is None:
        return served_of(BUNDLED_NAME, load(), BUNDLED)
    if not model.is_dir():
        return served_of(model.stem, load(model), model)
    folder = model.resolve()
    name = folder.parent.name if folder.name == "model" else folder.name
    exported = _exported(model, say)
    if exported is not None:
        return served_of(name, load(exported), exported)
    return served_of(name, load(model), find_bundle(model) / WEIGHTS)


def served_of(id: str, classifier: Classifier, file: Path) -> Served:
    """What is served of a model.

    Args:
        id: its name.
        classifier: the model.
        file: whose content tells one version from another.
    """
    content = file.read_bytes() if file.is_file() else b""
    onnx = content if file.suffix == Path(EXPORTED).suffix else None
    return Served(id, id, version_of(content), classifier, onnx, means=_means(classifier))


def _exported(folder: Path, say: Say) -> Path | None:
    """The run's model as a file, written now if need be; None where that is impossible."""
    bundle = find_bundle(folder)
    exported, weights = bundle / EXPORTED, bundle / WEIGHTS
    if exported.is_file() and not (
        weights.exists() and weights.stat().st_mtime > exported.stat().st_mtime
    ):
        return exported
    say(f"Exporting the model of {folder}, so that guesses are fast ...")
    try:
        from ..exporting.onnx import export_onnx

        try:
            export_onnx(folder, exported)
        except (BundleError, StoreError):
            # It learnt from pictures: then the file takes pixels, and drawings are drawn before.
            export_onnx(folder, exported, input="pixels")
    except StoreError as error:
        say(
            f"It runs in torch, which is slower, because it could not be exported: {error}"
            f" Then: doodlewise export {folder} --to {exported} --verify STORE"
        )
        return None
    except (MissingExtraError, DoodlewiseError, OSError) as error:
        say(f"It runs in torch, which is slower, because it could not be exported: {error}")
        return None
    return exported


def _means(classifier: Classifier) -> bytes | None:
    """The sheet of mean drawings that travels in the file, if any."""
    text = classifier.metadata.get(MEANS_KEY)
    if text is None:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
