"""How it stands with a run: going on, finished, or how it ended.

A run holds a lock on its folder, which is gone with its process, however that ends; so a run that
is going on is known for sure, on this machine and on the disks that it shares with others. Where
locks cannot be asked for, what remains is when something was last written: then it is "running?".
Everything else is in train.log and metrics.csv.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ...files import LOCK, is_locked
from .evaluations import figure

if TYPE_CHECKING:
    from .record import RunRecord

__all__ = ["SILENT_S", "State", "StateName", "state_of"]

StateName = Literal[
    "finished",
    "running",
    "running?",
    "stopped",
    "cut off",
    "diverged",
    "pruned",
    "failed",
    "unknown",
]

SILENT_S = 900.0
"""A run saves every five minutes at least; one that has been silent for three times that is not
going on."""

DIVERGED = "The loss is not a number"
PRUNED = "is below the median"
"""How the reasons of runs that diverged, or that a sweep ended, are known."""


@dataclass(frozen=True, slots=True)
class State:
    """How it stands with a run.

    Attributes:
        name: in a word or two; "stopped" is by Ctrl-C and saved, "cut off" is without a word.
        reason: why it is so, where there is something to say.
    """

    name: StateName
    reason: str = ""

    @property
    def can_go_on(self) -> bool:
        """Whether `--resume last` is the way on."""
        return self.name in ("stopped", "cut off")


def state_of(record: RunRecord) -> State:
    """What is known of a run from its folder."""
    held = is_locked(record.path)
    if held:
        return State("running")
    log = record.log
    if log.broken:
        if log.broken.startswith(DIVERGED):
            return State("diverged", log.broken)
        return State("pruned" if PRUNED in log.broken else "failed", log.broken)
    if log.interrupted:
        return State("stopped", f"stopped in epoch {log.interrupted}, and saved")
    if log.ended or _is_finished(record):
        early, after = log.early
        return State("finished", early if after == record.epochs_done else "")
    if "config.yaml is missing" in record.problems:
        return State("unknown", "what is left of a run, or no run")
    return _unfinished(record, has_lock=held is False and (record.path / LOCK).exists())


def _is_finished(record: RunRecord) -> bool:
    """Whether the model that is there is of all epochs, and no more were to come."""
    done = record.epochs_done
    if not done or figure(record.bundle.get("trained_on"), "epochs") != done:
        return False
    return record.log.early[1] == done or record.epochs is None or done >= record.epochs


def _unfinished(record: RunRecord, *, has_lock: bool) -> State:
    done = f"after epoch {record.epochs_done}" if record.rows else "before its first epoch was over"
    if record.epochs and record.epochs_done >= record.epochs:
        done = "before its model was written"
    # A lock that nobody holds is left by a process that was killed.
    silent = time.time() - (record.written_at or 0.0)
    if has_lock or silent > SILENT_S:
        return State("cut off", f"ended without a word {done}")
    return State(
        "running?", f"last written to {_ago(silent)} ago; whether a process is at it is not known"
    )


def _ago(seconds: float) -> str:
    return f"{max(seconds, 0.0):.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
