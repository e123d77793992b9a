"""Results of sweeps that never were, to draw and to rank."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from doodlewise.training.config import TrainConfig
from doodlewise.training.sweep.ledger import Trial
from doodlewise.training.sweep.plan import Plan, make_plan
from doodlewise.training.sweep.results import SweepResult, figures_of, run_folder, settings_of

EPOCHS = 8


def two_axes(base: TrainConfig, seeds: int = 1) -> Plan:
    return make_plan(base, grid={"lr": "1e-2,1e-3,1e-4", "batch_size": "32,64,128"}, seeds=seeds)


def top1_of(setting: Mapping[str, Any], seed: int = 0) -> float:
    lr, batch = setting.get("optim.lr", 0.001), setting.get("batch_size", 64)
    return 0.86 - 0.05 * abs(math.log10(lr) + 3) - 0.01 * abs(math.log2(batch) - 6) + 0.004 * seed


def made(
    folder: Path,
    plan: Plan,
    *,
    ends: Callable[[Mapping[str, Any], int], tuple[str, str]] = lambda *_: ("done", ""),
    settings: list[dict[str, Any]] | None = None,
) -> SweepResult:
    """Trials of a grid, or of these settings, each with its metrics.csv.

    Args:
        ends: state and reason of a trial, from its setting and seed.
    """
    listed = plan.grid() if settings is None else [(each, 0) for each in settings]
    trials = []
    for number, (setting, seed) in enumerate(listed):
        state, reason = ends(setting, seed)
        run = run_folder(folder, number)
        if state in ("done", "pruned"):
            write_metrics(run, top1_of(setting, seed), EPOCHS if state == "done" else 2)
        trials.append(Trial(number, setting, seed, state, reason, figures_of(run)))
    return SweepResult(folder, plan, trials, settings_of(trials, plan), n_val=500)


def write_metrics(run: Path, top1: float, epochs: int) -> None:
    run.mkdir(parents=True)
    rows = []
    for epoch in range(1, epochs + 1):
        share = 1 - math.exp(-epoch / 2)
        rows.append(
            {
                "epoch": epoch,
                "lr": 0.001,
                "train_loss": 2.3 * (1 - share) + 0.2,
                "train_top1": share * (top1 + 0.05),
                "val_loss": 2.3 * (1 - share) + 0.4,
                "val_top1": share * top1,
                "val_top5": share,
                "train_s": 2.0,
                "val_s": 0.5,
                "drawings_per_s": 1500.0 + epoch,
            }
        )
    with (run / "metrics.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
