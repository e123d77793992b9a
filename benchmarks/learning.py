"""How well the engine learns: all 345 words in an hour on two CPU cores; ten animals, fairly.

    python benchmarks/learning.py all345       # convnet_tiny or --model NAME, every word, one seed
    python benchmarks/learning.py animals10    # quickdraw_cnn_v2 against convnet_tiny, 3 seeds each

Both train on the training split, choose the epoch on the validation split, and look at the test
split once, at the end. Needs the Quick, Draw! ndjson files (--data).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from common import DATA, machine, mean_and_deviation, real_files, subject_of
from doodlewise.data.catalog import WORD_SETS
from doodlewise.data.prepare import prepare
from doodlewise.data.store import Store
from doodlewise.evaluation.result import EvalResult
from doodlewise.evaluation.run import evaluate
from doodlewise.training.config import TrainConfig
from doodlewise.training.fit import Position
from doodlewise.training.record import SilentReporter
from doodlewise.training.setup import train


class Lines(SilentReporter):
    """A line an epoch."""

    def epoch(self, position: Position, is_best: bool) -> None:
        print(json.dumps(position.rows[-1]), flush=True)


def test_of(run: Path, store: Store) -> EvalResult:
    return evaluate(subject_of(run / "model"), store, "test")


def all345(data: Path, work: Path, epochs: int, model: str) -> None:
    prepare([data], work / "store")
    store = Store(work / "store")
    started = time.perf_counter()
    config = TrainConfig(
        store=str(store.folder), model=model, epochs=epochs, name=f"all345-{model}",
        runs=str(work / "runs"), device="cpu",
    )  # fmt: skip
    run = train(config, reporter=Lines, exist_ok=True)
    minutes = (time.perf_counter() - started) / 60
    result = test_of(run.folder, store)
    print(f"{store!r}")
    print(f"{model}, {epochs} epochs, {minutes:.1f} minutes, best epoch {run.best_epoch}")
    for name, value in result.summary_rows():
        print(f"  {name:24} {value}")


def animals10(data: Path, work: Path, epochs: int, seeds: int) -> None:
    prepare([data], work / "a10", classes=WORD_SETS["animals10"])
    store = Store(work / "a10")
    print(f"{store!r}, {epochs} epochs, {seeds} seeds")
    print(f"{'network':20} {'top-1, % ± deviation':>20}   each")
    for model in ("quickdraw_cnn_v2", "convnet_tiny"):
        top1 = []
        for seed in range(seeds):
            run = train(
                TrainConfig(
                    store=str(store.folder),
                    model=model,
                    epochs=epochs,
                    seed=seed,
                    name=f"{model}-{seed}",
                    runs=str(work / "runs"),
                    device="cpu",
                    batch_size=64,
                ),
                exist_ok=True,
            )
            top1.append(100 * test_of(run.folder, store).top1)
        each = ", ".join(f"{value:.2f}" for value in top1)
        print(f"{model:20} {mean_and_deviation(top1, '.2f'):>20}   {each}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["all345", "animals10"])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--model", default="convnet_tiny", help="of all345")
    parser.add_argument("--seeds", type=int, default=3, help="of animals10")
    work = Path(tempfile.gettempdir()) / "doodlewise-learning"
    parser.add_argument("--work", type=Path, default=work, help="for the stores and runs")
    given = parser.parse_args()
    print(machine())
    real_files(given.data)
    if given.what == "all345":
        all345(given.data, given.work, given.epochs, given.model)
    else:
        animals10(given.data, given.work, given.epochs, given.seeds)


if __name__ == "__main__":
    main()
