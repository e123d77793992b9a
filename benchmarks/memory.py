"""Peak memory of preparing and training: does it depend on how many drawings there are?

    python benchmarks/memory.py
    python benchmarks/memory.py --sizes 100000 2000000 --steps 400

Real drawings, repeated with every point moved by up to two pixels and with new ids, are written as
.bin files, once for each size. Then `prepare` and training run in processes of their own, the sizes
in turn. Training is the package's loop over one epoch and its validation: every batch of the epoch
is read and drawn, and those that the network learns from, the same number for each size, are
spread over it.

Memory is what the process and all its children use together: their proportional set size (Pss),
which counts a shared page once, read from /proc every 50 ms. What of it are mapped files (shards,
parts, libraries), which the system can drop when it needs the space, is shown beside it. Hoped
for: the larger store takes less than 300 MB more than the smaller. Needs Linux, about 1 GB of disk
and some minutes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common import (
    DATA,
    StopAfter,
    machine,
    make_job,
    median_and_spread,
    ratios,
    read_real,
    real_files,
)
from doodlewise.data.formats import word_of
from doodlewise.data.prepare import prepare
from doodlewise.data.store import Store
from doodlewise.ragged import Ragged, offsets_of

SAMPLE_S = 0.05
JITTER = 2
HEADER = np.dtype(
    [
        ("key_id", "<u8"),
        ("country", "S2"),
        ("recognised", "i1"),
        ("timestamp", "<u4"),
        ("n_strokes", "<u2"),
    ]
)
STEPS = ("prepare", "train")


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one step.

    Attributes:
        peak_mb: most memory at any moment, in millions of bytes.
        mapped_mb: what of it were mapped files, at that moment.
        drawings: that went through.
        seconds: of the work, without starting Python.
    """

    peak_mb: float
    mapped_mb: float
    drawings: int
    seconds: float


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
    if not Path("/proc/self/smaps_rollup").exists():
        sys.exit("There is no /proc/self/smaps_rollup here. Run this on Linux.")
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
                run = watch(step, work / "sources", work / f"store-{number}", arguments)
                measured[step][size].append(run)
                print(
                    f"{step:10}{run.drawings:>12,}{run.peak_mb:>10,.0f}{run.mapped_mb:>11,.0f}"
                    f"{run.drawings / run.seconds:>14,.0f}",
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


def watch(step: str, sources: Path, store: Path, arguments: argparse.Namespace) -> Measured:
    """Run a step in a process of its own, and look at its memory until it ends."""
    command = [sys.executable, __file__, "--child", step, "--data", str(sources)]
    command += ["--work", str(store), "--model", arguments.model, "--steps", str(arguments.steps)]
    peak = (0, 0)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            peak = max(peak, used_bytes(process.pid))
            time.sleep(SAMPLE_S)
        assert process.stdout is not None
        output = process.stdout.read()
    if process.returncode:
        sys.exit(f"The process of {step} failed; see what it said above.")
    return Measured(peak[0] / 1e6, peak[1] / 1e6, **json.loads(output))


def used_bytes(pid: int) -> tuple[int, int]:
    """Pss of a process and everything under it, all and of mapped files; 0 of what has ended."""
    used = {"Pss:": 0, "Pss_File:": 0}
    for each in family(pid):
        try:
            rollup = Path(f"/proc/{each}/smaps_rollup").read_text()
        except OSError:
            continue
        for line in rollup.splitlines():
            name, amount, *_ = line.split()
            if name in used:
                used[name] += int(amount) * 1024
    return used["Pss:"], used["Pss_File:"]


def family(pid: int) -> Iterator[int]:
    """A process and everything under it."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            every = children.read_text().split()
        except OSError:
            continue
        for child in every:
            yield from family(int(child))


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


def write_sources(files: list[Path], folder: Path, n: int) -> int:
    """About n drawings as a .bin file of each word; the bytes of all."""
    random = np.random.default_rng(0)
    written, n_bytes = 0, 0
    for number, file in enumerate(files, 1):
        last = n * number // len(files)
        drawings, _ = read_real([file], 100_000)
        rows = np.arange(last - written) % len(drawings)
        content = binary_of(moved(drawings.take(rows), random), first_key=written + 1)
        content.tofile(folder / f"{word_of(file)}.bin")
        n_bytes += len(content)
        written = last
    return n_bytes


def moved(drawings: Ragged, random: np.random.Generator) -> Ragged:
    """The same drawings, each point moved by up to two pixels, within the frame."""
    by = random.integers(-JITTER, JITTER + 1, drawings.points.shape, dtype=np.int16)
    points = np.clip(drawings.points + by, 0, 255).astype(np.uint8)
    return replace(drawings, points=points)


def binary_of(drawings: Ragged, first_key: int) -> NDArray[np.uint8]:
    """The bytes of Google's .bin with these drawings, all written in one go."""
    lengths = drawings.stroke_lengths.astype(np.int64)
    n_strokes = np.diff(drawings.stroke_offsets)
    header = np.zeros(len(drawings), HEADER)
    header["key_id"] = first_key + np.arange(len(drawings), dtype=np.uint64)
    header["country"] = b"ZZ"
    header["recognised"] = 1
    header["n_strokes"] = n_strokes

    # Where each record and each stroke begins, and where each point's x and y go.
    drawing = np.repeat(np.arange(len(drawings)), n_strokes)
    strokes = offsets_of(2 + 2 * lengths) + HEADER.itemsize * np.append(drawing + 1, len(drawings))
    records = strokes[drawings.stroke_offsets[:-1]] - HEADER.itemsize
    within = np.arange(len(drawings.points)) - np.repeat(offsets_of(lengths)[:-1], lengths)
    x_at = np.repeat(strokes[:-1] + 2, lengths) + within
    content = np.empty(strokes[-1], np.uint8)
    content[records[:, None] + np.arange(HEADER.itemsize)] = header.view(np.uint8).reshape(
        len(drawings), -1
    )
    content[strokes[:-1]], content[strokes[:-1] + 1] = lengths & 255, lengths >> 8
    content[x_at] = drawings.points[:, 0]
    content[x_at + np.repeat(lengths, lengths)] = drawings.points[:, 1]
    return content


if __name__ == "__main__":
    main()
