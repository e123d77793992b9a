"""From a run or model folder to its evaluation on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
import yaml

from ..data.store import Store
from ..errors import StoreError
from ..models.bundle import find_bundle, load_bundle
from . import run
from .result import EvalResult
from .run import Subject
from .write import write_evaluation

__all__ = ["evaluate", "subject_of"]


def evaluate(
    model: Path,
    store: Path | None = None,
    split: str = "test",
    *,
    out: Path | None = None,
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Path, EvalResult]:
    """Evaluate a saved network on a split of a store, and write the report.

    Args:
        model: a run folder, or a model folder.
        store: to evaluate on; the one that the run was trained on when None.
        split: train, val, test or all.
        out: folder for the report; `eval-SPLIT` in `model`, with the store's name if it is
            another one, when None.
        device: where the network runs.
        progress: called with drawings done and drawings in all.

    Returns:
        The folder with eval.json, report.html and plots, and what is in eval.json.

    Raises:
        BundleError: there is no model.
        StoreError: there is no store, or no drawing in the split.
    """
    subject = subject_of(model, device)
    opened = Store(store or _store_of_run(model))
    result = run.evaluate(subject, opened, split, progress=progress)
    name = f"eval-{split}" if store is None else f"eval-{split}-{opened.folder.name}"
    folder = out or model / name
    write_evaluation(folder, subject, opened, split, result)
    return folder, result


def subject_of(model: Path, device: str = "cpu") -> Subject:
    """A saved network, ready to be evaluated.

    Args:
        model: a run folder, or a model folder.
        device: where the network runs.

    Raises:
        BundleError: there is no model.
    """
    network, info = load_bundle(find_bundle(model), device)
    return Subject(
        network,
        info.classes,
        info.render,
        torch.device(device),
        info.temperature,
        # Of the models in a run, "first/model-final".
        f"{model.parent.name}/{model.name}" if _is_in_run(model) else model.name,
    )


def _is_in_run(model: Path) -> bool:
    return (model.parent / "config.yaml").exists() and not (model / "config.yaml").exists()


def _store_of_run(run: Path) -> Path:
    """The store that a run was trained on, or the run in which a model lies."""
    path = (run.parent if _is_in_run(run) else run) / "config.yaml"
    if not path.exists():
        raise StoreError(
            f"{run} does not say what it was trained on. Name a store: doodlewise eval {run} STORE"
        )
    return Path(yaml.safe_load(path.read_text(encoding="utf-8"))["store"])
