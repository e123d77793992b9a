"""Networks on strokes, whatever the drawings are like."""

from __future__ import annotations

import pytest
import torch
from made_strokes import made
from torch import nn
from torch.nn import functional as F

from doodlewise.models.inputs import Inputs, Strokes, example_inputs, scores, takes_of
from doodlewise.models.registry import create_model, list_models, takes_by_name
from doodlewise.models.stroke_features import PointFeatures

NAMES = [name for name in list_models() if takes_by_name(name) != "images"]
SAME = {"rtol": 1e-4, "atol": 1e-5}
"""How far scores may be apart that are to be the same: products of matrices of other sizes are
rounded otherwise."""


def built(name: str) -> nn.Module:
    torch.manual_seed(4)
    return create_model(name, n_classes=5).eval()


def inputs_of(network: nn.Module, strokes: Strokes) -> Inputs:
    images = None
    if takes_of(network) == "both":
        images = example_inputs("images", (1, 28, 28), len(strokes)).images
    return Inputs(images, strokes)


def given(network: nn.Module, inputs: Inputs) -> torch.Tensor:
    with torch.inference_mode():
        return scores(network, inputs)


def test_these_are_the_networks() -> None:
    assert NAMES == ["fusion_small", "stroke_gru", "stroke_transformer"]


@pytest.mark.parametrize("name", NAMES)
def test_neighbours_in_a_batch_do_not_matter(name: str) -> None:
    network = built(name)
    inputs = inputs_of(network, made([40, 1, 12, 700, 3, 39, 41, 2, 5, 1]))
    together = given(network, inputs)
    alone = torch.cat([given(network, inputs.slice(row, row + 1)) for row in range(len(inputs))])
    assert together.std(dim=0).min() > 1e-3
    torch.testing.assert_close(together, alone, **SAME)
    assert given(network, inputs.slice(2, 2)).shape == (0, 5)


@pytest.mark.parametrize("name", NAMES)
def test_drawings_of_thousands_of_points(name: str) -> None:
    network = built(name).train()
    inputs = inputs_of(network, made([6000, 2, 2500]))
    loss = F.cross_entropy(scores(network, inputs), torch.tensor([0, 1, 2]))
    loss.backward()
    assert torch.isfinite(loss)
    for path, weight in network.named_parameters():
        assert weight.grad is not None, path
        assert torch.isfinite(weight.grad).all(), path


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_strokes_and_the_way_of_the_pen_are_seen(name: str) -> None:
    network = built(name)
    strokes = made([30])
    back = Strokes(
        points=strokes.points.flip(0),
        begins=strokes.begins.roll(-1).flip(0),
        offsets=strokes.offsets,
    )
    forth_and_back = [given(network, inputs_of(network, each)) for each in (strokes, back)]
    assert (forth_and_back[0] - forth_and_back[1]).abs().max() > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_times_are_used_by_those_who_learnt_them_alone(name: str) -> None:
    network = built(name)
    with_times, without = (
        inputs_of(network, made([20, 35, 8], times=times)) for times in (True, False)
    )
    assert torch.equal(given(network, with_times), given(network, without))
    network.train()
    scores(network, with_times).sum().backward()
    network.eval()
    assert not torch.equal(given(network, with_times), given(network, without))
    # A drawing whose times are not known is like one without.
    assert with_times.strokes is not None
    assert with_times.strokes.times is not None
    with_times.strokes.times[:20] = torch.nan
    mixed = given(network, with_times)
    torch.testing.assert_close(mixed[0], given(network, without)[0], **SAME)
    assert not torch.equal(mixed[1], given(network, without)[1])
    again = create_model(name, n_classes=5)
    again.load_state_dict(network.state_dict())
    assert torch.equal(given(again.eval(), with_times), mixed)


def test_some_times_are_hidden_while_it_learns() -> None:
    features = PointFeatures().train()
    strokes = made([5] * 300, times=True)
    torch.manual_seed(0)
    values, line = features(strokes)
    is_known = values[line.begins, -1]
    assert 0.55 < float(is_known.mean()) < 0.78
    again, _ = features.eval()(strokes)
    assert (again[line.places, -1] == 1).all()


@pytest.mark.parametrize("name", NAMES)
def test_half_precision(name: str) -> None:
    network = built(name).train()
    inputs = inputs_of(network, made([20, 35, 8, 60]))
    with torch.autocast("cpu", torch.bfloat16):
        half = scores(network, inputs)
        loss = F.cross_entropy(half.float(), torch.arange(4))
    loss.backward()
    assert all(
        weight.grad is not None and torch.isfinite(weight.grad).all()
        for weight in network.parameters()
    )
    full = given(network.eval(), inputs)
    with torch.autocast("cpu", torch.bfloat16):
        half = given(network, inputs)
    torch.testing.assert_close(half.float(), full, rtol=0.1, atol=0.05)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
@pytest.mark.parametrize("name", NAMES)
def test_a_gpu_gives_the_same(name: str) -> None:
    network = built(name)
    inputs = inputs_of(network, made([40, 1, 12, 700, 3]))
    expected = given(network, inputs)
    there = inputs.to("cuda")
    network = network.to("cuda")
    torch.testing.assert_close(given(network, there).cpu(), expected, rtol=1e-3, atol=1e-3)
    loss = F.cross_entropy(scores(network.train(), there), torch.arange(5, device="cuda"))
    loss.backward()
    assert all(torch.isfinite(weight.grad).all() for weight in network.parameters())  # type: ignore[arg-type]
