"""The process in which trials are trained, one after the other.

It answers to the sweep by a pipe. What happens to it happens to one trial only: a network that
takes all the memory ends this process, not the sweep. If the sweep itself is killed, it goes too.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

__all__ = ["Ended", "EpochDone", "StepsDone", "work"]


@dataclass(frozen=True, slots=True)
class StepsDone:
    """A word on the way: epochs that are over, the fraction of the one at hand, drawings/s."""

    epochs: int
    fraction: float
    drawings_per_s: float


@dataclass(frozen=True, slots=True)
class EpochDone:
    """An epoch is over; the worker waits to hear whether to go on (True) or to end (False)."""

    row: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a trial ended: done, pruned, interrupted, or one of `ledger.FAILED`; and why."""

    state: str
    reason: str = ""


def work(connection: Connection, threads: int) -> None:
    """Train what comes by the pipe, until None comes.

    Args:
        connection: gives settings of runs, takes `StepsDone`, `EpochDone` and `Ended`.
        threads: that this process may use.
    """
    # A terminal sends Ctrl-C to all processes at once; the sweep passes it on, as SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_go_with_the_sweep, daemon=True).start()
    # Here, so that the sweep itself, which imports this module, needs no torch.
    import torch

    from .one_trial import train_one

    torch.set_num_threads(threads)
    while True:
        try:
            values = connection.recv()
        except EOFError:
            return
        if values is None:
            return
        connection.send(train_one(connection, values))


def _go_with_the_sweep() -> None:
    """End when the sweep does, however that was; the checkpoints on disk are always whole."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
