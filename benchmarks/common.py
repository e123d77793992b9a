"""What the benchmarks share: the machine, real drawings, fair timing, how figures are written.

Whatever is compared takes turns, A, B, A, B, in one run: a machine that slows down for a moment
slows down both, and the median of the rounds' ratios forgives a moment that hit only one.
"""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from doodlewise.data.chunk import Skips, Source, Wanted
from doodlewise.data.formats import detect, word_of
from doodlewise.environment import environment
from doodlewise.ragged import Ragged

# Loaded where needed: what measures memory must not carry torch about.
if TYPE_CHECKING:
    from doodlewise.evaluation.run import Subject

__all__ = [
    "DATA",
    "in_turn",
    "machine",
    "mean_and_deviation",
    "median_and_spread",
    "ratios",
    "read_real",
    "real_files",
    "subject_of",
    "use_cores",
]

DATA = Path(__file__).resolve().parents[2] / "shared/data/quickdraw/simplified"


def machine(**more_versions: str) -> str:
    """One line that names the machine and the versions of what was measured."""
    facts = environment()
    names = ("numpy", "torch", "numba", "pyarrow")
    versions = {name: facts["packages"][name] for name in names} | more_versions
    spelled = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        f"machine: {facts['processor']}, {_usable_cores()} of {facts['cores']} cores,"
        f" {facts['memory_gib']} GiB; Python {facts['python']}, {spelled}"
    )


def use_cores(n: int) -> int:
    """Keep this process, and those that it starts, on n cores; how many there really are."""
    if not hasattr(os, "sched_setaffinity"):
        return min(n, os.cpu_count() or 1)
    # The last ones: the first core serves most interrupts.
    chosen = sorted(os.sched_getaffinity(0))[-n:]
    os.sched_setaffinity(0, chosen)
    return len(chosen)


def _usable_cores() -> int:
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    return len(os.sched_getaffinity(0))


def real_files(folder: Path) -> list[Path]:
    """The ndjson files of a folder, a word each; ends the script where there are none."""
    files = sorted(folder.glob("*.ndjson"))
    if not files:
        sys.exit(
            f"There is no ndjson file in {folder}. Name a folder of Google's simplified drawings"
            " with --data."
        )
    return files


def read_real(files: Sequence[Path], n: int) -> tuple[Ragged, list[str]]:
    """About n drawings, evenly from the files and shuffled, and the word of each.

    The points are uint8 in the frame, as they are in a store.
    """
    each = -(-n // len(files))
    parts: list[Ragged] = []
    words: list[str] = []
    for file in files:
        left = each
        for chunk in detect(file).read_chunks(Source(file, word_of(file)), Wanted(), Skips()):
            assert chunk.drawings is not None
            taken = min(left, len(chunk))
            parts.append(chunk.drawings.slice(0, taken))
            words += chunk.words[:taken]
            left -= taken
            if not left:
                break
    order = np.random.default_rng(0).permutation(len(words))[:n]
    return Ragged.concat(parts).take(order), [words[row] for row in order]


def in_turn(ways: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Each way's rate in every round. A first round of all, which compiles and warms, is left out.

    Args:
        ways: each does a fixed piece of work and returns its rate.
        rounds: that count.
    """
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            rate = way()
            if number:
                rates[name].append(rate)
    return rates


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """The ratio of two ways, round by round."""
    return [a / b for a, b in zip(above, below, strict=True)]


def median_and_spread(values: Sequence[float], form: str = ",.0f") -> str:
    """Such as "8.1 (7.9 to 8.4)": the median, the least and the most."""
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:{form}} ({low:{form}} to {high:{form}})"


def mean_and_deviation(values: Sequence[float], form: str = ".1f") -> str:
    """Such as "84.4 ± 0.4": the mean, and the standard deviation of a sample (0 of one value)."""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):{form}} ± {deviation:{form}}"


def subject_of(model: Path, *, is_calibrated: bool = True) -> Subject:
    """What a model folder holds, to be judged on the CPU; its scores bare if not calibrated."""
    import torch

    from doodlewise.evaluation.run import Subject
    from doodlewise.models.bundle import load_bundle

    network, info = load_bundle(model)
    temperature = info.temperature if is_calibrated else 1.0
    return Subject(network, info.classes, info.render, torch.device("cpu"), temperature)
