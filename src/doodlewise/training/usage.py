"""What a run has cost: seconds by phase, memory, processor time, energy. The content of usage.json.

Everything adds up over the times that a run was stopped and resumed. Waiting, steps and validation
are taken from the position that was saved, so work that a kill has undone is not counted twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ..files import write_json

if TYPE_CHECKING:
    from .fit import Position

__all__ = ["PHASES", "Usage", "duration", "memory", "read_usage", "together", "write_usage"]

PHASES = {
    "starting": "starting",
    "data_wait": "waiting for data",
    "steps": "steps",
    "validation": "validation",
    "saving": "saving",
    "finishing": "evaluation and report",
}
"""Keys of `Usage.seconds`, in the order in which they come, and how they are called."""
SMALL_SHARE = 0.005
"""Phases below this share of the time are not named in a line."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a run has cost so far.

    Attributes:
        seconds: of the clock, by phase; see `PHASES`.
        cpu_s: seconds that processors have worked, summed over cores and processes.
        processes: that trained together, the last time.
        sessions: how often it was begun or resumed.
        peak_memory_bytes: the most that a process has held, summed over the processes; None where
            the system does not say.
        device_memory_bytes: the most that tensors have taken on one GPU; None without one.
        energy_j: joules of "processors" and "gpus", of those that count them.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    cpu_s: float = 0.0
    processes: int = 1
    sessions: int = 0
    peak_memory_bytes: int | None = None
    device_memory_bytes: int | None = None
    energy_j: dict[str, float] = field(default_factory=dict)

    @property
    def total_s(self) -> float:
        """Seconds of the clock in all."""
        return sum(self.seconds.values())

    def after(self, before: Usage) -> Usage:
        """Both together: this one is of a later session of the same run."""
        return replace(
            self,
            seconds=_sum(before.seconds, self.seconds),
            cpu_s=before.cpu_s + self.cpu_s,
            sessions=before.sessions + self.sessions,
            peak_memory_bytes=_most([before.peak_memory_bytes, self.peak_memory_bytes]),
            device_memory_bytes=_most([before.device_memory_bytes, self.device_memory_bytes]),
            # What only some of the sessions have counted is not what the run has used.
            energy_j={
                of: joules + before.energy_j.get(of, 0.0)
                for of, joules in self.energy_j.items()
                if not before.sessions or of in before.energy_j
            },
        )

    def at(self, position: Position) -> Usage:
        """With the seconds of all epochs, which the position knows."""
        waited = sum(row["data_wait_s"] for row in position.rows) + position.wait_s
        trained = sum(row["train_s"] for row in position.rows) + position.wait_s + position.step_s
        validated = sum(row["val_s"] for row in position.rows)
        known = {"data_wait": waited, "steps": trained - waited, "validation": validated}
        return replace(self, seconds=self.seconds | known)

    def columns(self) -> dict[str, float]:
        """What metrics.csv says of it."""
        found = {"peak_mb": self.peak_memory_bytes, "device_mb": self.device_memory_bytes}
        return {
            name: round(n_bytes / 1e6, 1) for name, n_bytes in found.items() if n_bytes is not None
        }

    def facts(self) -> dict[str, str]:
        """Name and value of everything that is known, for people."""
        spent = [
            f"{duration(self.seconds[phase])} {name}"
            for phase, name in PHASES.items()
            if self.seconds.get(phase, 0.0) >= SMALL_SHARE * self.total_s
        ]
        facts = {"time": f"{duration(self.total_s)}: {', '.join(spent)}"}
        if self.sessions > 1:
            facts["begun and resumed"] = f"{self.sessions} times in all"
        facts["processor time"] = duration(self.cpu_s)
        if self.peak_memory_bytes is not None:
            several = f", {self.processes} processes together" if self.processes > 1 else ""
            facts["most memory"] = memory(self.peak_memory_bytes) + several
        if self.device_memory_bytes is not None:
            facts["most GPU memory"] = memory(self.device_memory_bytes)
        for of, joules in self.energy_j.items():
            facts[f"energy of the {of.replace('gpus', 'GPUs')}"] = energy(joules)
        return facts

    def line(self) -> str:
        """All of it in one line."""
        names = {
            "starting": "starting",
            "data_wait": "data",
            "steps": "steps",
            "validation": "validation",
            "saving": "saving",
            "finishing": "report",
        }
        shares = [
            f"{name} {self.seconds[phase] / self.total_s:.0%}"
            for phase, name in names.items()
            if self.seconds.get(phase, 0.0) >= SMALL_SHARE * self.total_s > 0.0
        ]
        parts = [f"{duration(self.total_s)} ({', '.join(shares)})"]
        parts.append(f"{duration(self.cpu_s)} of processor time")
        if self.peak_memory_bytes is not None:
            parts.append(f"{memory(self.peak_memory_bytes)} of memory")
        if self.device_memory_bytes is not None:
            parts.append(f"{memory(self.device_memory_bytes)} of GPU memory")
        if self.energy_j:
            parts.append(f"{energy(sum(self.energy_j.values()))} of energy")
        return ", ".join(parts)


def together(processes: Iterable[Usage]) -> Usage:
    """The processes of a session as one; the clock is the first one's."""
    every = list(processes)
    memories = [each.peak_memory_bytes for each in every if each.peak_memory_bytes is not None]
    energies: dict[str, float] = {}
    for each in every:
        energies = _sum(energies, each.energy_j)
    return replace(
        every[0],
        cpu_s=sum(each.cpu_s for each in every),
        processes=len(every),
        peak_memory_bytes=sum(memories) if len(memories) == len(every) else None,
        device_memory_bytes=_most([each.device_memory_bytes for each in every]),
        energy_j=energies,
    )


def read_usage(path: Path) -> Usage:
    """What was written so far; nothing, if nothing readable was."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        values.pop("total_s", None)
        return msgspec.convert(values, Usage)
    except (OSError, ValueError, TypeError):
        return Usage()


def write_usage(path: Path, usage: Usage) -> None:
    """Write usage.json; what is not known is left out."""
    values: dict[str, Any] = {"total_s": round(usage.total_s, 2)}
    for name, value in asdict(usage).items():
        if isinstance(value, dict):
            values[name] = {key: round(number, 2) for key, number in value.items()}
        elif value is not None:
            values[name] = round(value, 2)
    if not usage.energy_j:
        del values["energy_j"]
    write_json(path, values)


def duration(seconds: float) -> str:
    """7.25 as "7.2 s", 75 as "1:15 min", 3700 as "1:01 h"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"


def memory(n_bytes: int) -> str:
    """In MB, or GB from one on."""
    return f"{n_bytes / 1e6:,.0f} MB" if n_bytes < 1e9 else f"{n_bytes / 1e9:,.1f} GB"


def energy(joules: float) -> str:
    """In watt-hours, as on the bill."""
    return f"{joules / 3600:.2g} Wh" if joules < 3.6e5 else f"{joules / 3.6e6:.2f} kWh"


def _sum(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    return {key: one.get(key, 0.0) + other.get(key, 0.0) for key in {**one, **other}}


def _most(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)
