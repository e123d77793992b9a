"""What a run leaves behind while it goes on, and who is told."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import AbstractContextManager
from dataclasses import asdict
from types import FrameType
from typing import Any, Protocol

from torch import nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from ..errors import DoodlewiseError, Interrupted
from ..evaluation.result import EvalResult
from ..files import explain_os_errors
from .checkpoint import save_checkpoint
from .fit import Position
from .records import Records
from .run_dir import RunDir

__all__ = ["Recorder", "Reporter", "SilentReporter"]

SAVE_EVERY_S = 300.0
"""Seconds of work that a kill can cost at most, within a long epoch."""


class Reporter(Protocol):
    """Shows a run to a person, or to a program."""

    def start(self, facts: dict[str, str], epochs: int, steps: int) -> None:
        """The run is about to begin."""

    def step(self, position: Position, lr: float) -> None:
        """Some steps are done."""

    def epoch(self, position: Position, is_best: bool) -> None:
        """An epoch is over."""

    def say(self, line: str) -> None:
        """Something worth a line."""

    def close(self) -> None:
        """The run is over, or was broken off."""


class SilentReporter:
    """Says nothing; what Python callers get unless they ask for more."""

    def start(self, facts: dict[str, str], epochs: int, steps: int) -> None: ...
    def step(self, position: Position, lr: float) -> None: ...
    def epoch(self, position: Position, is_best: bool) -> None: ...
    def say(self, line: str) -> None: ...
    def close(self) -> None: ...


class Recorder:
    """The listener of the loop: saves checkpoints and metrics, and hands on to a reporter.

    While it is open, the first Ctrl-C (or SIGTERM) asks the loop to stop and save; the second
    one interrupts as usual. A signal that is ignored stays ignored.

    Args:
        run: where to.
        identity: goes into every checkpoint: network, classes, settings.
        network, ema, optimizer: whose state is saved.
        reporter: who shows it.
        records: what else is kept.
        asked: set by who wants the run to stop and save, where no signal comes.
        is_writer: whether this process writes; one of several does.
    """

    def __init__(
        self,
        run: RunDir,
        identity: dict[str, Any],
        network: nn.Module,
        ema: AveragedModel | None,
        optimizer: Optimizer,
        reporter: Reporter,
        records: Records,
        asked: threading.Event | None = None,
        *,
        is_writer: bool = True,
    ) -> None:
        self._run, self._identity = run, identity
        self._network, self._ema, self._optimizer = network, ema, optimizer
        self._reporter, self._records, self._is_writer = reporter, records, is_writer
        self._asked = asked
        self._stop = False
        self._saved_at = time.monotonic()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Recorder:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._restore_signals()
        self._reporter.close()
        with self._explained():
            self._records.close()
            if error is not None and not isinstance(error, Interrupted) and self._is_writer:
                self._run.write_log(f"broken off: {_in_a_line(error)}")

    def _restore_signals(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stop = True
        self._restore_signals()
        self._reporter.say("Stopping: saving first. Press Ctrl-C again to stop at once.")

    def should_stop(self) -> bool:
        return self._stop or (self._asked is not None and self._asked.is_set())

    def on_step(self, position: Position, lr: float) -> None:
        self._reporter.step(position, lr)
        with self._explained():
            self._records.step(position, lr)
        if time.monotonic() - self._saved_at > SAVE_EVERY_S:
            self._save(position)

    def on_epoch(self, position: Position, is_best: bool, result: EvalResult) -> None:
        self._records.measure(position)
        with self._records.meter.phase("saving"):
            self._save_epoch(position, is_best, result)
        self._reporter.epoch(position, is_best)
        if position.stopped:
            self._reporter.say(position.stopped[0].upper() + position.stopped[1:] + ".")
        warning = self._records.curves(position).warning()
        if warning:
            self._reporter.say(warning)
            self._log(warning)

    def _save_epoch(self, position: Position, is_best: bool, result: EvalResult) -> None:
        if is_best and self._is_writer:
            # Before last.ckpt, which names the best epoch: a kill between the two loses nothing.
            best = self._network if self._ema is None else self._ema.module
            save_checkpoint(
                self._run.best,
                {**self._identity, "weights": best.state_dict(), "epoch": position.epoch},
            )
        with self._explained():
            self._records.keep_confusion(position, result)
        self._save(position)
        with self._explained():
            self._records.epoch(position, result)
        row = position.rows[-1]
        self._log(", ".join(f"{name} {value}" for name, value in row.items()))
        if position.stopped:
            self._log(position.stopped)

    def on_stop(self, position: Position) -> None:
        with self._records.meter.phase("saving"):
            self._save(position)
        self._log(f"interrupted in epoch {position.epoch + 1}, saved")

    def _log(self, line: str) -> None:
        if self._is_writer:
            with self._explained():
                self._run.write_log(line)

    def _explained(self) -> AbstractContextManager[None]:
        return explain_os_errors(f"writing {self._run.path}", "Then go on by --resume last")

    def _save(self, position: Position) -> None:
        self._saved_at = time.monotonic()
        if not self._is_writer:
            return
        state = {
            **self._identity,
            "weights": self._network.state_dict(),
            "ema": None if self._ema is None else self._ema.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "position": asdict(position),
        }
        save_checkpoint(self._run.last, state)
        with self._explained():
            self._records.keep_usage(position)


def _in_a_line(error: BaseException) -> str:
    """What happened; an error that is not ours says only with its name what it is."""
    said = " ".join(str(error).split())
    return said if isinstance(error, DoodlewiseError) else f"{type(error).__name__}: {said}"
