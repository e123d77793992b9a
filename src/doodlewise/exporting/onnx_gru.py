"""A bidirectional GRU that torch's exporter keeps whole: an operator of our own, and its meaning in
ONNX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

__all__ = ["bidirectional_gru", "translations"]


@torch.library.custom_op("doodlewise::bidirectional_gru", mutates_args=())
def bidirectional_gru(
    values: torch.Tensor,
    counts: torch.Tensor,
    weight_ih: torch.Tensor,
    weight_hh: torch.Tensor,
    bias_ih: torch.Tensor,
    bias_hh: torch.Tensor,
) -> torch.Tensor:
    """One layer over padded rows: (n, length, width) to (n, length, 2 * hidden).

    Args:
        values: the input; rows are filled from the left.
        counts: int64 (n,), places of each row that are filled.
        weight_ih: (2, 3 * hidden, width), forth and back, gates as in `nn.GRU`.
        weight_hh: (2, 3 * hidden, hidden).
        bias_ih: (2, 3 * hidden).
        bias_hh: (2, 3 * hidden).
    """
    n, length, _ = values.shape
    hidden = weight_hh.shape[2]
    found = values.new_zeros((n, length, 2, hidden))
    for way in range(2):
        gates = F.linear(values, weight_ih[way], bias_ih[way])
        state = values.new_zeros((n, hidden))
        steps = range(length) if way == 0 else range(length - 1, -1, -1)
        for step in steps:
            reset, update, new = gates[:, step].chunk(3, dim=1)
            own_reset, own_update, own_new = F.linear(state, weight_hh[way], bias_hh[way]).chunk(
                3, dim=1
            )
            fresh = torch.tanh(new + torch.sigmoid(reset + own_reset) * own_new)
            after = torch.lerp(fresh, state, torch.sigmoid(update + own_update))
            is_there = (counts > step)[:, None]
            state = torch.where(is_there, after, state)
            found[:, step, way] = torch.where(is_there, after, 0.0)
    return found.flatten(2)


@bidirectional_gru.register_fake
def _(values: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
    n, length, _ = values.shape
    bias_hh = others[-1]
    return values.new_empty((n, length, 2 * bias_hh.shape[1] // 3))


def translations() -> dict[Any, Callable[..., Any]]:
    """What the exporter makes of the operator."""
    import onnxscript

    op: Any = onnxscript.opset18

    def gru(
        values: Any, counts: Any, weight_ih: Any, weight_hh: Any, bias_ih: Any, bias_hh: Any
    ) -> Any:
        steps = op.Transpose(values, perm=[1, 0, 2])
        bias = op.Concat(_gates(op, bias_ih), _gates(op, bias_hh), axis=1)
        found, _ = op.GRU(
            steps,
            _gates(op, weight_ih),
            _gates(op, weight_hh),
            bias,
            op.Cast(counts, to=6),
            direction="bidirectional",
            hidden_size=weight_hh.shape[2],
            linear_before_reset=1,
        )
        # (length, 2, n, hidden) to (n, length, 2 * hidden)
        return op.Reshape(
            op.Transpose(found, perm=[2, 0, 1, 3]), op.Constant(value_ints=[0, 0, -1])
        )

    return {torch.ops.doodlewise.bidirectional_gru.default: gru}


def _gates(op: Any, weight: Any) -> Any:
    """Reset, update, new of torch in the order of ONNX: update, reset, new."""
    reset, update, new = op.Split(weight, axis=1, num_outputs=3)
    return op.Concat(update, reset, new, axis=1)
