"""What came out of a sweep: a row a trial, and the settings, best first.

Only the validation split chooses; nothing here ever looks at the test split.
"""

from __future__ import annotations

import csv
import io
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...files import write_text
from .ledger import FAILED, Trial
from .plan import Plan
from .space import Choices, short_names, spelled

__all__ = [
    "Setting",
    "SweepResult",
    "by_chance",
    "figures_of",
    "read_curves",
    "run_folder",
    "settings_of",
    "write_results",
]

TRIALS = "trials"
FIGURES = (
    "best_epoch",
    "val_top1",
    "val_top5",
    "val_loss",
    "train_top1",
    "train_loss",
    "epochs",
    "seconds",
    "drawings_per_s",
)
"""Columns of results.csv with what was measured; those of accuracy and loss at the best epoch."""

ORDER = {"done": 0, "pruned": 1, "running": 2, **dict.fromkeys(FAILED, 3)}


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting, over all its seeds.

    Attributes:
        values: what varies, by dotted name.
        trials: of this setting, a trial a seed.
        top1: mean validation top-1 of those that are done, else of those that were pruned; None if
            there is none.
        spread: standard deviation of it over the seeds; None for fewer than two.
        best: the trial with the best one; None if there is none.
        state: done, pruned, running or one of `FAILED`: the worst that happened to a trial.
        reason: why, if it is not done.
    """

    values: dict[str, Any]
    trials: list[Trial]
    top1: float | None
    spread: float | None
    best: Trial | None
    state: str
    reason: str

    @property
    def n_failed(self) -> int:
        """Trials of it that failed."""
        return sum(trial.state in FAILED for trial in self.trials)

    def mean(self, figure: str) -> float | None:
        """Mean of a figure over the trials that judge the setting; None if there is none."""
        found = [t.result[figure] for t in _judged(self.trials) if t.result.get(figure) is not None]
        return statistics.fmean(found) if found else None

    def spell(self, names: Mapping[str, str]) -> str:
        """Such as "lr 0.001, batch size 64"."""
        return ", ".join(f"{names[name]} {spelled(value)}" for name, value in self.values.items())


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What came out of a sweep.

    Attributes:
        folder: of the sweep.
        plan: what was asked for.
        trials: every run, in the order in which they began.
        settings: best first.
        n_val: drawings by which they were judged.
        things: what these are called.
    """

    folder: Path
    plan: Plan
    trials: list[Trial]
    settings: list[Setting] = field(default_factory=list)
    n_val: int = 0
    things: str = "drawings"

    @property
    def chance(self) -> float:
        """How far chance alone moves the best figure."""
        top1 = self.best.top1 if self.best is not None else None
        return by_chance(top1, self.n_val) if top1 is not None else 0.0

    @property
    def best(self) -> Setting | None:
        """The setting that validation chooses; None if every trial failed."""
        first = self.settings[0] if self.settings else None
        return first if first is not None and first.state in ("done", "pruned") else None

    @property
    def best_run(self) -> Path | None:
        """The run folder of the best setting's best trial."""
        if self.best is None or self.best.best is None:
            return None
        return run_folder(self.folder, self.best.best.number)

    @property
    def names(self) -> dict[str, str]:
        """What varies, by dotted name, as people say it."""
        short = short_names(list(self.plan.axes))
        return {name: each.replace("_", " ") for name, each in short.items()}

    @property
    def varied(self) -> list[str]:
        """Settings that really take more than one value."""
        return [name for name in self.plan.axes if len(self.values_of(name)) > 1]

    def values_of(self, name: str) -> list[Any]:
        """All values of a setting that were tried or are to be, numbers in their order."""
        axis = self.plan.axes[name]
        found = {repr(each): each for each in (axis.values if isinstance(axis, Choices) else ())}
        for setting in self.settings:
            found.setdefault(repr(setting.values[name]), setting.values[name])
        values = list(found.values())
        are_numbers = all(isinstance(value, int | float) for value in values)
        return sorted(values) if are_numbers else values

    @property
    def n_waiting(self) -> int:
        """Trials that have not ended yet."""
        if self.plan.is_search:
            planned = self.plan.n_trials
            return max(0, planned - sum(trial.is_over for trial in self.trials))
        over = {
            (self.plan.key(trial.setting), trial.seed) for trial in self.trials if trial.is_over
        }
        return sum((self.plan.key(each), seed) not in over for each, seed in self.plan.grid())

    def to_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "sweep": str(self.folder),
            "trials": len(self.trials),
            "failed": sum(trial.state in FAILED for trial in self.trials),
            "waiting": self.n_waiting,
            "n_val": self.n_val,
            "best": self.best and _setting_dict(self.best),
            "run": None if self.best_run is None else str(self.best_run),
            "settings": [_setting_dict(setting) for setting in self.settings],
        }


