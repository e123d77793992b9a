"""The package's own training loop, broken off after some steps and timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import islice
from typing import Any

import torch
from lightning_fabric.utilities.seed import seed_everything

from doodlewise.data.batches import Batch, TrainingBatches
from doodlewise.data.store import Store
from doodlewise.errors import Interrupted
from doodlewise.evaluation.result import EvalResult
from doodlewise.evaluation.run import Subject, tally
from doodlewise.models.registry import create_model
from doodlewise.training.config import TrainConfig
from doodlewise.training.fit import Job, Position, fit
from doodlewise.training.optim import make_ema, make_optimizer
from doodlewise.training.setup import input_of, make_fabric

__all__ = ["Held", "Steps", "StopAfter", "make_job"]

HELD = 16
"""Batches that are used again and again; enough that they do not all stay in a core's cache."""


class StopAfter:
    """A listener that breaks the loop off after so many steps of an epoch; never when None."""

    def __init__(self, steps: int | None) -> None:
        self._steps = steps
        self._done = 0

    def on_step(self, position: Position, lr: float) -> None: ...

    def on_epoch(self, *_: object) -> None: ...

    def should_stop(self) -> bool:
        self._done += 1
        return self._done == self._steps

    def on_stop(self, position: Position) -> None:
        self._done = 0


class Held(TrainingBatches):
    """The same few batches over and over, on a device: a step on them is the network's alone."""

    def __init__(self, *what: Any, device: str | torch.device = "cpu", **how: Any) -> None:
        super().__init__(*what, **how)
        self._device = device

    @cached_property
    def held(self) -> list[Batch]:
        return [
            Batch(batch.inputs.to(self._device), batch.labels.to(self._device))
            for batch in islice(super().epoch(0), HELD)
        ]

    def epoch(self, epoch: int, first_batch: int = 0) -> Iterator[Batch]:
        for number in range(first_batch, len(self)):
            yield self.held[number % len(self.held)]


class Steps:
    """The first steps of an epoch, of another one in each round; drawings a second."""

    def __init__(self, job: Job, steps: int) -> None:
        self._job, self._steps = job, steps
        self._round = 0

    def __call__(self) -> float:
        started = time.perf_counter()
        try:
            fit(self._job, Position(epoch=self._round))
        except Interrupted:
            seconds = time.perf_counter() - started
        self._round += 1
        return self._steps * self._job.config.batch_size / seconds


def make_job(
    config: TrainConfig,
    store: Store,
    listener: StopAfter,
    make_batches: Callable[..., TrainingBatches],
) -> Job:
    """What `training.setup` builds for the loop on one device, with batches of another kind.

    Args:
        config: of the run.
        store: that it trains on.
        listener: is told of the steps.
        make_batches: takes what `TrainingBatches` takes.
    """
    fabric, _ = make_fabric(config)
    spec, image_shape = input_of(store, config.render)
    seed_everything(config.seed, verbose=False)
    network = create_model(config.model, n_classes=len(store.classes), image_shape=image_shape)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    wrapped, optimizer = fabric.setup(network, make_optimizer(network, config.optim))
    ema = make_ema(network, config.optim.ema)
    batches = make_batches(
        store,
        "train",
        spec,
        batch_size=config.batch_size,
        augment=config.augment,
        seed=config.seed,
        threads=1,
    )
    subject = Subject(ema.module, store.classes, spec, fabric.device)

    def validate() -> EvalResult:
        ema.module.eval()
        return tally(subject, store, "val").result()

    return Job(config, fabric, wrapped, ema, optimizer, batches, validate, listener)
