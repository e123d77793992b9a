"""The loop. It reads from top to bottom and does no input or output of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel

from ..data.batches import Batch, TrainingBatches
from ..errors import DivergedError, Interrupted, MemoryExhaustedError
from ..evaluate.result import EvalResult
from ..models.registry import as_input
from .config import TrainConfig
from .optim import learning_rate

__all__ = ["Job", "Listener", "Position", "fit"]

CHECK_STEPS = 20
"""Steps between looks at the loss: each look waits for the device."""


@dataclass(slots=True)
class Position:
    """Where training stands. With the weights and the optimiser's state, all that resuming needs.

    Attributes:
        epoch: that is going on, from 0.
        batch: of it that comes next.
        loss, right, seen: sums over the epoch so far.
        wait_s, step_s: seconds spent waiting for batches, and on steps, in the epoch so far.
        best_top1: best validation top-1.
        best_epoch: the epoch of it, counted from 1; 0 before there is one.
        rows: a row of metrics for every epoch that is over.
        stopped: why training ended before its last epoch.
    """

    epoch: int = 0
    batch: int = 0
    loss: float = 0.0
    right: int = 0
    seen: int = 0
    wait_s: float = 0.0
    step_s: float = 0.0
    best_top1: float = -1.0
    best_epoch: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    stopped: str = ""


class Listener(Protocol):
    """Who is told what happens, and saves it."""

    def on_step(self, position: Position, lr: float) -> None:
        """A look at the loss; `position` is up to date."""

    def on_epoch(self, position: Position, is_best: bool) -> None:
        """An epoch is over and its row of metrics is the last of `position.rows`."""

    def should_stop(self) -> bool:
        """Whether someone asked to stop."""
        ...

    def on_stop(self, position: Position) -> None:
        """Stopping in the middle of an epoch; `position` is up to date."""


@dataclass(frozen=True, slots=True)
class Job:
    """The objects that the loop works with."""

    config: TrainConfig
    fabric: Fabric
    network: nn.Module
    ema: AveragedModel | None
    optimizer: torch.optim.Optimizer
    batches: TrainingBatches
    validate: Callable[[], EvalResult]
    listener: Listener


def fit(job: Job, position: Position) -> Position:
    """Train from `position` to the end.

    Raises:
        DivergedError: the loss is no number any more.
        MemoryExhaustedError: a batch does not fit into the device's memory.
        Interrupted: the listener asked to stop.
    """
    config, batches = job.config, job.batches
    n_steps = config.epochs * len(batches)
    while position.epoch < config.epochs and not position.stopped:
        job.network.train()
        sums = _Sums(job.fabric.device)
        for batch, wait_s in _timed(batches.epoch(position.epoch, position.batch)):
            started = time.perf_counter()
            step = position.epoch * len(batches) + position.batch
            lr = learning_rate(step, n_steps, config.optim)
            _train_step(job, batch, step, lr, sums)
            position.batch += 1
            position.wait_s += wait_s
            position.step_s += time.perf_counter() - started
            stop = job.listener.should_stop()
            if stop or position.batch % CHECK_STEPS == 0 or position.batch == len(batches):
                sums.move_to(position)
                _check_loss(position, lr)
                job.listener.on_step(position, lr)
            if stop:
                job.listener.on_stop(position)
                raise Interrupted(
                    f"Saved in epoch {position.epoch + 1} at step {position.batch}. Go on with:"
                    f" doodlewise train --resume last --name {config.name}"
                    + (f" --runs {config.runs}" if config.runs != "runs" else "")
                )
        is_best = _finish_epoch(job, position, lr)
        job.listener.on_epoch(position, is_best)
    return position


def _train_step(job: Job, batch: Batch, step: int, lr: float, sums: _Sums) -> None:
    """One step: forward, backward, new weights."""
    config, fabric = job.config, job.fabric
    # Dropout follows from the step alone, so a resumed run draws what an uninterrupted one draws.
    torch.manual_seed(hash((config.seed, step, fabric.global_rank)))
    for group in job.optimizer.param_groups:
        group["lr"] = lr
    try:
        images = as_input(batch.images.to(fabric.device, non_blocking=True))
        labels = batch.labels.to(fabric.device, non_blocking=True)
        scores = job.network(images).float()
        loss = F.cross_entropy(scores, labels, label_smoothing=config.optim.label_smoothing)
        fabric.backward(loss)
    except (torch.OutOfMemoryError, RuntimeError) as error:
        _explain_memory(error, config.batch_size)
        raise
    if config.optim.clip:
        fabric.clip_gradients(
            job.network, job.optimizer, max_norm=config.optim.clip, error_if_nonfinite=False
        )
    job.optimizer.step()
    job.optimizer.zero_grad(set_to_none=True)
    if job.ema is not None:
        job.ema.update_parameters(job.network)
    sums.add(loss.detach(), scores.detach(), labels)


def _finish_epoch(job: Job, position: Position, lr: float) -> bool:
    """Validate, add the row of metrics, and decide whether to stop; whether it is the best yet."""
    started = time.perf_counter()
    result = job.validate()
    position.epoch += 1
    is_best = result.top1 > position.best_top1
    if is_best:
        position.best_top1, position.best_epoch = result.top1, position.epoch
    loss, right, seen = _over_all_devices(job.fabric, position)
    train_s = position.wait_s + position.step_s
    position.rows.append(
        {
            "epoch": position.epoch,
            "lr": round(lr, 8),
            "train_loss": round(loss / seen, 5),
            "train_top1": round(right / seen, 5),
            "val_loss": round(result.loss, 5),
            "val_top1": round(result.top1, 5),
            "val_top3": round(result.top3, 5),
            "val_top5": round(result.top5, 5),
            "train_s": round(train_s, 2),
            "data_wait_s": round(position.wait_s, 2),
            "val_s": round(time.perf_counter() - started, 2),
            "drawings_per_s": round(seen / train_s, 1),
        }
    )
    patience = job.config.patience
    if patience and position.epoch - position.best_epoch >= patience:
        position.stopped = (
            f"stopped after epoch {position.epoch}: no better validation top-1 than"
            f" {position.best_top1:.4f} of epoch {position.best_epoch} for {patience} epochs"
        )
    position.batch, position.loss, position.right, position.seen = 0, 0.0, 0, 0
    position.wait_s, position.step_s = 0.0, 0.0
    return is_best


class _Sums:
    """Loss and right guesses since the last look, kept on the device."""

    def __init__(self, device: torch.device) -> None:
        self._loss = torch.zeros((), device=device)
        self._right = torch.zeros((), dtype=torch.int64, device=device)
        self._seen = 0

    def add(self, loss: torch.Tensor, scores: torch.Tensor, labels: torch.Tensor) -> None:
        self._loss += loss * len(labels)
        self._right += (scores.argmax(dim=1) == labels).sum()
        self._seen += len(labels)

    def move_to(self, position: Position) -> None:
        position.loss += float(self._loss)
        position.right += int(self._right)
        position.seen += self._seen
        self._loss.zero_()
        self._right.zero_()
        self._seen = 0


def _timed(batches: Iterator[Batch]) -> Iterator[tuple[Batch, float]]:
    """Each batch, and the seconds that it was waited for."""
    asked = time.perf_counter()
    for batch in batches:
        yield batch, time.perf_counter() - asked
        asked = time.perf_counter()


def _over_all_devices(fabric: Fabric, position: Position) -> tuple[float, float, float]:
    """Sums of loss, right guesses and drawings over all processes."""
    own = torch.tensor([position.loss, position.right, position.seen], dtype=torch.float64)
    if fabric.world_size > 1:
        own = fabric.all_reduce(own.to(fabric.device), reduce_op="sum").cpu()
    loss, right, seen = own.tolist()
    return loss, right, seen


def _check_loss(position: Position, lr: float) -> None:
    if position.loss - position.loss != 0.0:  # true for NaN and for infinity
        raise DivergedError(
            f"The loss is not a number any more, in epoch {position.epoch + 1} at step"
            f" {position.batch} (learning rate {lr:.2g}). The weights of the last whole epoch are"
            f" kept. Start again with a lower --lr, such as {lr / 10:.1g}, or --precision 32-true."
        )


def _explain_memory(error: RuntimeError, batch_size: int) -> None:
    is_memory = isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
    if is_memory:
        raise MemoryExhaustedError(
            f"A batch of {batch_size} drawings does not fit into memory. Try --batch-size"
            f" {max(batch_size // 2, 1)}."
        ) from error
