"""How fast sources become a store, and in how much memory, from 100,000 drawings to 10 million.

    python benchmarks/preparing.py
    python benchmarks/preparing.py --formats bin ndjson --sizes 100000 1000000 10000000 --rounds 1
    python benchmarks/preparing.py --formats npy --sizes 100000 1000000 3000000
    python benchmarks/preparing.py --formats photos --sizes 2000 8000

Real drawings, repeated with every point moved by up to two pixels and with new ids, are written as
a file of each word, in each format and size. Then `prepare` runs on them in a process of its own,
which is watched (watching.py), with each number of processes in turn, round after round. How fast
the disk is, is told by copying the sources once; `prepare` writes them twice. Photos are real ones,
repeated, brought to 64 x 64.

Hoped for, a core: 60,000 drawings/s of simplified ndjson, 500,000 of .bin, bitmaps as fast as the
disk; 800 photos/s on two cores; memory within 100 MB from the smallest to the largest. Ten million
drawings take 5 GB of disk as ndjson, 8 GB as bitmaps, and as much again twice. What all 50 million
would take is worked out from the largest size, not measured.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from common import DATA, machine, median_and_spread, ratios, real_files
from doodlewise.data.prepare import PictureWish, prepare
from made import write_photos, write_sources
from watching import Measured, needs_linux, watch

PHOTOS = DATA.parents[1] / "photos"
ALL = 50_426_266
"""Drawings of Quick, Draw! (README of googlecreativelab/quickdraw-dataset: 50 million)."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of simplified ndjson")
    parser.add_argument("--photos", type=Path, default=PHOTOS, help="folder of a folder a class")
    parser.add_argument("--formats", nargs="+", default=["ndjson", "bin", "npy"])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--words", type=int, default=40, help="source files, one a word")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--work", type=Path, help="folder for temporary files")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        run_child(arguments.child, arguments.work, arguments.jobs[0])
        return
    needs_linux()
    print(machine(), flush=True)
    files = real_files(arguments.data)
    files = files[:: max(1, len(files) // arguments.words)][: arguments.words]
    sizes = sorted(arguments.sizes)
    peaks: dict[tuple[str, int], list[float]] = {}
    print(f"{'':8}{'drawings':>12}{'jobs':>6}{'drawings/s':>12}{'MB/s read':>11}{'peak MB':>9}")
    for format in arguments.formats:
        for size in sizes:
            with tempfile.TemporaryDirectory(dir=arguments.work, prefix="preparing-") as folder:
                sources = Path(folder) / "sources"
                sources.mkdir()
                if format == "photos":
                    n_bytes = write_photos(arguments.photos, sources, size)
                else:
                    n_bytes = write_sources(files, sources, size, format)
                runs = measure(sources, Path(folder) / "store", arguments)
                copied = n_bytes / 1e6 / seconds_to_copy(sources, Path(folder) / "copy")
            for jobs, every in runs.items():
                rates = [run.drawings / run.seconds for run in every]
                peak = max(run.peak_mb for run in every)
                print(
                    f"{format:8}{size:>12,}{jobs:>6}{max(rates):>12,.0f}"
                    f"{max(rates) / size * n_bytes / 1e6:>11,.0f}{peak:>9,.0f}",
                    flush=True,
                )
                peaks.setdefault((format, jobs), []).append(peak)
        print(f"copying the {format}: {copied:,.0f} MB/s")
        told_of_all(format, sizes[-1], n_bytes, runs)
    for (format, jobs), every in peaks.items():
        spread = max(every) - min(every)
        print(f"memory of {format}, {jobs} jobs: {spread:,.0f} MB between the sizes")


def measure(sources: Path, store: Path, arguments: argparse.Namespace) -> dict[int, list[Measured]]:
    """All rounds, by number of processes."""
    runs: dict[int, list[Measured]] = {jobs: [] for jobs in arguments.jobs}
    for _ in range(arguments.rounds):
        for jobs in arguments.jobs:
            command = [sys.executable, __file__, "--child", str(sources), "--work", str(store)]
            runs[jobs].append(watch([*command, "--jobs", str(jobs)]))
            shutil.rmtree(store)
    return runs


def seconds_to_copy(sources: Path, copy: Path) -> float:
    """How long one process takes to read all of it, and to write it once."""
    started = time.perf_counter()
    for source in sorted(path for path in sources.rglob("*") if path.is_file()):
        target = copy / source.relative_to(sources)
        target.parent.mkdir(parents=True, exist_ok=True)
        with source.open("rb") as read, target.open("wb") as written:
            while block := read.read(1 << 20):
                written.write(block)
    os.sync()
    return time.perf_counter() - started


def told_of_all(format: str, size: int, n_bytes: int, runs: dict[int, list[Measured]]) -> None:
    """What the whole data set would take, and what more processes gain."""
    jobs = max(runs)
    rate = max(run.drawings / run.seconds for run in runs[jobs])
    if format != "photos":
        print(
            f"extrapolated to all {ALL:,} drawings: {ALL / rate:,.0f} s with {jobs} processes,"
            f" {ALL / size * n_bytes / 1e9:,.1f} GB of {format}"
        )
    if len(runs) > 1:
        least = min(runs)
        gain = ratios([run.seconds for run in runs[least]], [run.seconds for run in runs[jobs]])
        print(f"ratio of {jobs} processes to {least}, {format}: {median_and_spread(gain, '.2f')}")


def run_child(sources: Path, store: Path, jobs: int) -> None:
    """Prepare, in the process that is watched; what was written is on the disk when it is timed."""
    started = time.perf_counter()
    pictures = PictureWish((64, 64)) if any(sources.glob("*/")) else None
    manifest = prepare([sources], store, jobs=jobs, pictures=pictures)
    os.sync()
    drawings = manifest.size("train") + manifest.size("val") + manifest.size("test")
    print(json.dumps({"drawings": drawings, "seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
