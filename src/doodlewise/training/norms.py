"""Batch norms over the whole batch, when the batch is shared out to several processes.

Each process would otherwise norm by its own part of the batch, and a network would learn something
else in two processes than in one. torch has this for GPUs (`nn.SyncBatchNorm`); this is the same
for every device that processes can talk about, and it changes the class of a network's norms in
place, so that weights, names and everything that refers to them stay.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional as F

__all__ = ["share_norms"]


def share_norms(network: nn.Module) -> list[str]:
    """Let the batch norms of a network norm by the batches of all processes, in place.

    Returns:
        Names of batch norms of an unknown kind, which go on as they were.
    """
    left = []
    for name, module in network.named_modules():
        if type(module) in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d):
            module.__class__ = SharedBatchNorm
        elif isinstance(module, nn.modules.batchnorm._BatchNorm):
            if hasattr(module, "drop") and hasattr(module, "act"):
                module.__class__ = SharedBatchNormAct
            else:
                left.append(name)
    return left


class SharedBatchNorm(nn.modules.batchnorm._BatchNorm):
    """A batch norm, (n, channels, ...) to the same; when it learns, over the whole batch."""

    def _check_input_dim(self, input: torch.Tensor) -> None:
        """The norm that this one was has been checked by the network that it is in."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return super().forward(input)
        if self.track_running_stats and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        mean, variance, count = _statistics(input.detach())
        if self.running_mean is not None and self.running_var is not None:
            momentum = self.momentum
            if momentum is None:
                assert self.num_batches_tracked is not None
                momentum = 1.0 / float(self.num_batches_tracked)
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), momentum)
            unbiased = variance * (count / (count - 1.0).clamp(min=1.0))
            self.running_var.lerp_(unbiased.to(self.running_var.dtype), momentum)
        normed: torch.Tensor = _Norm.apply(  # type: ignore[no-untyped-call]
            input, self.weight, self.bias, mean, variance, count, self.eps
        )
        return normed


class SharedBatchNormAct(SharedBatchNorm):
    """One of timm's, which go on with an activation."""

    drop: nn.Module
    act: nn.Module

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        activated: torch.Tensor = self.act(self.drop(super().forward(input)))
        return activated


def _statistics(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Mean and variance (channels,) over all processes, and of how many values.

    Each process tells its mean and variance, not its sums of squares, which would lose digits
    (Chan, Golub and LeVeque 1983, Algorithms for computing the sample variance).
    """
    over = [0, *range(2, x.ndim)]
    variance, mean = torch.var_mean(_wide(x), dim=over, correction=0)
    count = mean.new_full((1,), x.numel() / x.shape[1])
    own = torch.cat([mean, variance, count])
    every = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(every, own)
    table = torch.stack(every)
    means, variances = table[:, :-1].chunk(2, dim=1)
    shares = table[:, -1:] / table[:, -1].sum()
    mean = (means * shares).sum(dim=0)
    variance = ((variances + (means - mean) ** 2) * shares).sum(dim=0)
    return mean, variance, table[:, -1].sum()


def _wide(x: torch.Tensor) -> torch.Tensor:
    """At least float32, for sums."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


class _Norm(torch.autograd.Function):
    """(x - mean) / sqrt(variance + eps) * weight + bias, where mean and variance follow from x."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor | None,
        bias: torch.Tensor | None,
        mean: torch.Tensor,
        variance: torch.Tensor,
        count: torch.Tensor,
        eps: float,
    ) -> torch.Tensor:
        ctx.save_for_backward(x, weight, mean, variance, count)
        ctx.eps = eps
        return F.batch_norm(x, mean, variance, weight, bias, training=False, eps=eps)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        (grad,) = grads
        x, weight, mean, variance, count = ctx.saved_tensors
        over = [0, *range(2, x.ndim)]
        along = (1, -1, *[1] * (x.ndim - 2))
        inverse = torch.rsqrt(variance + ctx.eps)
        normed = (_wide(x) - mean.view(along)) * inverse.view(along)
        grad = _wide(grad)
        of_bias, of_weight = grad.sum(dim=over), (grad * normed).sum(dim=over)
        sums = torch.stack([of_bias, of_weight])
        dist.all_reduce(sums)
        means = sums / count
        scale = inverse if weight is None else inverse * _wide(weight)
        grad_x = grad - means[0].view(along) - normed * means[1].view(along)
        grad_x = (grad_x * scale.view(along)).to(x.dtype)
        # DDP takes the mean of these over the processes, as of all weights.
        if weight is None:
            return grad_x, None, None, None, None, None, None
        return grad_x, of_weight.to(weight.dtype), of_bias.to(weight.dtype), None, None, None, None
