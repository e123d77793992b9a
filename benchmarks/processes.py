"""What two processes learn beside what one learns, and how fast.

    python benchmarks/processes.py

The same network on the same drawings in the same batches: in one process, in one that takes each
batch in two parts, and in two processes, which share each batch. They add the same numbers in
another order, so losses differ by rounding, which grows with the steps; a network with batch norms
in parts learns something else, for each part is normed by itself.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import torch

from common import DATA, machine, real_files, use_cores
from doodlewise.data.prepare import prepare
from doodlewise.data.store import Store
from doodlewise.training.setup import TrainedRun, train

WAYS: dict[str, dict[str, Any]] = {
    "one process": {},
    "one, in two parts": {"accumulate": 2},
    "two processes": {"devices": 2},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of simplified ndjson")
    parser.add_argument("--words", type=int, default=10, help="how many, evenly from all")
    parser.add_argument("--model", nargs="+", default=["quickdraw_cnn_v1", "convnet_tiny"])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--cores", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(use_cores(arguments.cores))
    files = real_files(arguments.data)
    files = files[:: max(1, len(files) // arguments.words)][: arguments.words]
    with tempfile.TemporaryDirectory(prefix="doodlewise-processes-") as folder:
        prepare(files, Path(folder) / "store", jobs=1)
        store = Store(Path(folder) / "store")
        steps = arguments.epochs * (store.size("train") // arguments.batch_size)
        print(machine())
        print(f"{store!r}")
        print(f"batches of {arguments.batch_size}, {steps} steps, learning rate 1e-3, float32")
        print(f"{'':38}{'largest difference of':>24}{'':>12}")
        print(f"{'':38}{'train loss':>12}{'val loss':>12}{'drawings/s':>12}")
        for model in arguments.model:
            runs = {
                name: train(
                    store=str(store.folder), runs=folder, name=f"{model} {name}", model=model,
                    batch_size=arguments.batch_size, epochs=arguments.epochs, device="cpu",
                    precision="32-true", optim={"lr": 1e-3}, **way,
                )
                for name, way in WAYS.items()
            }  # fmt: skip
            for name, run in runs.items():
                apart = [difference(run, runs["one process"], of) for of in ("train", "val")]
                rate = max(row["drawings_per_s"] for row in run.rows)
                print(f"{model:18}{name:20}{apart[0]:12.5f}{apart[1]:12.5f}{rate:12,.0f}")
            both = [
                max(row["drawings_per_s"] for row in runs[name].rows)
                for name in ("two processes", "one process")
            ]
        print(f"ratio of two processes to one, {model}: {both[0] / both[1]:.2f}")


def difference(one: TrainedRun, other: TrainedRun, of: str) -> float:
    """The largest of any epoch."""
    pairs = zip(one.rows, other.rows, strict=True)
    return max(abs(row[f"{of}_loss"] - its[f"{of}_loss"]) for row, its in pairs)


if __name__ == "__main__":
    main()
