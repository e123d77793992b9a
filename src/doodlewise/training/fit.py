"""The loop. It reads from top to bottom and does no input or output of its own."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel

from ..data.batches import Batch, TrainingBatches
from ..errors import DivergedError, Interrupted, MemoryExhaustedError, ModelError
from ..evaluation.result import EvalResult
from ..models.inputs import scores as scores_of
from .config import TrainConfig
from .freeze import learning_mode
from .optim import learning_rate

__all__ = ["Job", "Listener", "Position", "Sums", "fit", "resume_command", "train_step"]

CHECK_STEPS = 20
"""Steps between looks at the loss: each look waits for the device."""


@dataclass(slots=True)
class Position:
    """Where training stands. With the weights and the optimiser's state, all that resuming needs.

    Attributes:
        epoch: that is going on, from 0.
        batch: of it that comes next.
        loss, right, seen: sums over the epoch so far, and over all processes.
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

    def on_epoch(self, position: Position, is_best: bool, result: EvalResult) -> None:
        """An epoch is over and its row of metrics is the last of `position.rows`."""

    def should_stop(self) -> bool:
        """Whether someone asked to stop."""
        ...

    def on_stop(self, position: Position) -> None:
        """Stopping before the end; `position` is up to date."""


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

    def lr(self, step: int) -> float:
        """The learning rate of a step, counted from 0 over all epochs."""
        return learning_rate(step, self.config.epochs * len(self.batches), self.config.optim)


def fit(job: Job, position: Position) -> Position:
    """Train from `position` to the end.

    Raises:
        DivergedError: the loss is no number any more.
        MemoryExhaustedError: a batch does not fit into the device's memory.
        Interrupted: the listener asked to stop.
    """
    config, batches = job.config, job.batches
    # A run that was stopped early goes on if it is resumed with another patience.
    position.stopped = _why_stop(config.patience, position)
    while position.epoch < config.epochs and not position.stopped:
        learning_mode(job.network)
        sums = Sums()
        for batch, wait_s in _timed(batches.epoch(position.epoch, position.batch)):
            started = time.perf_counter()
            step = position.epoch * len(batches) + position.batch
            lr = job.lr(step)
            train_step(job, batch, step, lr, sums)
            position.batch += 1
            position.wait_s += wait_s
            position.step_s += time.perf_counter() - started
            is_last = position.batch == len(batches)
            is_time_to_look = is_last or position.batch % CHECK_STEPS == 0
            stop = _is_asked_to_stop(job, is_time_to_look)
            if stop or is_time_to_look:
                sums.move_to(position, job.fabric)
                _check_loss(position, lr)
                job.listener.on_step(position, lr)
            if stop:
                _stop(job, position)
        is_best, result = _finish_epoch(job, position)
        job.listener.on_epoch(position, is_best, result)
        if _is_asked_to_stop(job, is_time_to_look=True):
            _stop(job, position)
    return position


def train_step(job: Job, batch: Batch, step: int, lr: float, sums: Sums) -> None:
    """One step: forward, backward, new weights."""
    config, fabric = job.config, job.fabric
    # Dropout follows from the step alone, so a resumed run draws what an uninterrupted one draws.
    torch.manual_seed(hash((config.seed, step, fabric.global_rank)))
    for group in job.optimizer.param_groups:
        group["lr"] = lr
    try:
        inputs = batch.inputs.to(fabric.device, non_blocking=True)
        labels = batch.labels.to(fabric.device, non_blocking=True)
        for first, last in _parts(len(labels), config.accumulate):
            with fabric.no_backward_sync(job.network, enabled=last < len(labels)):
                scores = scores_of(job.network, inputs.slice(first, last)).float()
                loss = F.cross_entropy(
                    scores, labels[first:last], label_smoothing=config.optim.label_smoothing
                )
                fabric.backward(loss * ((last - first) / len(labels)))
            sums.add(loss.detach(), scores.detach(), labels[first:last])
        if config.optim.clip:
            fabric.clip_gradients(
                job.network, job.optimizer, max_norm=config.optim.clip, error_if_nonfinite=False
            )
        job.optimizer.step()
    except RuntimeError as error:
        _explain_memory(error, config, fabric.world_size)
        raise
    job.optimizer.zero_grad(set_to_none=True)
    if job.ema is not None:
        job.ema.update_parameters(job.network)


