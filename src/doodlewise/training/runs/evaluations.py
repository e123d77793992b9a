"""The evaluations that lie in a run folder: their figures, without the confusion matrix."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Evaluation", "figure", "read_evaluations"]

FILE = "eval.json"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures of one eval.json; None where it does not have them.

    Attributes:
        folder: where it lies.
        is_of_training: whether training made it, of the best weights on the validation split.
        split, store, date: of what, and when.
        n: drawings.
        top1, top3, top5, map3, loss, ece: as in `EvalResult`.
        interval: 95 % interval of top1.
    """

    folder: Path
    is_of_training: bool
    split: str
    store: str
    date: str
    n: int | None
    top1: float | None
    top3: float | None
    top5: float | None
    map3: float | None
    loss: float | None
    ece: float | None
    interval: tuple[float, float] | None


def read_evaluations(run: Path) -> list[Evaluation]:
    """Of training first, then those of `doodlewise eval`, by their folders' names."""
    try:
        others = sorted(each for each in run.iterdir() if (each / FILE).is_file())
    except OSError:
        others = []
    found = (_read(folder, is_of_training=folder == run) for folder in (run, *others))
    return [each for each in found if each is not None]


def figure(values: Any, name: str) -> float | None:
    """A number in what may be a dictionary; None if it is not there, or is no number."""
    value = values.get(name) if isinstance(values, Mapping) else None
    if isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    return None


def _read(folder: Path, *, is_of_training: bool) -> Evaluation | None:
    try:
        values = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    top1 = figure(values, "top1")
    if top1 is None:
        return None
    n = figure(values, "n")
    bounds = values.get("top1_interval")
    interval = None
    if isinstance(bounds, list) and len(bounds) == 2:
        low, high = (figure({"bound": each}, "bound") for each in bounds)
        interval = None if low is None or high is None else (low, high)
    return Evaluation(
        folder=folder,
        is_of_training=is_of_training,
        split=str(values.get("split", "")),
        store=str(values.get("store", "")),
        date=str(values.get("date", "")),
        n=None if n is None else int(n),
        top1=top1,
        top3=figure(values, "top3"),
        top5=figure(values, "top5"),
        map3=figure(values, "map3"),
        loss=figure(values, "loss"),
        ece=figure(values, "ece"),
        interval=interval,
    )
