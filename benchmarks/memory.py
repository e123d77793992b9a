"""Peak memory of preparing and training: does it depend on how many drawings there are?

    python benchmarks/memory.py
    python benchmarks/memory.py --sizes 100000 2000000 --steps 400

Real drawings, repeated with every point moved by up to two pixels and with new ids, are written as
.bin files, once for each size. Then `prepare` and training run in processes of their own, the sizes
in turn. Training is the package's loop over one epoch and its validation: every batch of the epoch
is read and drawn, and those that the network learns from, the same number for each size, are
spread over it.

Hoped for: the larger store takes less than 300 MB more than the smaller. Needs Linux, about 1 GB of
disk and some minutes. What memory means here is said in watching.py.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from common import (
    DATA,
    machine,
    median_and_spread,
    ratios,
    real_files,
)
from doodlewise.data.prepare import prepare
from doodlewise.data.store import Store
from made import write_sources
from watching import Measured, needs_linux, watch

STEPS = ("prepare", "train")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of simplified ndjson")
    parser.add_argument("--sizes", type=int, nargs=2, default=[100_000, 2_000_000])
    parser.add_argument("--words", type=int, default=40, help="source files, one a word")
    parser.add_argument("--model", default="quickdraw_cnn_v2")
    parser.add_argument("--steps", type=int, default=400, help="of training")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--work", type=Path, help="folder for temporary files")
    parser.add_argument("--child", choices=STEPS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        run_child(arguments)
        return
    needs_linux()
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory(prefix="doodlewise-memory-", dir=arguments.work) as folder:
        measured = measure(arguments, Path(folder))
    report(arguments.sizes, measured)


def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, dict[int, list[Measured]]]:
    """All runs, by step and size."""
    files = real_files(arguments.data)
    files = files[:: max(1, len(files) // arguments.words)][: arguments.words]
    for size in arguments.sizes:
        (folder / str(size) / "sources").mkdir(parents=True)
        started = time.perf_counter()
        n_bytes = write_sources(files, folder / str(size) / "sources", size)
        print(
            f"{size:,} drawings in {len(files)} files, {n_bytes / 1e6:,.0f} MB, written in"
            f" {time.perf_counter() - started:.0f} s",
            flush=True,
        )
    measured: dict[str, dict[int, list[Measured]]] = {
        step: {size: [] for size in arguments.sizes} for step in STEPS
    }
    print(f"{'':10}{'drawings':>12}{'peak MB':>10}{'mapped MB':>11}{'drawings/s':>14}")
    for number in range(arguments.rounds):
        for step in STEPS:
            for size in arguments.sizes:
                # Another folder each round: `prepare` does not do again what is done.
                work = folder / str(size)
                done = run(step, work / "sources", work / f"store-{number}", arguments)
                measured[step][size].append(done)
                print(
                    f"{step:10}{done.drawings:>12,}{done.peak_mb:>10,.0f}{done.mapped_mb:>11,.0f}"
                    f"{done.drawings / done.seconds:>14,.0f}",
                    flush=True,
                )
    return measured


def report(sizes: list[int], measured: dict[str, dict[int, list[Measured]]]) -> None:
    small, large = sizes
    compared = []
    for step, runs in measured.items():
        peaks = {size: [run.peak_mb for run in runs[size]] for size in sizes}
        more = [b - a for a, b in zip(peaks[small], peaks[large], strict=True)]
        print(
            f"difference of {step}: {median_and_spread(more)} MB more for {large:,} drawings than"
            f" for {small:,}"
        )
        compared.append(f"{step} {median_and_spread(ratios(peaks[large], peaks[small]), '.2f')}")
    print(f"ratio of the peaks, {large:,} to {small:,} drawings: {', '.join(compared)}")


def run(step: str, sources: Path, store: Path, arguments: argparse.Namespace) -> Measured:
    """A step in a process of its own."""
    command = [sys.executable, __file__, "--child", step, "--data", str(sources)]
    command += ["--work", str(store), "--model", arguments.model, "--steps", str(arguments.steps)]
    return watch(command)


def run_child(arguments: argparse.Namespace) -> None:
    """One step, in the process that is watched: print the drawings and the seconds."""
    started = time.perf_counter()
    if arguments.child == "prepare":
        manifest = prepare([arguments.data], arguments.work)
        drawings = manifest.size("train") + manifest.size("val") + manifest.size("test")
    else:
        drawings = train(Store(arguments.work), arguments.model, arguments.steps)
    print(json.dumps({"drawings": drawings, "seconds": time.perf_counter() - started}))


def train(store: Store, model: str, steps: int) -> int:
    """One epoch with so many steps spread over it; how many drawings were read and drawn."""
    # Not above: whoever prepares, and is watched too, needs no torch.
    from doodlewise.data.batches import Batch, TrainingBatches
    from doodlewise.training.config import TrainConfig
    from doodlewise.training.fit import Position, fit
    from loop import StopAfter, make_job

    class Spread(TrainingBatches):
        """All batches of an epoch are drawn, some of them given to the network."""

        def __len__(self) -> int:
            return min(steps, super().__len__())

        def epoch(self, epoch: int, first_batch: int = 0) -> Iterator[Batch]:
            assert first_batch == 0
            every = super().__len__()
            wanted = len(self)
            for number, batch in enumerate(super().epoch(epoch)):
                if (number + 1) * wanted // every > number * wanted // every:
                    yield batch

    config = TrainConfig(store=str(store.folder), model=model, device="cpu", epochs=1)
    fit(make_job(config, store, StopAfter(None), Spread), Position())
    return store.size("train") + store.size("val")


if __name__ == "__main__":
    main()
