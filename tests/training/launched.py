"""A training command in a process group of its own, watched and disturbed from outside."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PATIENCE_S = 240.0
"""Many times what anything here takes, because other work may be going on."""

BIN = Path(sys.executable).parent


class Launched:
    """A running command and what it leaves behind.

    Args:
        command: of this environment.
        run: the run folder that it writes.
        more: environment variables.
    """

    def __init__(self, command: list[str], run: Path, more: dict[str, str] | None = None) -> None:
        self.run = run
        # Files, because pipes that nobody reads fill up; and processes that stay would keep them.
        self._said = run.parent / f"{run.name}.said"
        program, *arguments = command
        with self._said.open("w") as out:
            self.process = subprocess.Popen(
                [str(BIN / program), *arguments],
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                # It gets Ctrl-C as a terminal would send it: to every process of the group.
                start_new_session=True,
                env={**os.environ, "OMP_NUM_THREADS": "1", **(more or {})},
            )

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert self.process.poll() is None, f"ended before {what}:\n{self.said}"
            assert time.monotonic() < deadline, f"no {what}:\n{self.said}"
            time.sleep(0.02)

    def wait_for_epochs(self, n: int) -> None:
        self.wait_for(lambda: len(rows_of(self.run)) >= n, f"epoch {n}")

    def press_ctrl_c(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> tuple[int, float]:
        """Exit status, and how long it took to come."""
        started = time.monotonic()
        status = self.process.wait(PATIENCE_S)
        return status, time.monotonic() - started

    @property
    def said(self) -> str:
        return self._said.read_text()


@contextmanager
def launched(
    command: list[str], run: Path, more: dict[str, str] | None = None
) -> Iterator[Launched]:
    """A command that does not outlive the block."""
    it = Launched(command, run, more)
    try:
        yield it
    finally:
        with suppress(ProcessLookupError):
            os.killpg(it.process.pid, signal.SIGKILL)
        it.process.wait()


def rows_of(run: Path) -> list[dict[str, float]]:
    """metrics.csv so far."""
    try:
        with (run / "metrics.csv").open(newline="") as file:
            return [
                {name: float(value) for name, value in row.items() if value}
                for row in csv.DictReader(file)
            ]
    except FileNotFoundError:
        return []


def descendants(pid: int) -> dict[int, str]:
    """Processes that a process has started, and those that they have; with their commands."""
    listed = subprocess.run(
        ["ps", "-ww", "-eo", "pid=,ppid=,stat=,args="], capture_output=True, text=True, check=True
    ).stdout
    children: dict[int, list[int]] = {}
    commands = {}
    for line in listed.splitlines():
        found = re.match(r"\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)", line)
        if found and not found[3].startswith("Z"):
            child, parent = int(found[1]), int(found[2])
            children.setdefault(parent, []).append(child)
            commands[child] = found[4]
    family: dict[int, str] = {}
    waiting = [pid]
    while waiting:
        for child in children.get(waiting.pop(), []):
            family[child] = commands[child]
            waiting.append(child)
    return family


def is_alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def all_end(pids: set[int], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while any(is_alive(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
