"""The optimiser, the schedule of its learning rate, and the running mean of the weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from ..models.registry import USUAL_LR, usual_lr
from .config import Optim, TrainConfig
from .freeze import is_frozen

__all__ = ["learning_rate", "make_ema", "make_optimizer", "with_lr"]


def make_optimizer(model: nn.Module, config: Optim, *, fused: bool = True) -> torch.optim.AdamW:
    """AdamW; biases and norms do not decay, as is usual.

    Args:
        model: whose weights change, but for frozen ones.
        config: see `Optim`; steps set the learning rate.
        fused: whether all weights change in one kernel.
    """
    learning = [weight for weight in model.parameters() if weight.requires_grad]
    decaying = [weight for weight in learning if weight.ndim > 1]
    others = [weight for weight in learning if weight.ndim <= 1]
    groups = [
        {"params": decaying, "weight_decay": config.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=highest(config), fused=fused)


def learning_rate(step: int, n_steps: int, config: Optim) -> float:
    """The learning rate of a step, a function of nothing else, so that resuming needs no state.

    Args:
        step: from 0.
        n_steps: in the whole run.
        config: "cosine" rises in a line for the warm-up and falls along a cosine to 0;
            "onecycle" rises along a cosine for 30 % of the steps from a 25th, and falls to 0
            (Smith and Topin 2018, Super-Convergence); "constant" stays, after the warm-up.
    """
    lr = highest(config)
    if config.schedule == "onecycle":
        rising = 0.3 * n_steps
        if step < rising:
            return lr * (0.04 + 0.96 * _half_cosine(1.0 - step / rising))
        return lr * _half_cosine((step - rising) / (n_steps - rising))
    rising = config.warmup * n_steps
    if step < rising:
        return lr * (step + 1) / (math.ceil(rising) + 1)
    if config.schedule == "constant":
        return lr
    return lr * _half_cosine((step - rising) / max(n_steps - rising, 1.0))


def with_lr(config: TrainConfig) -> TrainConfig:
    """The settings with the learning rate that suits the network, where none was asked for."""
    if config.optim.lr is not None:
        return config
    return replace(config, optim=replace(config.optim, lr=usual_lr(config.model)))


def highest(config: Optim) -> float:
    """The highest learning rate; that of most networks where none was asked for."""
    return USUAL_LR if config.lr is None else config.lr


def _half_cosine(share: float) -> float:
    """1 at 0, 0 at 1."""
    return 0.5 * (1.0 + math.cos(math.pi * share))


def make_ema(model: nn.Module, decay: float) -> AveragedModel:
    """A copy of the network whose weights follow as a running mean; frozen ones stay.

    The mean is over few steps at first and over more later, so that it is good after a short run
    too: the decay of step t is at most (1 + t) / (10 + t).
    """
    return RunningMean(model, decay)


class RunningMean(AveragedModel):
    """See `make_ema`."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__(model)
        self._decay = decay

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        """After a step."""
        t = int(self.n_averaged)
        share = 1.0 - min(self._decay, (1.0 + t) / (10.0 + t)) if t else 1.0
        means, weights = [*_learning(self.module)], [*_learning(model)]
        floats = [at for at, mean in enumerate(means) if mean.is_floating_point()]
        torch._foreach_lerp_([means[at] for at in floats], [weights[at] for at in floats], share)
        for at in {*range(len(means))} - {*floats}:
            means[at].copy_(weights[at])
        self.n_averaged += 1


def _learning(model: nn.Module) -> Iterator[torch.Tensor]:
    """The weights that change, and the buffers of layers that are not frozen."""
    yield from (weight.detach() for weight in model.parameters() if weight.requires_grad)
    for layer in model.modules():
        if not is_frozen(layer):
            yield from layer.buffers(recurse=False)