def _parts(rows: int, n: int) -> list[tuple[int, int]]:
    """First and last row of each of `n` parts of a batch; fewer if there are fewer rows."""
    n = min(n, rows)
    return [(rows * part // n, rows * (part + 1) // n) for part in range(n)]


def _is_asked_to_stop(job: Job, is_time_to_look: bool) -> bool:
    """Whether to stop now; all processes must do so at the same step, so they ask one another."""
    if job.fabric.world_size == 1:
        return job.listener.should_stop()
    # To ask one another takes a processor little, but a GPU would have to be waited for.
    if not is_time_to_look and job.fabric.device.type != "cpu":
        return False
    own = torch.tensor(float(job.listener.should_stop()), device=job.fabric.device)
    return bool(job.fabric.all_reduce(own, reduce_op="sum"))


def _stop(job: Job, position: Position) -> NoReturn:
    job.listener.on_stop(position)
    raise Interrupted(
        f"Saved in epoch {position.epoch + 1} at step {position.batch}. Go on with:"
        f" {resume_command(job.config)}"
    )


def resume_command(config: TrainConfig) -> str:
    """What goes on with a run."""
    runs = f" --runs {config.runs}" if config.runs != "runs" else ""
    return f"doodlewise train --resume last --name {config.name}{runs}"


def _finish_epoch(job: Job, position: Position) -> tuple[bool, EvalResult]:
    """Validate, add the row of metrics, and decide whether to stop.

    Returns:
        Whether it is the best epoch yet, and what the validation gave.
    """
    started = time.perf_counter()
    lr = job.lr((position.epoch + 1) * len(job.batches) - 1)
    try:
        result = job.validate()
    except ModelError as error:
        # The loss was a number before the last step, and the last step spoilt the weights.
        raise _diverged(position, lr) from error
    position.epoch += 1
    is_best = result.top1 > position.best_top1
    if is_best:
        position.best_top1, position.best_epoch = result.top1, position.epoch
    train_s = position.wait_s + position.step_s
    position.rows.append(
        {
            "epoch": position.epoch,
            "lr": round(lr, 8),
            "train_loss": round(position.loss / position.seen, 5),
            "train_top1": round(position.right / position.seen, 5),
            "val_loss": round(result.loss, 5),
            "val_top1": round(result.top1, 5),
            "val_top3": round(result.top3, 5),
            "val_top5": round(result.top5, 5),
            "train_s": round(train_s, 2),
            "data_wait_s": round(position.wait_s, 2),
            "val_s": round(time.perf_counter() - started, 2),
            "drawings_per_s": round(position.seen / train_s, 1),
        }
    )
    position.stopped = _why_stop(job.config.patience, position)
    position.batch, position.loss, position.right, position.seen = 0, 0.0, 0, 0
    position.wait_s, position.step_s = 0.0, 0.0
    return is_best, result


def _why_stop(patience: int, position: Position) -> str:
    """Why training ends early; empty if it does not."""
    if not patience or position.epoch - position.best_epoch < patience:
        return ""
    return (
        f"stopped after epoch {position.epoch}: no better validation top-1 than"
        f" {position.best_top1:.4f} of epoch {position.best_epoch} for {patience} epochs"
    )


class Sums:
    """Losses and right guesses since the last look, kept on the device.

    They are added up one by one, so that the sum is the same to the last bit wherever a run was
    interrupted.
    """

    def __init__(self) -> None:
        self._steps: list[tuple[torch.Tensor, torch.Tensor, int]] = []

    def add(self, loss: torch.Tensor, scores: torch.Tensor, labels: torch.Tensor) -> None:
        self._steps.append((loss, (scores.argmax(dim=1) == labels).sum(), len(labels)))

    def move_to(self, position: Position, fabric: Fabric) -> None:
        losses, rights, rows = zip(*self._steps, strict=True)
        seen = torch.tensor(rows, dtype=torch.float64)
        table = torch.stack([torch.stack(losses).cpu() * seen, torch.stack(rights).cpu(), seen])
        if fabric.world_size > 1:
            table = fabric.all_reduce(table.to(fabric.device), reduce_op="sum").cpu()
        for loss, right, n in table.T.tolist():
            position.loss += loss
            position.right += int(right)
            position.seen += int(n)
        self._steps.clear()


def _timed(batches: Iterator[Batch]) -> Iterator[tuple[Batch, float]]:
    """Each batch, and the seconds that it was waited for."""
    asked = time.perf_counter()
    for batch in batches:
        yield batch, time.perf_counter() - asked
        asked = time.perf_counter()


def _check_loss(position: Position, lr: float) -> None:
    if not math.isfinite(position.loss):
        raise _diverged(position, lr)


def _diverged(position: Position, lr: float) -> DivergedError:
    kept = " The weights of the last whole epoch are kept." if position.epoch else ""
    return DivergedError(
        f"The loss is not a number any more, in epoch {position.epoch + 1} at step"
        f" {position.batch} (learning rate {lr:.2g}).{kept} Start again with a lower --lr, such as"
        f" {lr / 10:.1g}, or --precision 32-true."
    )


def _explain_memory(error: RuntimeError, config: TrainConfig, n_processes: int) -> None:
    # The processor's allocator and Apple's have no error of their own.
    signs = ("can't allocate memory", "out of memory")
    if isinstance(error, torch.OutOfMemoryError) or any(sign in str(error) for sign in signs):
        rows = config.batch_size // n_processes
        ways = []
        if rows >= 2 * config.accumulate:
            parts = 2 * config.accumulate
            ways.append(f"--accumulate {parts}, which takes it in {parts} parts")
        ways.append(f"--batch-size {rows // 2 * n_processes}" if rows > 1 else "a smaller --model")
        raise MemoryExhaustedError(
            f"A batch of {config.batch_size} drawings does not fit into memory. Try"
            f" {', or '.join(ways)}."
        ) from error
