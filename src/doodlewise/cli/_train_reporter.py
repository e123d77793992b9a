"""How a run is shown: a table and a bar on a terminal, lines elsewhere, JSON for programs."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from ..training.fit import Position
from ..training.record import Reporter, SilentReporter

__all__ = ["make_reporter"]

HEAD = (
    f"{'epoch':>7}  {'lr':>8}  {'train loss':>10} {'top-1':>7}"
    f"  {'val loss':>8} {'top-1':>7} {'top-5':>7}  {'drawings/s':>10}  {'time':>6}"
)


def make_reporter(*, is_json: bool, is_quiet: bool, is_live: bool) -> Reporter:
    """The reporter for this terminal, made in the process that trains."""
    if is_json:
        return JsonReporter()
    if is_quiet:
        return SilentReporter()
    return TerminalReporter() if is_live else LineReporter()


class JsonReporter(SilentReporter):
    """A JSON object for each epoch on stdout."""

    def epoch(self, position: Position, is_best: bool) -> None:
        sys.stdout.write(json.dumps({**position.rows[-1], "is_best": is_best}) + "\n")
        sys.stdout.flush()


class LineReporter:
    """Plain lines on stderr."""

    def __init__(self) -> None:
        self._epochs = 0

    def start(self, facts: dict[str, str], epochs: int, steps: int) -> None:
        self._epochs = epochs
        for name, value in facts.items():
            self.say(f"{name:10} {value}")
        self.say(HEAD)

    def step(self, position: Position, lr: float) -> None:
        """Nothing: a line for some steps would flood a log file."""

    def epoch(self, position: Position, is_best: bool) -> None:
        self.say(_line(position.rows[-1], self._epochs, is_best))

    def say(self, line: str) -> None:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    def close(self) -> None:
        """Nothing to close."""


class TerminalReporter(LineReporter):
    """The same lines above a bar with the time that is left and drawings/s."""

    def __init__(self) -> None:
        super().__init__()
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %  {task.fields[detail]}"),
            console=self._console,
            transient=True,
        )
        self._task: TaskID | None = None
        self._steps = 1
        self._begun_at = (0.0, 0)

    def start(self, facts: dict[str, str], epochs: int, steps: int) -> None:
        super().start(facts, epochs, steps)
        self._steps = steps
        self._task = self._progress.add_task("starting", total=epochs * steps, detail="")
        self._progress.start()

    def step(self, position: Position, lr: float) -> None:
        done = position.epoch * self._steps + position.batch
        if not self._begun_at[1]:
            self._begun_at = (time.monotonic(), done)
        seconds = position.wait_s + position.step_s
        rate = position.seen / seconds if seconds else 0.0
        detail = f"loss {position.loss / max(position.seen, 1):.3f}  {rate:,.0f} drawings/s"
        begun, first = self._begun_at
        if done > first:
            left = (time.monotonic() - begun) / (done - first)
            left *= self._epochs * self._steps - done
            detail += f"  {_duration(left)} left"
        self._update(f"epoch {position.epoch + 1}/{self._epochs}", done, detail)

    def epoch(self, position: Position, is_best: bool) -> None:
        super().epoch(position, is_best)
        self._update(f"epoch {position.epoch}/{self._epochs}", position.epoch * self._steps, "")

    def say(self, line: str) -> None:
        self._console.print(line, markup=False)

    def close(self) -> None:
        self._progress.stop()

    def _update(self, description: str, completed: int, detail: str) -> None:
        if self._task is not None:
            self._progress.update(
                self._task, description=description, completed=completed, detail=detail
            )


def _line(row: dict[str, Any], epochs: int, is_best: bool) -> str:
    number = f"{row['epoch']}/{epochs}"
    seconds = row["train_s"] + row["val_s"]
    return (
        f"{number:>7}  {row['lr']:>8.2g}  {row['train_loss']:>10.4f} {row['train_top1']:>7.2%}"
        f"  {row['val_loss']:>8.4f} {row['val_top1']:>7.2%} {row['val_top5']:>7.2%}"
        f"  {row['drawings_per_s']:>10,.0f}  {_duration(seconds):>6}{'  best' if is_best else ''}"
    )


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"
