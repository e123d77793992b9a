"""How much each setting matters: its share of the differences between the trials."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .ledger import Trial, study_of
from .plan import Plan

__all__ = ["TOGETHER", "importance"]

TOGETHER = "in combination"
"""What no setting explains alone."""
LEAST = 8
"""Trials of a search below which a share would be a guess."""


def importance(folder: Path, plan: Plan, trials: Sequence[Trial]) -> dict[str, float]:
    """Share of the variance of the validation top-1, by dotted name, largest first.

    Of a grid: what the means of each value explain (main effects of an analysis of variance); what
    only combinations do, and what chance does where there are several seeds. Of a search: by
    fANOVA (Hutter, Hoos, Leyton-Brown 2014), which Optuna has; the shares are of what it explains.

    Args:
        folder: of the sweep.
        plan: of it.
        trials: of it.

    Returns:
        Empty if too few are done, or all came out alike.
    """
    done = [trial for trial in trials if trial.state == "done"]
    if plan.is_search:
        shares = _by_forest(folder, plan) if len(done) >= LEAST else {}
    else:
        shares = _of_grid(plan, done)
    return dict(sorted(shares.items(), key=lambda each: (each[0] == TOGETHER, -each[1])))


def _of_grid(plan: Plan, done: Sequence[Trial]) -> dict[str, float]:
    settings = [plan.setting_of(trial.setting) for trial in done]
    scores = np.array([trial.result["val_top1"] for trial in done])
    varied = [name for name in plan.axes if len({repr(each[name]) for each in settings}) > 1]
    total = float(((scores - scores.mean()) ** 2).sum()) if len(scores) else 0.0
    if len(varied) < 2 or total <= 1e-12:
        return {}

    def explained(by: Sequence[str]) -> float:
        groups: dict[str, list[float]] = {}
        for setting, score in zip(settings, scores, strict=True):
            groups.setdefault(repr([setting[name] for name in by]), []).append(score)
        between = sum(len(each) * (np.mean(each) - scores.mean()) ** 2 for each in groups.values())
        return float(between) / total

    shares = {name: explained([name]) for name in varied}
    whole = explained(varied)
    shares[TOGETHER] = max(0.0, whole - sum(shares.values()))
    return shares


def _by_forest(folder: Path, plan: Plan) -> dict[str, float]:
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = get_param_importances(
                study_of(folder), evaluator=FanovaImportanceEvaluator(seed=0)
            )
        except (RuntimeError, ValueError):
            # All trials came out alike.
            return {}
    return {name: float(share) for name, share in found.items() if name in plan.axes}
