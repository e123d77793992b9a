"""Cats and dogs, end to end: from a folder of photos to accuracy on photos nobody trained on.

    python benchmarks/photos.py
    python benchmarks/photos.py --data "PetImages/" --size 96 --fit crop --epochs 20 --seeds 5

A folder of photos is prepared (a fifth held out for the test, a tenth to choose the epoch by, both
by a hash of each file's content), `photo_cnn` is trained on the rest for equal epochs with each
seed, and the test photos are looked at once a seed. Of 40 and 80 epochs, and rates of 1e-3 and 4e-3
at 40, these are what did best on two other divisions of the photos outside of the test split.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from pathlib import Path

import torch

from common import machine, mean_and_deviation
from doodlewise.data.prepare import PictureWish, prepare
from doodlewise.data.split import Fractions
from doodlewise.data.store import Store
from doodlewise.evaluation.run import Subject, evaluate
from doodlewise.models.bundle import load_bundle
from doodlewise.training.setup import train

DATA = Path(__file__).resolve().parents[2] / "shared/data/photos"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of a folder a class")
    parser.add_argument("--size", type=int, default=64, help="pixels")
    parser.add_argument("--fit", choices=["pad", "crop", "stretch"], default="pad")
    parser.add_argument("--model", default="photo_cnn")
    parser.add_argument("--variation", nargs="+", default=["auto"], help="presets to compare")
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cores", type=int, default=torch.get_num_threads())
    options = parser.parse_args()

    torch.set_num_threads(options.cores)
    print(machine())
    with tempfile.TemporaryDirectory() as work:
        store = prepared(options, Path(work))
        print(
            f"{options.data.name}: {store.size('train')} photos to learn from,"
            f" {store.size('val')} to choose the epoch by, {store.size('test')} to test;"
            f" {len(store.classes)} classes, {options.size} pixels, fit {options.fit}"
        )
        print(
            f"{options.model}, {options.epochs} epochs, batch {options.batch_size}, learning rate"
            f" {options.lr:g}, {options.seeds} seeds"
        )
        for preset in options.variation:
            print(line(preset, options, store, Path(work)), flush=True)


def prepared(options: argparse.Namespace, work: Path) -> Store:
    wish = PictureWish(size=(options.size, options.size), fit=options.fit, look="photo")
    prepare([options.data], work / "store", pictures=wish, fractions=Fractions(val=0.1, test=0.2))
    return Store(work / "store")


def line(preset: str, options: argparse.Namespace, store: Store, work: Path) -> str:
    """Accuracy on the test split with one variation, over the seeds."""
    started = time.perf_counter()
    test, val = [], []
    for seed in range(options.seeds):
        run = train(
            store=str(store.folder),
            model=options.model,
            epochs=options.epochs,
            batch_size=options.batch_size,
            seed=seed,
            name=f"{preset}-{seed}",
            runs=str(work / "runs"),
            device="cpu",
            optim={"lr": options.lr},
            pixels={"preset": preset},
        )
        network, info = load_bundle(run.folder / "model")
        subject = Subject(network, info.classes, None, torch.device("cpu"), info.temperature)
        test.append(evaluate(subject, store, "test").top1)
        val.append(run.best_top1)
    mean, n = statistics.mean(test), store.size("test")
    seconds = (time.perf_counter() - started) / options.seeds
    return (
        f"variation {preset:8} test top-1 {mean_and_deviation(test, '.2%')} (sd of {len(test)}"
        f" seeds; n = {n}, so ± {1.96 * math.sqrt(mean * (1 - mean) / n):.1%} by the number of"
        f" photos); each {', '.join(f'{value:.2%}' for value in test)}; validation"
        f" {statistics.mean(val):.2%}; {seconds:.0f} s a seed"
    )


if __name__ == "__main__":
    main()
