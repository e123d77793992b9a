"""The GRU by hand is the GRU of torch."""

from __future__ import annotations

import pytest
import torch
from made_strokes import made
from torch import nn

from doodlewise.models.packed_gru import PackedGru
from doodlewise.models.stroke_line import Line

CASES = [[1], [5], [3, 3, 3], [9, 1, 4, 30, 2], [400, 1]]


def by_torch(layer: PackedGru, values: torch.Tensor, line: Line) -> torch.Tensor:
    """Drawing by drawing, each alone."""
    found = torch.zeros((len(values), 2 * layer.hidden))
    parts = []
    for begin, count in zip(line.begins.tolist(), line.counts.tolist(), strict=True):
        own = slice(begin, begin + count)
        parts.append((own, layer.gru(values[own][:, None])[0][:, 0]))
    for own, states in parts:
        found = found.index_copy(0, torch.arange(own.start, own.stop), states)
    return found


@pytest.mark.parametrize("counts", CASES)
def test_the_same_states_and_gradients(counts: list[int]) -> None:
    torch.manual_seed(1)
    layer = PackedGru(3, 6)
    line = Line.of(made(counts))
    values = torch.randn(len(line), 3, requires_grad=True)
    aim = torch.randn(len(line), 12)
    results = []
    for run in (
        lambda: layer(values, line.packing()),
        lambda: by_torch(layer, values, line),
    ):
        layer.zero_grad()
        values.grad = None
        states = run()
        (states * aim).sum().backward()
        gradients = [weight.grad for weight in (values, *layer.parameters())]
        results.append([states.detach(), *gradients])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("counts", CASES)
def test_it_predicts_what_it_learnt(counts: list[int]) -> None:
    torch.manual_seed(1)
    layer = PackedGru(3, 6)
    line = Line.of(made(counts))
    values = torch.randn(len(line), 3)
    learning = layer(values, line.packing())
    with torch.inference_mode():
        predicting = layer(values, line.packing())
    torch.testing.assert_close(predicting, learning.detach())
    assert (predicting[~line.filled[:, 0]] == 0).all()


def test_gradients_are_those_of_finite_differences() -> None:
    torch.manual_seed(2)
    layer = PackedGru(2, 3).double()
    line = Line.of(made([4, 2, 7]))
    values = torch.randn(len(line), 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda own: layer(own, line.packing()), (values,))


def test_no_drawing_at_all() -> None:
    layer = PackedGru(3, 6)
    line = Line.of(made([]))
    assert layer(torch.ones(len(line), 3), line.packing()).shape == (len(line), 12)


def test_in_half_precision_it_learns_as_in_full() -> None:
    torch.manual_seed(1)
    layer = PackedGru(8, 16)
    line = Line.of(made([20, 9, 33]))
    values = torch.randn(len(line), 8)
    full = layer(values, line.packing())
    with torch.autocast("cpu", torch.bfloat16):
        half = layer(values, line.packing())
        half.float().sum().backward()
    torch.testing.assert_close(half.float(), full, rtol=0.05, atol=0.05)
    assert all(
        weight.grad is not None and weight.grad.dtype == torch.float32
        for weight in layer.parameters()
    )


def test_weights_are_those_of_a_gru() -> None:
    assert PackedGru(3, 6).state_dict().keys() == {
        f"gru.{name}" for name in nn.GRU(3, 6, bidirectional=True).state_dict()
    }
