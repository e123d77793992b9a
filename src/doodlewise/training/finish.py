"""After the last epoch: the best weights, calibrated, judged on the validation split, packed."""

from __future__ import annotations

from dataclasses import replace

import torch

from ..data.store import Store
from ..evaluation.plots import plot_curves, to_png
from ..evaluation.result import EvalResult
from ..evaluation.run import Subject, evaluate, fit_temperature
from ..evaluation.write import write_evaluation
from ..models.bundle import BundleInfo, save_bundle
from ..models.registry import ImageShape, channels_last, create_model
from ..raster import RenderSpec
from .checkpoint import load_checkpoint
from .config import TrainConfig
from .fit import Position
from .run_dir import RunDir

__all__ = ["finish"]

RIGHT_WHEN_SURE = 0.9
"""A guess counts as sure from the confidence at which at least this share is right."""


def finish(
    run: RunDir,
    config: TrainConfig,
    store: Store,
    spec: RenderSpec | None,
    image_shape: ImageShape,
    position: Position,
    device: torch.device,
) -> EvalResult:
    """Write the model, its evaluation on the validation split, and the curves."""
    network = create_model(config.model, n_classes=len(store.classes), image_shape=image_shape)
    best = load_checkpoint(run.best, model=config.model, classes=store.classes)
    network.load_state_dict(best["weights"])
    network = channels_last(network).to(device).eval()
    raw = Subject(network, store.classes, spec, device, name=run.name)
    temperature = fit_temperature(raw, store, "val")
    subject = replace(raw, temperature=temperature)
    result = evaluate(subject, store, "val")
    info = BundleInfo(
        model=config.model,
        classes=store.classes,
        image_shape=image_shape,
        # A network for Google's bitmaps takes drawings too: in the look of its own store.
        render=spec or store.manifest.render,
        image=store.manifest.image,
        temperature=temperature,
        sure_from=sure_from(result),
        metrics={
            "split": "val",
            "n": result.n,
            **{
                name: round(getattr(result, name), 6)
                for name in ("top1", "top3", "top5", "map3", "loss", "ece")
            },
        },
        trained_on={
            "store": store.folder.name,
            "drawings": store.size("train"),
            "epochs": len(position.rows),
            "best_epoch": position.best_epoch,
            **({"base": config.init_from} if config.init_from else {}),
        },
    )
    save_bundle(network, info, run.model)
    curves = to_png(plot_curves(position.rows))
    write_evaluation(run.path, subject, store, "val", result, more={"Training": curves})
    (run.plots / "curves.png").write_bytes(curves)
    return result


def sure_from(result: EvalResult) -> float:
    """The lowest confidence from which on guesses are right often enough; 0.95 if none is."""
    for at in result.sure:
        if at["accuracy"] is not None and at["accuracy"] >= RIGHT_WHEN_SURE:
            return float(at["threshold"])
    return 0.95
