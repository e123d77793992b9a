"""Run folders as training leaves them, written by hand: in milliseconds, and damaged at will."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from doodlewise.training.config import TrainConfig, save_config
from doodlewise.training.run_dir import RunDir

LONG_AGO = "2025-03-01"
N_VAL = 400


def make_run(
    folder: Path,
    *,
    epochs: int = 4,
    done: int | None = None,
    ending: str = "finished",
    seed: int = 0,
    top1: float = 0.8,
    store: str = "stores/a10",
    data: str = "1,200 drawings to learn from, 400 to validate, 10 classes",
    day: str = LONG_AGO,
    **settings: Any,
) -> Path:
    """A run whose validation top-1 rises to `top1` in its last epoch but one.

    Args:
        folder: of the run.
        epochs: that were asked for.
        done: that are over; all if None.
        ending: finished; stopped, early, diverged, pruned, failed; or silent, as after a kill.
        seed: of it, and of its figures.
        top1: best validation top-1.
        store: that it learns from.
        data: what its log says about that.
        day: on which it ran.
        **settings: others, nested ones as `{"optim.lr": 1e-3}`.
    """
    done = epochs if done is None else done
    config = TrainConfig(store=store).with_values(
        {"epochs": epochs, "seed": seed, "name": folder.name, "runs": str(folder.parent)}
    )
    config = config.with_values(settings.pop("values", {}) | settings)
    run = RunDir(folder)
    folder.mkdir(parents=True)
    save_config(config, run.config)
    rows = [_row(epoch, done, top1) for epoch in range(1, done + 1)]
    if rows:
        run.write_metrics(rows)
    facts = {
        "device": "1 x cpu (as asked)",
        "precision": "32-true (the safe choice here)",
        "data": f"{store}: {data}",
        "network": f"{config.model}, 22,662 parameters",
        "run": str(folder),
    }
    lines = [f"{name}: {value}" for name, value in facts.items()]
    lines += [f"epoch {row['epoch']}, lr {row['lr']}" for row in rows]
    lines += ENDINGS[ending](done)
    run.log.write_text(
        "".join(f"{day} 12:{n // 60:02}:{n % 60:02} {line}\n" for n, line in enumerate(lines))
    )
    run.env.write_text(json.dumps({"processor": "Abacus", "cores": 2, "devices": []}))
    run.usage.write_text(json.dumps({"total_s": 10.0 * done, "seconds": {"steps": 10.0 * done}}))
    if ending in ("finished", "early"):
        _add_model(run, done, top1)
    return folder


ENDINGS: dict[str, Callable[[int], list[str]]] = {
    "finished": lambda n: [f"ended: after all {n} epochs", "cost: little"],
    "early": lambda n: [
        f"stopped after epoch {n}: no better validation top-1 than 0.8 of epoch {n - 1}",
        "ended: as said",
    ],
    "stopped": lambda n: [f"interrupted in epoch {n + 1}, saved"],
    "diverged": lambda n: [f"broken off: The loss is not a number any more, in epoch {n + 1}."],
    "pruned": lambda n: [
        f"broken off: ended after epoch {n}: 10 % is below the median of the others"
    ],
    "failed": lambda n: ["broken off: A batch of 9 drawings does not fit into memory."],
    "silent": lambda n: [],
}


def add_evaluation(folder: Path, *, split: str = "test", top1: float = 0.75, n: int = 300) -> None:
    """What `doodlewise eval` leaves in a run folder, as far as it is read here."""
    values = {
        "n": n,
        "top1": top1,
        "top3": 0.9,
        "top5": 0.95,
        "top1_interval": [top1 - 0.05, top1 + 0.05],
        "map3": 0.8,
        "loss": 0.7,
        "ece": 0.03,
        "split": split,
        "store": "a10",
        "date": "2025-03-02T10:00:00+00:00",
    }
    folder.mkdir(exist_ok=True)
    (folder / "eval.json").write_text(json.dumps(values))


def copied(run: Path, to: Path) -> Path:
    """The same folder once more, with the times of now."""
    shutil.copytree(run, to, copy_function=shutil.copyfile)
    return to


def _row(epoch: int, done: int, top1: float) -> dict[str, Any]:
    best = max(1, done - 1)
    at = top1 * epoch / best if epoch <= best else top1 - 0.01
    return {
        "epoch": epoch,
        "lr": 0.004 / epoch,
        "train_loss": 2.0 / epoch,
        "train_top1": at - 0.05,
        "val_loss": 1.8 / epoch,
        "val_top1": round(at, 5),
        "val_top3": round(min(1.0, at + 0.1), 5),
        "val_top5": round(min(1.0, at + 0.15), 5),
        "train_s": 4.0,
        "data_wait_s": 0.1,
        "val_s": 0.5,
        "drawings_per_s": 300.0,
    }


def _add_model(run: RunDir, done: int, top1: float) -> None:
    run.model.mkdir()
    info = {
        "model": "convnet_tiny",
        "trained_on": {"epochs": done, "best_epoch": max(1, done - 1)},
        "metrics": {"split": "val", "top1": top1, "ece": 0.02},
    }
    (run.model / "config.json").write_text(json.dumps(info))
    add_evaluation(run.path, split="val", top1=top1, n=N_VAL)
    run.report.write_text("<!doctype html>")
