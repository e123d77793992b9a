"""A process watched from outside: the most memory that it and all its children use together.

Memory is their proportional set size (Pss), which counts a shared page once, read from /proc every
50 ms. What of it are mapped files (shards, parts, libraries), which the system can drop when it
needs the space, is told beside it. Needs Linux.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Measured", "needs_linux", "watch"]

SAMPLE_S = 0.05


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


def needs_linux() -> None:
    if not Path("/proc/self/smaps_rollup").exists():
        sys.exit("There is no /proc/self/smaps_rollup here. Run this on Linux.")


def watch(command: Sequence[str]) -> Measured:
    """Run a command that prints its drawings and seconds as JSON, and watch its memory."""
    peak = (0, 0)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            peak = max(peak, used_bytes(process.pid))
            time.sleep(SAMPLE_S)
        assert process.stdout is not None
        output = process.stdout.read()
    if process.returncode:
        sys.exit("The watched process failed; see what it said above.")
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
