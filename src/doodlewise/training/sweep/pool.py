"""Processes that train trials side by side, each with its share of the machine."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from .ledger import Trial
from .worker import Ended, EpochDone, StepsDone, work

__all__ = ["Event", "Pool", "usable_cores"]

Event = StepsDone | EpochDone | Ended

THREAD_SETTINGS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
NVIDIA = Path("/proc/driver/nvidia/gpus")

PATIENCE_S = 60.0
"""Seconds in which a process that was asked to stop may save."""


class Pool:
    """A place for each of so many trials at a time; a process is begun when it is needed.

    Args:
        jobs: places.
        devices: GPUs that a trial uses; with several GPUs, one-GPU trials are spread over them.
    """

    def __init__(self, jobs: int, devices: int = 1) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._jobs = jobs
        self._threads = _threads(jobs)
        self._gpus = _gpus() if devices == 1 and jobs > 1 else []
        self._places: list[_Place | None] = [None] * jobs

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for place in self._places:
            if place is not None:
                place.close()

    @property
    def busy(self) -> list[Trial]:
        """Trials that are being trained."""
        return [place.trial for place in self._places if place and place.trial]

    @property
    def is_full(self) -> bool:
        return len(self.busy) == self._jobs

    def start(self, trial: Trial, values: dict[str, Any]) -> None:
        """Train a trial in a free place."""
        index = next(i for i, place in enumerate(self._places) if not (place and place.trial))
        place = self._places[index]
        if place is None or not place.process.is_alive():
            if place is not None:
                place.close()
            place = self._places[index] = self._begin(index)
        place.trial = trial
        place.connection.send(values)

    def events(self, timeout_s: float) -> Iterator[tuple[Trial, Event]]:
        """What has happened by now, waited for at most so long.

        A process that died, of whatever, ends its trial as "killed".
        """
        places = [place for place in self._places if place and place.trial]
        ready = wait(
            [each for place in places for each in (place.connection, place.process.sentinel)],
            timeout_s,
        )
        for place in places:
            if place.connection not in ready and place.process.sentinel not in ready:
                continue
            trial, event = place.trial, place.next_event()
            if trial is None or event is None:
                continue
            if isinstance(event, Ended):
                place.trial = None
            yield trial, event

    def answer(self, trial: Trial, *, go_on: bool) -> None:
        """Let a trial go on after its epoch, or end it."""
        for place in self._places:
            if place and place.trial and place.trial.number == trial.number:
                place.send(go_on)

    def stop(self) -> None:
        """Ask all trials to save and end; `events` tells when they have."""
        for place in self._places:
            if place and place.trial:
                place.process.terminate()

    def kill(self) -> None:
        """End all at once; what was saved before is whole."""
        for place in self._places:
            if place:
                place.process.kill()

    def _begin(self, index: int) -> _Place:
        environment = dict.fromkeys(THREAD_SETTINGS, str(self._threads))
        if self._gpus:
            environment["CUDA_VISIBLE_DEVICES"] = self._gpus[index % len(self._gpus)]
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=work, args=(theirs, self._threads))
        with _environment(environment):
            process.start()
        theirs.close()
        return _Place(process, ours)


class _Place:
    """A process, and what it is at."""

    def __init__(self, process: Any, connection: Connection) -> None:
        self.process, self.connection = process, connection
        self.trial: Trial | None = None

    def next_event(self) -> Event | None:
        try:
            if self.connection.poll():
                event: Event = self.connection.recv()
                return event
        except (EOFError, OSError):
            pass
        self.process.join(1.0)
        if self.process.is_alive():
            return None
        return Ended("killed", _why_killed(self.process.exitcode))

    def send(self, value: object) -> None:
        try:
            self.connection.send(value)
        except OSError:
            # It is dead; `next_event` finds out.
            return

    def close(self) -> None:
        if self.process.is_alive():
            if self.trial is None:
                self.send(None)
            else:
                self.process.terminate()
            self.process.join(PATIENCE_S if self.trial else 5.0)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.connection.close()


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _threads(jobs: int) -> int:
    """The share of each of so many processes; no more than the user allows them."""
    share = max(1, usable_cores() // jobs)
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(share, int(asked)) if asked.isdecimal() and int(asked) else share


def _why_killed(exit_code: int | None) -> str:
    how = f"signal {-exit_code}" if exit_code and exit_code < 0 else f"status {exit_code}"
    return (
        f"Its process ended by itself ({how}), probably for want of memory. Try a smaller batch, or"
        " fewer --jobs, with --retry."
    )


def _gpus() -> list[str]:
    """NVIDIA GPUs of this machine, if there are several; found without torch."""
    asked = os.environ.get("CUDA_VISIBLE_DEVICES")
    if asked is not None:
        found = [each for each in asked.split(",") if each.strip()]
    else:
        found = [str(n) for n in range(len(list(NVIDIA.iterdir())))] if NVIDIA.exists() else []
    return found if len(found) > 1 else []


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Variables of a process that is begun meanwhile."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
