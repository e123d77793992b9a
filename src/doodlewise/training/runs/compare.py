"""Runs side by side: figures, what differs in their settings, and what speaks against comparing.

Figures are those on the validation split, at the epoch of the best top-1. Nothing here looks at a
test split: who chooses by it has none any more.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...evaluation.metrics import wilson_interval
from ..config import all_defaults
from .record import RunRecord

__all__ = ["CURVES", "Comparison", "Entry", "Repeated", "compare"]

CURVES = {
    "val_top1": "validation top-1",
    "val_loss": "validation loss",
    "train_top1": "training top-1",
    "train_loss": "training loss",
}
"""Columns of metrics.csv that are drawn over the epochs, and how they are called."""
PLACE = ("name", "runs")
"""Settings that say which run it is, not how it learns."""
NOT_LEARNING = (*PLACE, "seed", "device", "devices", "launcher", "num_workers", "cache", "log")
"""Settings in which runs may differ that repeat one another."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A run in a comparison; None where something is not known.

    Attributes:
        label: by which it is told from the others.
        run: the run.
        top1, top3, top5, loss: on validation, in `best_epoch`.
        interval: 95 % interval of `top1`, from the number of drawings alone.
        ece: calibration error of the best weights, after training.
        seconds, drawings_per_s: of training.
        n_parameters: of the network.
    """

    label: str
    run: RunRecord
    best_epoch: int | None
    top1: float | None
    top3: float | None
    top5: float | None
    loss: float | None
    interval: tuple[float, float] | None
    ece: float | None
    seconds: float | None
    drawings_per_s: float | None
    n_parameters: int | None

    def curve(self, column: str) -> list[tuple[float, float]]:
        """Epoch and value of every epoch that has it."""
        pairs = ((row["epoch"], row.get(column, math.nan)) for row in self.run.rows)
        return [(epoch, value) for epoch, value in pairs if math.isfinite(value)]

    def to_dict(self) -> dict[str, Any]:
        """For programs."""
        run = self.run
        return {
            "run": self.label,
            "path": str(run.path),
            "state": run.state.name,
            "model": run.model,
            "store": run.store,
            "words": run.n_words,
            "n_train": run.n_train,
            "n_val": run.n_val,
            "seed": run.seed,
            "epochs": run.epochs,
            "epochs_done": run.epochs_done,
            "best_epoch": self.best_epoch,
            "val_top1": self.top1,
            "val_top1_interval": self.interval and list(self.interval),
            "val_top3": self.top3,
            "val_top5": self.top5,
            "val_loss": self.loss,
            "ece": self.ece,
            "seconds": self.seconds,
            "drawings_per_s": self.drawings_per_s,
            "parameters": self.n_parameters,
            "curves": {name: self.curve(name) for name in CURVES},
        }


@dataclass(frozen=True, slots=True)
class Repeated:
    """Runs that differ in nothing that matters but the seed.

    Attributes:
        labels: of the runs.
        mean, spread: of their best validation top-1; the spread is the standard deviation.
    """

    labels: list[str]
    mean: float
    spread: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Runs side by side.

    Attributes:
        entries: in the order in which they were named.
        differences: setting to its value in each run, for those settings that differ; None for a
            run whose settings cannot be read.
        repeated: runs that repeat one another.
        is_same_work: whether they learnt from the same drawings and were judged by the same ones,
            as far as is known.
        warnings: why the figures may not be comparable.
        notes: what else should be known about them.
    """

    entries: list[Entry]
    differences: dict[str, list[Any]]
    repeated: list[Repeated]
    is_same_work: bool
    warnings: list[str]
    notes: list[str]

    @property
    def best(self) -> Entry | None:
        """The run with the best validation top-1."""
        known = [entry for entry in self.entries if entry.top1 is not None]
        return max(known, key=lambda entry: entry.top1 or 0.0, default=None)

    def to_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "runs": [entry.to_dict() for entry in self.entries],
            "best": self.best and self.best.label,
            "differences": {
                name: {
                    entry.label: value for entry, value in zip(self.entries, values, strict=True)
                }
                for name, values in self.differences.items()
            },
            "repeated": [
                {"runs": each.labels, "val_top1": each.mean, "spread": each.spread}
                for each in self.repeated
            ],
            "is_same_work": self.is_same_work,
            "warnings": self.warnings,
            "notes": self.notes,
        }


def compare(runs: Sequence[RunRecord]) -> Comparison:
    """Runs side by side, in their order; one that is named twice counts once."""
    once = list({run.path.resolve(): run for run in runs}.values())
    entries = [
        _entry(label, run)
        for label, run in zip(labels_of([run.path for run in once]), once, strict=True)
    ]
    other_work = _other_work(entries)
    return Comparison(
        entries,
        _differences(once),
        _repeated(entries),
        not other_work,
        [*other_work, *_unfinished(entries), *_unreadable(entries), *_machines(entries)],
        [] if other_work else _chance(entries),
    )


def labels_of(paths: Sequence[Path]) -> list[str]:
    """The names of folders, with as much of the path before each as tells them apart."""
    parts = [path.resolve().parts for path in paths]
    labels = []
    for own in parts:
        alike = [other for other in parts if other != own and other[-1] == own[-1]]
        length = next(
            (n for n in range(1, len(own)) if all(other[-n:] != own[-n:] for other in alike)),
            len(own),
        )
        labels.append("/".join(own[-length:]))
    return labels


