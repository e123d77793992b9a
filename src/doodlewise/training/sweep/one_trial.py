"""One trial: a training run whose progress goes to the sweep, and whose every end is a result."""

from __future__ import annotations

import time
import traceback
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ...errors import (
    BundleError,
    ConfigError,
    DivergedError,
    DoodlewiseError,
    Interrupted,
    MemoryExhaustedError,
    MissingExtraError,
    ModelError,
    RunError,
    TrainingError,
)
from ..config import TrainConfig
from ..fit import Position
from ..record import SilentReporter
from ..setup import train
from .worker import Ended, EpochDone, StepsDone

__all__ = ["train_one"]

STEP_EVERY_S = 0.3
"""Seconds between two words about steps."""


class Pruned(TrainingError):  # noqa: N818 - no error, but it ends training like one
    """The sweep has seen enough of this trial."""


def train_one(connection: Connection, values: dict[str, Any]) -> Ended:
    """Train one trial, from where it was cut off if it was.

    Args:
        connection: to the sweep.
        values: settings of the run.
    """
    reporter = partial(_PipeReporter, connection)
    folder = Path(values["runs"]) / values["name"]
    try:
        config = TrainConfig(store=values["store"]).with_values(values)
        resume = "last" if (folder / "weights" / "last.ckpt").exists() else None
        try:
            run = train(config, resume=resume, exist_ok=True, reporter=reporter)
        except (BundleError, RunError, ConfigError):
            # What was left there is damaged, or is not of this trial.
            if resume is None:
                raise
            run = train(config, exist_ok=True, reporter=reporter)
    except Pruned as error:
        return Ended("pruned", str(error))
    except Interrupted:
        return Ended("interrupted")
    except DivergedError as error:
        return Ended("diverged", str(error))
    except (MemoryExhaustedError, MemoryError) as error:
        return Ended("memory", str(error) or "There is not enough memory. Use a smaller batch.")
    except (ConfigError, ModelError, MissingExtraError) as error:
        return Ended("impossible", str(error))
    except DoodlewiseError as error:
        return Ended("failed", str(error))
    except Exception as error:  # a trial of somebody's network may end in any way
        note = folder / "error.txt"
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
        return Ended("failed", f"{type(error).__name__}: {error}. See {note}.")
    return Ended("done", run.stopped)


class _PipeReporter(SilentReporter):
    """Tells the sweep how a run goes on."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._steps = 1
        self._told_at = 0.0

    def start(self, facts: dict[str, str], epochs: int, steps: int) -> None:  # noqa: ARG002
        self._steps = steps

    def step(self, position: Position, lr: float) -> None:  # noqa: ARG002
        if time.monotonic() - self._told_at < STEP_EVERY_S:
            return
        self._told_at = time.monotonic()
        seconds = position.wait_s + position.step_s
        rate = position.seen / seconds if seconds else 0.0
        self._connection.send(StepsDone(position.epoch, position.batch / self._steps, rate))

    def epoch(self, position: Position, is_best: bool) -> None:  # noqa: ARG002
        self._connection.send(EpochDone(position.rows[-1]))
        if not self._connection.recv():
            raise Pruned(
                f"ended after epoch {position.epoch}: {position.rows[-1]['val_top1']:.2%} is below"
                " the median of the others there"
            )
