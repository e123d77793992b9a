"""A sweep as a table for people: what is ahead of it, and what came out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...errors import ConfigError
from .ledger import FAILED, FILE, Trial, read_trials
from .plan import Plan
from .results import Setting, SweepResult
from .space import short_names, spelled

__all__ = ["duration", "reasons", "table_of", "trials_ahead"]

WHY = 3
"""Different reasons that are told after the table; the page has all."""


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
    """Why trials failed, each reason once, shortened to its first sentence."""
    found: dict[str, list[Trial]] = {}
    for trial in result.trials:
        if trial.state in FAILED:
            found.setdefault(f"{trial.state}: {_first_sentence(trial.reason)}", []).append(trial)
    lines = [
        f"{reason} ({len(trials)} {'trials' if len(trials) > 1 else 'trial'})"
        for reason, trials in list(found.items())[:WHY]
    ]
    if len(found) > WHY:
        lines.append(f"and {len(found) - WHY} more reasons: see {result.folder / 'report.html'}")
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


def _first_sentence(text: str) -> str:
    return text.partition(". ")[0].rstrip(".")


def _before_it_begins(plan: Plan, setting: dict[str, Any]) -> str:
    try:
        plan.base.with_values(setting)
    except ConfigError:
        return "impossible"
    return "waiting"
