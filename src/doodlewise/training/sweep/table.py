"""A sweep as a table for people: what is ahead of it, and what came out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...errors import ConfigError
from .ledger import FAILED, FILE, read_trials
from .plan import Plan
from .results import Setting, SweepResult
from .space import short_names, spelled

__all__ = ["duration", "first_sentence", "reasons", "table_of", "trials_ahead"]

SAID = {
    "diverged": "diverged",
    "memory": "did not fit into memory",
    "impossible": "cannot be",
    "killed": "ended by themselves",
    "failed": "failed",
}


def trials_ahead(folder: Path, plan: Plan) -> list[dict[str, Any]]:
    """The trials of a grid, in their order: setting, seed, and what has become of them.

    Those of a search are not known before; only what has been tried is listed.
    """
    known = read_trials(folder) if (folder / FILE).exists() else []
    names = short_names(list(plan.axes))
    listed = [(trial.setting, trial.seed) for trial in known] if plan.is_search else plan.grid()
    states = {(plan.key(trial.setting), trial.seed): trial.state for trial in known}
    return [
        {
            "setting": {
                names[name]: spelled(value) for name, value in plan.setting_of(setting).items()
            },
            "seed": seed,
            "state": states.get((plan.key(setting), seed)) or _before_it_begins(plan, setting),
        }
        for setting, seed in listed
    ]


def table_of(result: SweepResult) -> tuple[list[str], list[list[str]]]:
    """Heads and rows, best setting first."""
    names = result.varied or list(result.plan.axes)
    has_spread = any(each.spread is not None for each in result.settings)
    head = [
        *(result.names[name] for name in names),
        "top-1",
        *(["±"] if has_spread else []),
        "top-5",
        "loss",
        "training top-1",
        "epoch",
        "time",
        "",
    ]
    return head, [_row(each, names, has_spread=has_spread) for each in result.settings]


def reasons(result: SweepResult) -> list[str]:
    """How many trials failed, and why: the first reason of each kind, its first sentence."""
    lines = []
    for state in FAILED:
        failed = [trial for trial in result.trials if trial.state == state]
        if failed:
            count = f"{len(failed)} {'trials' if len(failed) > 1 else 'trial'} {SAID[state]}"
            lines.append(f"{count}: {first_sentence(failed[0].reason)}.")
    return lines


def duration(seconds: float) -> str:
    """Such as "8 s", "3:05 min", "1:20 h"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"


def _row(setting: Setting, names: list[str], *, has_spread: bool) -> list[str]:
    state = "" if setting.state == "done" else setting.state
    if setting.n_failed and len(setting.trials) > 1:
        state = f"{setting.n_failed} of {len(setting.trials)} {state}"
    seconds, loss = setting.mean("seconds"), setting.mean("val_loss")
    return [
        *(spelled(setting.values[name]) for name in names),
        _percent(setting.top1),
        *([f"{100 * setting.spread:.2f}" if setting.spread is not None else ""] * has_spread),
        _percent(setting.mean("val_top5")),
        "" if loss is None else f"{loss:.4f}",
        _percent(setting.mean("train_top1")),
        f"{setting.mean('best_epoch') or 0:.0f}" if setting.top1 is not None else "",
        "" if seconds is None else duration(seconds),
        state,
    ]


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.2%}"


def first_sentence(text: str) -> str:
    """Without the advice, which is for one trial."""
    return text.partition(". ")[0].rstrip(".")


def _before_it_begins(plan: Plan, setting: dict[str, Any]) -> str:
    try:
        plan.base.with_values(setting)
    except ConfigError:
        return "impossible"
    return "waiting"