def _entry(label: str, run: RunRecord) -> Entry:
    def at_best(name: str) -> float | None:
        value = run.best.get(name, math.nan)
        return value if math.isfinite(value) else None

    top1, epoch = at_best("val_top1"), at_best("epoch")
    interval = None
    if top1 is not None and run.n_val:
        interval = wilson_interval(round(top1 * run.n_val), run.n_val)
    return Entry(
        label=label,
        run=run,
        best_epoch=None if epoch is None else int(epoch),
        top1=top1,
        top3=at_best("val_top3"),
        top5=at_best("val_top5"),
        loss=at_best("val_loss"),
        interval=interval,
        ece=run.ece,
        seconds=run.seconds,
        drawings_per_s=run.drawings_per_s,
        n_parameters=run.n_parameters,
    )


def _differences(runs: Sequence[RunRecord]) -> dict[str, list[Any]]:
    """Settings that differ. One that a run does not know, of an older version, is as usual."""
    usual = all_defaults()
    names = dict.fromkeys([*usual, *(name for run in runs for name in run.config)])
    found = {}
    for name in names:
        values = [run.config.get(name, usual.get(name)) if run.config else None for run in runs]
        known = [_plain(value) for value, run in zip(values, runs, strict=True) if run.config]
        if name not in PLACE and any(value != known[0] for value in known):
            found[name] = values
    return found


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _repeated(entries: Sequence[Entry]) -> list[Repeated]:
    groups = defaultdict(list)
    for entry in entries:
        config = entry.run.config
        if config and entry.top1 is not None and entry.run.state.name == "finished":
            key = {name: _plain(value) for name, value in config.items()}
            groups[repr({k: v for k, v in sorted(key.items()) if k not in NOT_LEARNING})].append(
                entry
            )
    return [
        Repeated(
            [entry.label for entry in group],
            statistics.fmean(entry.top1 for entry in group if entry.top1 is not None),
            statistics.stdev(entry.top1 for entry in group if entry.top1 is not None),
        )
        for group in groups.values()
        if len({entry.run.config.get("seed") for entry in group}) > 1
    ]


def _other_work(entries: Sequence[Entry]) -> list[str]:
    """Whether they learnt from different drawings, or were judged by different ones."""
    works = defaultdict(list)
    for entry in entries:
        run = entry.run
        name = None if run.store is None else Path(run.store).resolve().name
        works[name, run.n_train, run.n_val, run.n_words].append(entry)
    known = [work for work in works if work[0] is not None]
    counted = [work for work in known if work[2] is not None]
    if len({work[0] for work in known}) < 2 and len(set(counted)) < 2:
        return []
    said = []
    for (name, n_train, n_val, n_words), group in works.items():
        if name is None:
            continue
        counts = (
            f" ({n_train:,} to learn from, {n_val:,} to validate, {n_words:,} words)"
            if n_train is not None and n_val is not None and n_words is not None
            else ""
        )
        said.append(f"{_listed([entry.label for entry in group])} of {name}{counts}")
    return [
        f"They are not on the same work: {'; '.join(said)}. Their figures say nothing about which"
        " settings are better."
    ]


def _unfinished(entries: Sequence[Entry]) -> list[str]:
    said = [
        f"{entry.label} ({entry.run.state.name} after {entry.run.epochs_done} of"
        f" {entry.run.epochs or '?'} epochs)"
        for entry in entries
        if entry.run.state.name not in ("finished", "unknown") and entry.run.rows
    ]
    return [f"Figures so far, of what is not finished: {_listed(said)}."] if said else []


def _unreadable(entries: Sequence[Entry]) -> list[str]:
    found = defaultdict(list)
    for entry in entries:
        for problem in entry.run.problems:
            found[problem].append(entry.label)
        if not entry.run.rows:
            found["no epoch is over, so there are no figures"].append(entry.label)
    return [f"{_listed(labels)}: {problem}." for problem, labels in found.items()]


def _machines(entries: Sequence[Entry]) -> list[str]:
    machines = defaultdict(list)
    for entry in entries:
        env = entry.run.env
        if env:
            gpus = env.get("devices")
            named = gpus if isinstance(gpus, list) and gpus else [env.get("processor")]
            cores = f"{env.get('cores')} cores"
            machines[", ".join(map(str, [*named, cores]))].append(entry.label)
    if len(machines) < 2:
        return []
    said = "; ".join(f"{_listed(labels)} on {machine}" for machine, labels in machines.items())
    return [f"Seconds and drawings/s are of different machines: {said}."]


def _chance(entries: Sequence[Entry]) -> list[str]:
    """Which runs chance alone may have put behind the best."""
    known = [entry for entry in entries if entry.top1 is not None and entry.interval is not None]
    if len(known) < 2:
        return []
    best = max(known, key=lambda entry: entry.top1 or 0.0)
    assert best.interval is not None
    low, high = best.interval
    near = [entry.label for entry in known if entry is not best and (entry.top1 or 0.0) >= low]
    half = 50 * (high - low)
    judged = (
        f"By chance alone, {_listed(near)} could be as good as {best.label}."
        if near
        else f"{best.label} is ahead by more than that."
    )
    return [
        f"With {best.run.n_val:,} {best.run.things} to validate, a top-1 is known to about"
        f" ±{half:.1f} points (95 % interval). {judged}"
    ]


def _listed(names: Sequence[str]) -> str:
    """a, b and c."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
