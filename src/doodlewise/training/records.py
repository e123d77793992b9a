"""What is recorded of a run beside its weights: metrics, costs, confusion, and warnings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from lightning_fabric import Fabric

from ..data.store import Store
from ..evaluation.result import EvalResult
from ..evaluation.run import Subject
from ..evaluation.write import picture_of_mistakes
from ..models.inputs import example_inputs, takes_of
from ..models.registry import ImageShape
from .advice import Curves
from .config import TrainConfig
from .confusion_log import ConfusionLog
from .fit import Position, resume_command
from .loggers.logger import Logger, Scene, make_loggers
from .meter import Meter
from .run_dir import RunDir
from .usage import Usage, read_usage, write_usage

__all__ = ["Records", "open_records"]


class Records:
    """The records of one process of a run; one of several writes, all are measured.

    Args:
        run: where to.
        meter: of this process.
        curves: what is to be said of the rows of a position.
        confusion: of the epochs; None in a process that does not write.
        loggers: likewise none.
    """

    def __init__(
        self,
        run: RunDir,
        meter: Meter,
        curves: Callable[[Position], Curves],
        confusion: ConfusionLog | None,
        loggers: list[Logger],
    ) -> None:
        self._run, self.meter, self.curves = run, meter, curves
        self.confusion, self._loggers = confusion, loggers

    def begin(self, position: Position) -> None:
        """The run begins, or goes on."""
        for logger in self._loggers:
            logger.begin(position)
        self.meter.started()

    def step(self, position: Position, lr: float) -> None:
        """A look at the loss."""
        for logger in self._loggers:
            logger.step(position, lr)

    def measure(self, position: Position) -> None:
        """Hear what all processes use; each of them calls this at the end of an epoch."""
        self.meter.hear()
        if self._is_writer:
            position.rows[-1].update(self.meter.usage(position).columns())

    def keep_confusion(self, position: Position, result: EvalResult) -> None:
        """Add the epoch's confusion; to be called before the checkpoint is saved."""
        if self.confusion is not None:
            self.confusion.add(position.epoch, result.confusion)

    def epoch(self, position: Position, result: EvalResult) -> None:
        """An epoch is over, and saved."""
        for logger in self._loggers:
            logger.epoch(position, result)

    def keep_usage(self, position: Position) -> Usage:
        """Write usage.json; what is in it."""
        usage = self.meter.usage(position)
        write_usage(self._run.usage, usage)
        return usage

    def close(self) -> None:
        """Nothing more comes from the loop."""
        for logger in self._loggers:
            logger.close()

    @property
    def _is_writer(self) -> bool:
        return self.confusion is not None


def open_records(
    fabric: Fabric,
    config: TrainConfig,
    store: Store,
    run: RunDir,
    position: Position,
    subject: Subject,
    image_shape: ImageShape,
    facts: dict[str, str],
    *,
    begun: float,
    steps: int,
) -> Records:
    """The records of this process.

    Args:
        fabric: which process it is.
        config: of the run.
        store: that it learns from.
        run: its folder.
        position: where it begins, or goes on.
        subject: the network that is judged.
        image_shape: of its input.
        facts: what a person wants to know before it begins.
        begun: `time.time()` when it was asked for.
        steps: in an epoch.
    """
    is_writer = fabric.is_global_zero
    goes_on = bool(position.epoch or position.batch)
    before = read_usage(run.usage) if goes_on and is_writer else Usage()
    is_first_here = fabric.local_rank == 0
    meter = Meter(fabric.device, before, begun, _gather_with(fabric), with_processors=is_first_here)
    chance = most_frequent_share(store)

    def curves(at: Position) -> Curves:
        return Curves(
            at.rows,
            chance=chance,
            n=store.size("val"),
            steps=steps,
            epochs=config.epochs,
            stopped=bool(at.stopped),
            store=config.store,
            model=config.model,
            go_on=resume_command(config),
        )

    if not is_writer:
        return Records(run, meter, curves, None, [])
    scene = Scene(
        run,
        config,
        steps,
        facts,
        subject.network,
        example_inputs(takes_of(subject.network), image_shape).to(fabric.device),
        lambda result: picture_of_mistakes(store, "val", result),
    )
    confusion = ConfusionLog(run.confusion, store.classes, position.epoch)
    return Records(run, meter, curves, confusion, make_loggers(config.loggers, scene))


def most_frequent_share(store: Store) -> float:
    """Share of the validation drawings that one who always says the most frequent word is right."""
    counts = store.manifest.counts["val"]
    return max(counts.values()) / max(sum(counts.values()), 1)


def _gather_with(fabric: Fabric) -> Callable[[Any], list[Any]]:
    def gather(own: Any) -> list[Any]:
        if fabric.world_size == 1:
            return [own]
        every: list[Any] = [None] * fabric.world_size
        torch.distributed.all_gather_object(every, own)
        return every

    return gather