def by_chance(share: float, n: int) -> float:
    """How far chance alone moves a share of n drawings: half of its 95 % interval."""
    return 1.96 * math.sqrt(max(share * (1.0 - share), 0.0) / n) if n else 0.0


def run_folder(folder: Path, number: int) -> Path:
    """Where the run of a trial is."""
    return folder / TRIALS / f"{number:03}"


def settings_of(trials: Sequence[Trial], plan: Plan) -> list[Setting]:
    """The settings, best first: by mean validation top-1, those without one at the end.

    Of trials of the same setting and seed, the last one counts. A setting of which a seed failed
    comes after those whose seeds all did well: a mean over the survivors would flatter it.
    """
    groups: dict[Any, dict[int, Trial]] = {}
    for trial in trials:
        groups.setdefault(plan.key(trial.setting), {})[trial.seed] = trial
    found = [_setting(list(group.values()), plan) for group in groups.values()]
    return sorted(
        found,
        key=lambda each: (ORDER[each.state], -(each.top1 if each.top1 is not None else -1.0)),
    )


def figures_of(run: Path) -> dict[str, Any]:
    """The figures of a run at its best epoch, from its metrics.csv; empty if no epoch ended."""
    rows = read_curves(run)
    if not rows:
        return {}
    best = max(rows, key=lambda row: row["val_top1"])
    seconds = sum(row["train_s"] + row["val_s"] for row in rows)
    training = sum(row["train_s"] for row in rows)
    seen = sum(row["drawings_per_s"] * row["train_s"] for row in rows)
    return {
        "best_epoch": int(best["epoch"]),
        **{name: best[name] for name in FIGURES[1:6]},
        "epochs": len(rows),
        "seconds": round(seconds, 1),
        "drawings_per_s": round(seen / training, 1) if training else None,
    }


def read_curves(run: Path) -> list[dict[str, float]]:
    """The rows of a run's metrics.csv as numbers; none if there is no such file."""
    try:
        text = (run / "metrics.csv").read_text(encoding="utf-8")
    except OSError:
        return []
    return [
        {name: _number(value) for name, value in row.items() if name}
        for row in csv.DictReader(io.StringIO(text))
    ]


def write_results(result: SweepResult) -> None:
    """Write results.csv: a row a trial."""
    names = short_names(list(result.plan.axes))
    columns = ["trial", *names.values(), "seed", "state", "reason", *FIGURES, "run"]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for trial in result.trials:
        setting = result.plan.setting_of(trial.setting)
        writer.writerow(
            {
                "trial": trial.number,
                **{short: setting[name] for name, short in names.items()},
                "seed": trial.seed,
                "state": trial.state,
                "reason": trial.reason,
                **{name: trial.result.get(name) for name in FIGURES},
                "run": run_folder(result.folder, trial.number),
            }
        )
    write_text(result.folder / "results.csv", text.getvalue())


def _setting(trials: list[Trial], plan: Plan) -> Setting:
    worst = max(trials, key=lambda trial: ORDER[trial.state])
    judged = _judged(trials)
    scores = [trial.result["val_top1"] for trial in judged]
    return Setting(
        values=plan.setting_of(trials[0].setting),
        trials=sorted(trials, key=lambda trial: trial.seed),
        top1=statistics.fmean(scores) if scores else None,
        spread=statistics.stdev(scores) if len(scores) > 1 else None,
        best=max(judged, key=lambda trial: trial.result["val_top1"]) if judged else None,
        state=worst.state,
        reason=worst.reason,
    )


def _judged(trials: Sequence[Trial]) -> list[Trial]:
    """Those that are done; where none is, those that were pruned. Failed ones never count."""
    for counted in ("done", "pruned"):
        found = [trial for trial in trials if trial.state == counted and trial.result]
        if found:
            return found
    return []


def _setting_dict(setting: Setting) -> dict[str, Any]:
    return {
        **setting.values,
        "state": setting.state,
        "reason": setting.reason,
        "val_top1": setting.top1,
        "spread": setting.spread,
        "seeds": len(setting.trials),
        **{name: setting.mean(name) for name in ("val_top5", "val_loss", "train_top1", "seconds")},
    }


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan
