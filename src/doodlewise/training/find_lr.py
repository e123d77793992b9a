"""The learning rate test: which learning rates suit a network on a store, found in a minute.

The learning rate grows exponentially, step by step, over a range that is far too wide, and the loss
tells: nothing happens, it falls, it rises again (Smith 2017, Cyclical Learning Rates for Training
Neural Networks). The weights are thrown away, and nothing is written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import NoReturn

import numpy as np
import torch
from numpy.typing import NDArray

from ..data.batches import Batch, TrainingBatches
from ..data.store import Store
from ..errors import ConfigError, TrainingError
from ..heap import keep_freed_memory
from ..models.inputs import takes_of
from ..models.registry import channels_last
from .config import TrainConfig
from .device import make_fabric
from .fit import Job, Position, Sums, train_step
from .freeze import learning_mode
from .optim import make_optimizer
from .setup import check, input_of
from .start import starting_network

__all__ = ["FIRST", "LAST", "STEPS", "LrTest", "find_lr"]

FIRST, LAST = 1e-5, 3.0
STEPS = 150
FEWEST = 40
"""Steps below which the curve says nothing."""
SMOOTH_STEPS = 4.0
"""Standard deviation of the window over which the loss is averaged, steps of 150."""
LEAST = 0.05
"""Share of the first loss by which it must fall, or chance may have done it."""
DIVERGED = 1.5
"""The test is over when the loss is so many times the lowest."""


@dataclass(frozen=True, slots=True, eq=False)
class LrTest:
    """What the test has found.

    Attributes:
        lr: learning rates, rising.
        loss: of the batch at each of them.
        smooth: the same without most of the noise of batches.
        steepest: the learning rate at which the loss fell fastest.
        lowest: at which it was lowest.
        suggested: to train with, as the highest of a schedule: halfway between `steepest` and
            `lowest`, by factors. A tenth of `lowest` is the advice for plain gradient descent at a
            constant rate; with AdamW, warm-up and a falling rate it is too low (docs/records.md).
        has_diverged: whether the loss rose so much that the test was ended.
    """

    lr: NDArray[np.float64]
    loss: NDArray[np.float64]
    smooth: NDArray[np.float64]
    steepest: float
    lowest: float
    suggested: float
    has_diverged: bool


def find_lr(
    config: TrainConfig,
    *,
    first: float = FIRST,
    last: float = LAST,
    steps: int = STEPS,
    progress: Callable[[int, int], None] | None = None,
) -> LrTest:
    """Make the test.

    Args:
        config: of the run to come; of `optim`, all but the learning rate and its schedule counts.
        first, last: the range.
        steps: in it.
        progress: called with the steps done and those in all.

    Raises:
        ConfigError: an impossible range, or too few steps.
        TrainingError: the loss did not fall anywhere in the range.
        DoodlewiseError: as `train` would.
    """
    if not 0.0 < first < last:
        raise ConfigError(f"From {first:g} to {last:g} is no range. Choose one such as 1e-5 to 3.")
    if steps < FEWEST:
        raise ConfigError(f"{steps} steps are too few to see anything. Choose {FEWEST} or more.")
    config = config.with_values({"devices": 1, "launcher": "auto", "num_workers": 1})
    job = _job(config)
    rates, losses = [], []
    lowest = math.inf
    has_diverged = False
    for step, batch in zip(range(steps), _endless(job.batches), strict=False):
        lr = first * (last / first) ** (step / (steps - 1))
        loss = _loss(job, batch, step, lr)
        if math.isfinite(loss):
            rates.append(lr)
            losses.append(loss)
            # A look back over some steps: one batch alone may be hard.
            recent = float(np.mean(losses[-8:]))
            lowest = min(lowest, recent) if len(losses) >= 8 else lowest
        has_diverged = not math.isfinite(loss) or recent > DIVERGED * lowest
        if progress is not None:
            progress(step + 1, steps)
        if has_diverged:
            break
    return _judge(np.array(rates), np.array(losses), steps, has_diverged)


def _job(config: TrainConfig) -> Job:
    """What `train` would begin with, without the running mean, the folder and the listeners."""
    store = Store(config.store)
    check(config, store)
    fabric, _ = make_fabric(config)
    spec, image_shape = input_of(store, config.render)
    if fabric.device.type == "cpu":
        keep_freed_memory()
    torch.manual_seed(config.seed)
    network = channels_last(starting_network(config, store, image_shape))
    is_scaled = fabric.strategy.precision.precision == "16-mixed"
    optimizer = make_optimizer(network, config.optim, fused=not is_scaled)
    wrapped, optimizer = fabric.setup(network, optimizer)
    learning_mode(wrapped)
    batches = TrainingBatches(
        store,
        "train",
        spec,
        takes=takes_of(network),
        batch_size=config.batch_size,
        augment=config.augment if store.kind == "strokes" else None,
        pixels=config.pixels if store.kind == "pixels" else None,
        seed=config.seed,
        threads=1 if fabric.device.type == "cpu" else 8,
    )
    return Job(config, fabric, wrapped, None, optimizer, batches, _never, _Nobody())


def _endless(batches: TrainingBatches) -> Iterator[Batch]:
    """Epoch after epoch."""
    for epoch in count():
        yield from batches.epoch(epoch)


def _loss(job: Job, batch: Batch, step: int, lr: float) -> float:
    sums, position = Sums(), Position()
    train_step(job, batch, step, lr, sums)
    sums.move_to(position, job.fabric)
    return position.loss / position.seen


def _judge(
    lr: NDArray[np.float64], loss: NDArray[np.float64], steps: int, has_diverged: bool
) -> LrTest:
    if len(lr) < FEWEST // 2:
        raise TrainingError(
            f"The loss was no number after {len(lr)} steps. Begin with a smaller learning rate:"
            " --from 1e-7."
        )
    smooth = _smoothed(loss, max(SMOOTH_STEPS * steps / STEPS, 3.0))
    at_lowest = int(smooth.argmin())
    # Where the loss falls before that; the very first steps only see the noise of batches.
    slope = np.gradient(smooth)[: at_lowest + 1]
    at_steepest = int(slope.argmin())
    begin = float(loss[: len(loss) // 8].mean())
    if begin - smooth[at_lowest] < LEAST * begin:
        raise TrainingError(
            f"The loss fell nowhere between {lr[0]:.1g} and {lr[-1]:.1g}. Are the words of the"
            " drawings right? Try more --steps, another network, or another range: --from, --until."
        )
    steepest, lowest = float(lr[at_steepest]), float(lr[at_lowest])
    suggested = math.sqrt(steepest * lowest)
    return LrTest(lr, loss, smooth, steepest, lowest, _two_digits(suggested), has_diverged)


def _smoothed(values: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """A mean over neighbours on both sides, so that nothing is moved; at the ends over fewer."""
    at = np.arange(len(values))
    weights = np.exp(-0.5 * ((at[:, None] - at) / width) ** 2)
    smooth: NDArray[np.float64] = (weights @ values) / weights.sum(axis=1)
    return smooth


def _two_digits(value: float) -> float:
    return float(f"{value:.1e}")


def _never() -> NoReturn:
    raise AssertionError("the test validates nothing")


class _Nobody:
    """The test has no listener."""

    def on_step(self, *_: object) -> None: ...
    def on_epoch(self, *_: object) -> None: ...
    def on_stop(self, *_: object) -> None: ...
    def should_stop(self) -> bool:
        return False
