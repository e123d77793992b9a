"""Doodlewise learns to recognise doodles, and puts the result to use.

    import doodlewise as dw

    dw.prepare(["drawings/"], "stores/mine")
    dw.explore("stores/mine", "report")
    dw.train(store="stores/mine", epochs=10, name="first")
    model = dw.load("runs/first")
    print(model.predict("sketch.png"))

Names are loaded when they are first used: importing this module imports neither torch nor
onnxruntime.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .version import __version__

__all__ = [
    "Augment",
    "Classifier",
    "DoodlewiseError",
    "Drawing",
    "EvalResult",
    "ImageSpec",
    "PictureWish",
    "PixelAugment",
    "Prediction",
    "Ragged",
    "RenderSpec",
    "RunRecord",
    "Store",
    "SweepResult",
    "TrainConfig",
    "TrainedRun",
    "__version__",
    "create_model",
    "download",
    "evaluate",
    "explore",
    "export",
    "finetune",
    "list_models",
    "load",
    "prepare",
    "read_drawings",
    "read_run",
    "register_model",
    "render",
    "sweep",
    "train",
]

_HOME = {
    "Augment": "augment",
    "Classifier": "predict.classifier",
    "DoodlewiseError": "errors",
    "Drawing": "drawing",
    "EvalResult": "evaluation.result",
    "ImageSpec": "image",
    "PictureWish": "data.prepare",
    "PixelAugment": "augment",
    "Prediction": "predict.classifier",
    "Ragged": "ragged",
    "RenderSpec": "raster",
    "RunRecord": "training.runs.record",
    "Store": "data.store",
    "SweepResult": "training.sweep.results",
    "TrainConfig": "training.config",
    "TrainedRun": "training.setup",
    "create_model": "models.registry",
    "download": "data.download",
    "evaluate": "evaluation.judge",
    "explore": "exploration.explore",
    "export": "data.export",
    "finetune": "training.finetune",
    "list_models": "models.registry",
    "load": "predict.classifier",
    "prepare": "data.prepare",
    "read_drawings": "data.formats",
    "read_run": "training.runs.find",
    "register_model": "models.registry",
    "render": "raster",
    "sweep": "training.sweep.run",
    "train": "training.setup",
}

if TYPE_CHECKING:
    from .augment import Augment, PixelAugment
    from .data.download import download
    from .data.export import export
    from .data.formats import read_drawings
    from .data.prepare import PictureWish, prepare
    from .data.store import Store
    from .drawing import Drawing
    from .errors import DoodlewiseError
    from .evaluation.judge import evaluate
    from .evaluation.result import EvalResult
    from .exploration.explore import explore
    from .image import ImageSpec
    from .models.registry import create_model, list_models, register_model
    from .predict.classifier import Classifier, Prediction, load
    from .ragged import Ragged
    from .raster import RenderSpec, render
    from .training.config import TrainConfig
    from .training.finetune import finetune
    from .training.runs.find import read_run
    from .training.runs.record import RunRecord
    from .training.setup import TrainedRun, train
    from .training.sweep.results import SweepResult
    from .training.sweep.run import sweep


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'doodlewise' has no attribute '{name}'")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
