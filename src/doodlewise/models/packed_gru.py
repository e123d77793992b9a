"""A bidirectional GRU over drawings of any length without padding.

On a GPU it is torch's, which is cuDNN's there. On a CPU, torch's is fine for predicting and ten
times too slow for learning: each step of the loop goes through autograd by itself, and adds to the
gradients of the weights by itself. Here the loop has a backward pass of its own, both directions go
in one product of matrices, and the gradients of the weights are one product at the end.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence

from .stroke_line import Packing

__all__ = ["PackedGru"]

WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class PackedGru(nn.Module):
    """One layer, both directions: (length, width) of a line to (length, 2 * hidden).

    Args:
        width: of the input.
        hidden: of each direction.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.width, self.hidden = width, hidden
        self.gru = nn.GRU(width, hidden, bidirectional=True)

    def forward(self, values: torch.Tensor, packing: Packing) -> torch.Tensor:
        """Values of a line; those in empty places are not read, and the result is zero there."""
        if len(packing.sizes) == 0:
            return values.new_zeros((len(values), 2 * self.hidden))
        if values.device.type == "cpu" and torch.is_grad_enabled():
            forth, back = self._by_hand(values, packing)
        else:
            sizes = torch.from_numpy(packing.sizes)
            found: torch.Tensor = self.gru(PackedSequence(values[packing.forth], sizes))[0].data
            line = found.new_zeros((len(values), 2 * self.hidden))
            return line.index_copy(0, packing.forth, found)
        empty = forth.new_zeros((len(values), self.hidden))
        return torch.cat(
            [empty.index_copy(0, packing.forth, forth), empty.index_copy(0, packing.back, back)],
            dim=1,
        )

    def _by_hand(self, values: torch.Tensor, packing: Packing) -> torch.Tensor:
        """(2, n, hidden): forth and back, each in its own order."""
        forth, back = (
            {name: getattr(self.gru, f"{name}_l0{way}") for name in WEIGHTS}
            for way in ("", "_reverse")
        )
        pick: Any = _Pick.apply
        gates = torch.stack(
            [
                F.linear(pick(values, rows), of["weight_ih"], of["bias_ih"])
                for rows, of in ((packing.forth, forth), (packing.back, back))
            ]
        )
        weight = torch.stack([forth["weight_hh"], back["weight_hh"]])
        bias = torch.stack([forth["bias_hh"], back["bias_hh"]])
        loop: Any = _Loop.apply
        states: torch.Tensor = loop(gates, weight, bias, packing.sizes.tolist())
        return states


class _Pick(torch.autograd.Function):
    """Rows by number, none of them twice: going back is a copy, and no sum."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(rows)
        ctx.shape = values.shape
        return values.index_select(0, rows)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:
        (rows,) = ctx.saved_tensors
        return gradient.new_zeros(ctx.shape).index_copy_(0, rows, gradient), None


class _Loop(torch.autograd.Function):
    """The recurrence: gates of the input, (2, n, 3 * hidden), to states, (2, n, hidden).

    Gates and weights are in the order of `nn.GRU`: reset, update, new.
    """

    @staticmethod
    @torch.amp.custom_fwd(  # type: ignore[untyped-decorator]
        device_type="cpu", cast_inputs=torch.float32
    )
    def forward(
        ctx: Any, gates: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, sizes: list[int]
    ) -> torch.Tensor:
        two, n, hidden = 2, gates.shape[1], weight.shape[2]
        # What going back needs: reset, update, new, and the part of new that comes from the state.
        reset_update = gates.new_empty((two, n, 2 * hidden))
        new, before_new = gates.new_empty((two, n, hidden)), gates.new_empty((two, n, hidden))
        states = gates.new_empty((two, n, hidden))
        turned, bias = weight.transpose(1, 2).contiguous(), bias[:, None]
        state = gates.new_zeros((two, sizes[0], hidden))
        first = 0
        for size in sizes:
            at = slice(first, first + size)
            own = torch.baddbmm(bias, state[:, :size], turned)
            both = torch.add(gates[:, at, : 2 * hidden], own[:, :, : 2 * hidden]).sigmoid_()
            kept = own[:, :, 2 * hidden :]
            reset, update = both[:, :, :hidden], both[:, :, hidden:]
            fresh = torch.addcmul(gates[:, at, 2 * hidden :], reset, kept).tanh_()
            reset_update[:, at], new[:, at], before_new[:, at] = both, fresh, kept
            state = torch.lerp(fresh, state[:, :size], update)
            states[:, at] = state
            first += size
        ctx.save_for_backward(weight, reset_update, new, before_new, states)
        ctx.sizes = sizes
        return states

    @staticmethod
    @torch.amp.custom_bwd(device_type="cpu")  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:
        weight, reset_update, new, before_new, states = ctx.saved_tensors
        sizes = ctx.sizes
        two, n, hidden = states.shape
        # Everything that follows from no later step, at once.
        before = _before(states, sizes)
        reset, update = reset_update[:, :, :hidden], reset_update[:, :, hidden:]
        of_new = (1.0 - update) * (1.0 - new * new)
        of_update = (before - new) * update * (1.0 - update)
        of_reset = before_new * reset * (1.0 - reset)
        into_gates = torch.empty_like(states).new_empty((two, n, 3 * hidden))
        into_own = torch.empty_like(into_gates)
        carried = states.new_zeros((two, sizes[0], hidden))
        last = n
        for size in reversed(sizes):
            at = slice(last - size, last)
            arriving = carried[:, :size]
            arriving += gradient[:, at]
            to_new = arriving * of_new[:, at]
            into_gates[:, at, 2 * hidden :] = to_new
            own = into_own[:, at]
            torch.mul(to_new, of_reset[:, at], out=own[:, :, :hidden])
            torch.mul(arriving, of_update[:, at], out=own[:, :, hidden : 2 * hidden])
            torch.mul(to_new, reset[:, at], out=own[:, :, 2 * hidden :])
            arriving *= update[:, at]
            arriving.baddbmm_(own, weight)
            last -= size
        into_gates[:, :, : 2 * hidden] = into_own[:, :, : 2 * hidden]
        return into_gates, into_own.transpose(1, 2) @ before, into_own.sum(dim=1), None


def _before(states: torch.Tensor, sizes: list[int]) -> torch.Tensor:
    """Of each step the state before it; zero at the beginning."""
    before = torch.zeros_like(states)
    first = 0
    for size, following in pairwise(sizes):
        at = first + size
        before[:, at : at + following] = states[:, first : first + following]
        first = at
    return before
