"""The tutorials' study of learning rate and batch size, again, and why 1e-2 collapses there.

    python benchmarks/animals_study.py --work /tmp/study

Ten animals, quickdraw_cnn_v2, 50 epochs, learning rate 1e-2, 1e-3, 1e-4 by batches of 32 to 512:
with our recipe, and with plain Adam as published (no warm-up, a constant rate, no weight decay, no
clipping, no label smoothing, no running mean, no variation of the drawings), which ends after 12
epochs that were no better. Then 1e-2 without the batch norms, and with the parts of our recipe put
back, in every combination. The validation split chooses; the test split is looked at once, for the
chosen setting. Killed, it goes on where it stopped. Needs the Quick, Draw! ndjson files (--data).
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import nn

import doodlewise as dw
from common import DATA, machine, real_files
from doodlewise.augment import Augment
from doodlewise.data.catalog import WORD_SETS
from doodlewise.data.split import Fractions
from doodlewise.models.registry import ImageShape, create_model

RATES = [1e-2, 1e-3, 1e-4]
BATCHES = [32, 64, 128, 256, 512]
PLAIN: dict[str, Any] = {
    "patience": 12,
    "optim": {
        "weight_decay": 0.0,
        "schedule": "constant",
        "warmup": 0.0,
        "label_smoothing": 0.0,
        "clip": 0.0,
        "ema": 0.0,
    },
    "augment": asdict(Augment.off()),
}


@dw.register_model
def quickdraw_cnn_v2_without_norm(n_classes: int, image_shape: ImageShape) -> nn.Module:
    """`quickdraw_cnn_v2` without its batch norms."""
    whole = create_model("quickdraw_cnn_v2", n_classes=n_classes, image_shape=image_shape)
    return nn.Sequential(*(each for each in whole if not isinstance(each, nn.BatchNorm2d)))


STUDIES: dict[str, dict[str, Any]] = {
    "ours": {"grid": {"lr": RATES, "batch_size": BATCHES}},
    "plain": {"grid": {"lr": RATES, "batch_size": BATCHES}, **PLAIN},
    "plain-without-norm": {
        "grid": {"batch_size": BATCHES},
        "model": "quickdraw_cnn_v2_without_norm",
        "lr": 1e-2,
        **PLAIN,
    },
    "why": {
        "grid": {
            "model": ["quickdraw_cnn_v2", "quickdraw_cnn_v2_without_norm"],
            "warmup": [0.0, 0.1],
            "clip": [0.0, 1.0],
            "weight_decay": [0.0, 0.05],
        },
        "lr": 1e-2,
        "batch_size": 64,
        "epochs": 10,
        **PLAIN,
    },
}


def store_of(data: Path, work: Path) -> Path:
    """A store of the ten animals: all drawings that are at hand."""
    store = work / "stores" / "a10"
    if not (store / "manifest.json").exists():
        animals = [path for path in real_files(data) if path.stem in WORD_SETS["animals10"]]
        dw.prepare(animals, store, fractions=Fractions(val=0.15, test=0.15))
    return store


def study(name: str, store: Path, work: Path, epochs: int, jobs: int) -> dw.SweepResult:
    settings = {
        "model": "quickdraw_cnn_v2",
        "epochs": epochs,
        "precision": "32-true",
        "device": "cpu",
        **STUDIES[name],
    }
    if "lr" in settings:
        settings["optim"] = {**settings["optim"], "lr": settings.pop("lr")}
    return dw.sweep(store, name=name, sweeps=work / "sweeps", jobs=jobs, **settings)


def show(name: str, result: dw.SweepResult) -> None:
    print(f"\n{name}: validation top-1 of the best epoch, {result.n_val:,} drawings")
    for setting in result.settings:
        top1 = f"{setting.top1:7.2%}" if setting.top1 is not None else f"{'-':>7}"
        rate = setting.mean("drawings_per_s") or 0.0
        print(
            f"{top1}  {setting.spell(result.names)}, epoch {setting.mean('best_epoch') or 0:.0f},"
            f" {rate:,.0f} drawings/s, {setting.state}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--work", type=Path, required=True, help="folder of store and sweeps")
    parser.add_argument("--studies", nargs="+", choices=STUDIES, default=list(STUDIES))
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    print(machine())
    store = store_of(arguments.data, arguments.work)
    print(dw.Store(store))
    for name in arguments.studies:
        result = study(name, store, arguments.work, arguments.epochs, arguments.jobs)
        show(name, result)
        if name in ("ours", "plain") and result.best_run is not None:
            _, test = dw.evaluate(result.best_run, store, split="test")
            low, high = test.top1_interval
            print(
                f"test top-1 of the best on validation: {test.top1:.2%}"
                f" (95 % interval {low:.2%} to {high:.2%}, {test.n:,} drawings)"
            )


if __name__ == "__main__":
    main()
