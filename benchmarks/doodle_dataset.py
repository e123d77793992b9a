"""The Kaggle Doodle Dataset, end to end, on a miniature: CSV and pictures to a network.

    python benchmarks/doodle_dataset.py
    python benchmarks/doodle_dataset.py --words 60 --per-word 200 --epochs 4

The miniature has the layout of the real data set and everything that is strange about it (255 x 255
grey-ink PNGs; see tests/data/miniature.py), and real drawings (--data). Its words and countries are
filtered by --top-labels and --top-countries as in the project that stayed at chance with 50 words,
the pictures are brought to 64 x 64, and convnet_tiny learns from them. The epoch is chosen on the
validation split; the test split is looked at once.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from common import DATA, machine, real_files
from doodlewise.data.formats import word_of
from doodlewise.data.prepare import PictureWish, prepare
from doodlewise.data.store import Store
from doodlewise.evaluation.judge import evaluate
from doodlewise.training.config import TrainConfig
from doodlewise.training.setup import train

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "data"))
from miniature import make_doodle_dataset

COUNTRIES = [a + b for a in "NABDEFG" for b in "ABDEMRSTZ"][:60]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of simplified ndjson")
    parser.add_argument("--words", type=int, default=60)
    parser.add_argument("--per-word", type=int, default=350)
    parser.add_argument("--top", type=int, default=50, help="labels, and countries")
    parser.add_argument("--model", default="convnet_tiny")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    print(machine(), flush=True)
    words = [word_of(file) for file in real_files(given.data)]
    words = words[:: max(1, len(words) // given.words)][: given.words]
    with tempfile.TemporaryDirectory(prefix="doodle-dataset-") as scratch:
        work = Path(scratch)
        source = work / "Doodle Dataset"
        make_doodle_dataset(source, words, COUNTRIES, given.per_word, quickdraw=given.data)
        started = time.perf_counter()
        manifest = prepare(
            [source],
            work / "store",
            top_labels=given.top,
            top_countries=given.top,
            per_class=3000,
            pictures=PictureWish((64, 64)),
        )
        seconds = time.perf_counter() - started
        store = Store(work / "store")
        n = store.size("all")
        print(f"prepared {n:,} of {len(words) * given.per_word:,} pictures in {seconds:.1f} s")
        print(f"{len(store.classes)} words, {manifest.image}", flush=True)
        for seed in range(given.seeds):
            started = time.perf_counter()
            run = train(
                TrainConfig(
                    store=str(store.folder),
                    model=given.model,
                    epochs=given.epochs,
                    seed=seed,
                    name=f"dd-{seed}",
                    runs=str(work / "runs"),
                    device="cpu",
                )
            )
            minutes = (time.perf_counter() - started) / 60
            _, result = evaluate(run.folder, store.folder)
            low, high = result.top1_interval
            print(
                f"{given.model}, seed {seed}: test top-1 {result.top1:.2%}"
                f" ({low:.2%} to {high:.2%}), top-5 {result.top5:.2%}, n {result.n:,};"
                f" best epoch {run.best_epoch} of {given.epochs}, {minutes:.1f} minutes",
                flush=True,
            )
            print(f"ratio to chance: {result.top1 * len(store.classes):.1f}")


if __name__ == "__main__":
    main()
