"""Measures what a session of a run costs, while it goes on; `Usage` is what comes out."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import torch

from .energy import energy_counters
from .fit import Position
from .usage import Usage, together

try:
    import resource
except ImportError:  # Windows has no such module
    resource = None  # type: ignore[assignment]

__all__ = ["Meter", "reset_peak_memory", "peak_memory_bytes"]

PROC = Path("/proc/self")
ENERGY_EVERY_S = 60.0
"""The counters of processors begin again after some twenty minutes of hard work."""


class Meter:
    """A clock with phases, and what this process holds and uses. Open while the run goes on.

    Args:
        device: that trains.
        before: what the run has cost before it was resumed.
        begun: `time.time()` when the run was asked for.
        gather: gives the list of what all processes give it; all call it at the same time.
        with_processors: whether this process counts the energy of the machine's processors.
    """

    def __init__(
        self,
        device: torch.device,
        before: Usage,
        begun: float,
        gather: Callable[[Any], list[Any]],
        *,
        with_processors: bool = True,
    ) -> None:
        self._device, self._before, self._gather = device, before, gather
        self._begun = begun
        self._seconds: dict[str, float] = {}
        self._running: tuple[str, float] | None = ("starting", time.perf_counter())
        self._cpu_began = time.process_time()
        self._others: list[Usage] = []
        self._counters = energy_counters(device, with_processors=with_processors)
        self._energy: dict[str, float] = {}
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        reset_peak_memory(device)

    def __enter__(self) -> Meter:
        if self._counters:
            threading.Thread(target=self._keep_counting, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_over.set()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the seconds of a block to a phase."""
        self._running = (name, time.perf_counter())
        try:
            yield
        finally:
            self._seconds = self._spent()
            self._running = None

    def started(self) -> None:
        """The loop begins: all before it was the start."""
        self._running = None
        self._seconds["starting"] = time.time() - self._begun

    def hear(self) -> None:
        """Hear from the other processes; every process calls this at the same time."""
        _, *self._others = self._gather(self._own())

    def usage(self, position: Position) -> Usage:
        """Of the whole run up to now; of the other processes what they said last.

        Only the first process may ask: the clock is its own.
        """
        return together([self._own(), *self._others]).after(self._before).at(position)

    def _own(self) -> Usage:
        self._count_energy()
        return Usage(
            seconds=self._spent(),
            cpu_s=time.process_time() - self._cpu_began,
            sessions=1,
            peak_memory_bytes=peak_memory_bytes(),
            device_memory_bytes=_device_memory_bytes(self._device),
            energy_j=dict(self._energy),
        )

    def _spent(self) -> dict[str, float]:
        """Seconds by phase, with the one that goes on."""
        spent = dict(self._seconds)
        if self._running is not None:
            name, started = self._running
            spent[name] = spent.get(name, 0.0) + time.perf_counter() - started
        return spent

    def _count_energy(self) -> None:
        with self._lock:
            for counter in list(self._counters):
                try:
                    self._energy[counter.of] = counter.joules()
                except OSError:
                    # It was there and is not any more: what it said is not the whole.
                    self._energy.pop(counter.of, None)
                    self._counters.remove(counter)

    def _keep_counting(self) -> None:
        while not self._is_over.wait(ENERGY_EVERY_S):
            self._count_energy()


def reset_peak_memory(device: torch.device) -> None:
    """Let the peaks be those from now on, where the system can: a process may train many times."""
    with contextlib.suppress(OSError):
        (PROC / "clear_refs").write_text("5", encoding="ascii")
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_memory_bytes() -> int | None:
    """The most memory that this process has held; None where the system does not say."""
    try:
        for line in (PROC / "status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    if resource is None:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * unit


def _device_memory_bytes(device: torch.device) -> int | None:
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None
