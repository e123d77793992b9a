"""metrics.csv: a row an epoch."""

from __future__ import annotations

from ...evaluation.result import EvalResult
from ..fit import Position
from ..run_dir import RunDir

__all__ = ["CsvLogger"]


class CsvLogger:
    """Keeps metrics.csv; the rows that a checkpoint knows are what is true."""

    def __init__(self, run: RunDir) -> None:
        self._run = run

    def begin(self, position: Position) -> None:
        if position.rows:
            self._run.write_metrics(position.rows)

    def step(self, position: Position, lr: float) -> None:
        """Nothing: the rows are of epochs."""

    def epoch(self, position: Position, result: EvalResult) -> None:  # noqa: ARG002
        self._run.write_metrics(position.rows)

    def close(self) -> None:
        """Nothing is open."""
