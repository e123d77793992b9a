"""Makes the model that comes with the package, and measures the very file on the test split.

    python benchmarks/bundled.py                    # trains (30 minutes), exports, measures
    python benchmarks/bundled.py --measure-only     # the file in the package, as it is
    python benchmarks/bundled.py --write            # and puts the new one in its place

The recipe is the engine's own, but a quarter of the drawings is shown unfinished, because people
look at the page while they draw. The epoch is chosen on the validation split, the scales of the 8
bits come from the training split, and the test split is looked at once. Needs Google's simplified
drawings (--data).
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import numpy as np

from common import DATA, machine
from doodlewise.augment import Augment
from doodlewise.data.batches import windows
from doodlewise.data.prepare import prepare
from doodlewise.data.store import Store
from doodlewise.drawing import Drawing
from doodlewise.exporting.onnx import export_onnx
from doodlewise.predict.bundled import BUNDLED
from doodlewise.predict.classifier import Classifier, load
from doodlewise.training.config import TrainConfig
from doodlewise.training.setup import train
from learning import Lines

UNFINISHED = Augment(prefix=0.25, prefix_min=0.3)
SHARES = (0.25, 0.5, 0.75, 1.0)


def made(store: Store, runs: Path, epochs: int) -> Path:
    """The file, trained and exported with 8 bits."""
    config = TrainConfig(
        store=str(store.folder), model="convnet_tiny", epochs=epochs, name="bundled",
        runs=str(runs), device="cpu", augment=UNFINISHED,
    )  # fmt: skip
    run = train(config, reporter=Lines, exist_ok=True)
    return exported(run.folder, runs / "bundled.onnx", store)


def exported(run: Path, to: Path, store: Store) -> Path:
    """A run as a file with 8 bits; what it costs is printed."""
    report = export_onnx(run, to, int8=True, verify=store.folder)
    assert report.loss is not None
    print(
        f"8 bits: {report.n_bytes / 1e6:.2f} MB; top-1 {report.loss.top1_int8:.2%} instead of"
        f" {report.loss.top1:.2%} on {report.loss.n:,} drawings of the val split"
    )
    return to


def measure(model: Classifier, store: Store) -> None:
    """Top-1, 3, 5 and how sure it was, on the whole test split, by the share of the ink."""
    print(f"{'ink':>5} {'top-1':>8} {'top-3':>8} {'top-5':>8} {'sure':>7} {'right when sure':>16}")
    classes = {word: label for label, word in enumerate(model.classes)}
    for share in SHARES:
        ranks, best = [], []
        for rows in windows(store, "test", 512):
            assert rows.drawings is not None
            drawings: list[Drawing] = [each.prefix(share) for each in rows.drawings]
            probabilities = model.probabilities(drawings)
            true = np.array([classes[store.classes[label]] for label in rows.labels])
            of_true = probabilities[np.arange(len(true)), true]
            ranks.append((probabilities > of_true[:, None]).sum(axis=1))
            best.append(probabilities.max(axis=1))
        rank, sure = np.concatenate(ranks), np.concatenate(best) >= model.info.sure_from
        print(
            f"{share:>5.0%} {np.mean(rank < 1):>8.2%} {np.mean(rank < 3):>8.2%}"
            f" {np.mean(rank < 5):>8.2%} {sure.mean():>7.1%} {np.mean(rank[sure] < 1):>16.1%}"
        )
    print(f"n = {len(rank):,}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--run", type=Path, help="a run that has been trained already")
    parser.add_argument("--measure-only", action="store_true")
    parser.add_argument("--write", action="store_true", help="into the package")
    work = Path(tempfile.gettempdir()) / "doodlewise-bundled"
    parser.add_argument("--work", type=Path, default=work, help="for the store and the run")
    given = parser.parse_args()
    prepare([given.data], given.work / "store")
    store = Store(given.work / "store")
    print(f"{machine()}\n{store!r}")
    file = BUNDLED
    if given.run:
        file = exported(given.run, given.work / "bundled.onnx", store)
    elif not given.measure_only:
        file = made(store, given.work / "runs", given.epochs)
    measure(load(file), store)
    if given.write and file != BUNDLED:
        shutil.copyfile(file, BUNDLED)
        print(f"written: {BUNDLED}")


if __name__ == "__main__":
    main()
