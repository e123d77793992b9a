from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from doodlewise.models.registry import create_model, list_models
from doodlewise.training.config import Optim
from doodlewise.training.optim import learning_rate, make_ema, make_optimizer

STEPS = 200
SHAPES = {"doodle_cnn": (1, 64, 64), "photo_cnn": (3, 64, 64)}


def rates(config: Optim, n_steps: int = STEPS) -> list[float]:
    return [learning_rate(step, n_steps, config) for step in range(n_steps)]


def test_cosine_rises_in_a_line_and_falls_along_a_cosine() -> None:
    config = Optim(lr=0.5, schedule="cosine", warmup=0.1)
    lr = rates(config)
    rising = [lr[step] for step in range(20)]
    steps = [after - before for before, after in pairwise([0.0, *rising, lr[20]])]
    assert steps == pytest.approx([0.5 / 21] * 21)
    assert lr[20] == 0.5
    assert all(after < before for before, after in pairwise(lr[20:]))
    assert lr[110] == pytest.approx(0.25)  # half way down
    assert 0 < lr[-1] < 0.5 * 1e-4 * 2


def test_constant_stays_after_the_warm_up() -> None:
    lr = rates(Optim(lr=0.5, schedule="constant", warmup=0.1))
    assert lr[0] == pytest.approx(0.5 / 21)
    assert all(after > before for before, after in pairwise(lr[:21]))
    assert set(lr[20:]) == {0.5}


def test_onecycle_begins_at_a_25th_and_ends_near_0() -> None:
    lr = rates(Optim(lr=0.5, schedule="onecycle"))
    assert lr[0] == pytest.approx(0.5 / 25)
    assert lr[60] == 0.5
    assert all(after > before for before, after in pairwise(lr[:61]))
    assert all(after < before for before, after in pairwise(lr[60:]))
    assert 0 < lr[-1] < 0.5 * 1e-3


@pytest.mark.parametrize("schedule", ["cosine", "onecycle", "constant"])
@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("n_steps", [1, 2, 3, 17])
def test_even_the_shortest_run_gets_usable_rates(
    schedule: str, warmup: float, n_steps: int
) -> None:
    config = Optim(lr=0.5, schedule=schedule, warmup=warmup)  # type: ignore[arg-type]
    lr = rates(config, n_steps)
    assert all(math.isfinite(each) and 0 < each <= 0.5 for each in lr)


def test_without_warm_up_the_highest_rate_comes_first() -> None:
    assert rates(Optim(lr=0.5, warmup=0.0))[0] == 0.5


@pytest.mark.parametrize("name", list_models())
def test_biases_and_norms_do_not_decay(name: str) -> None:
    network = create_model(name, n_classes=3, image_shape=SHAPES.get(name, (1, 28, 28)))
    decaying, others = make_optimizer(network, Optim(lr=0.1, weight_decay=0.3)).param_groups
    assert (decaying["weight_decay"], others["weight_decay"]) == (0.3, 0.0)
    assert decaying["lr"] == others["lr"] == 0.1
    norms = {
        id(weight)
        for layer in network.modules()
        if isinstance(layer, nn.BatchNorm2d | nn.LayerNorm)
        for weight in layer.parameters()
    }
    # Those of a recurrent layer are called bias_ih_l0 and so on.
    biases = {id(weight) for path, weight in network.named_parameters() if ".bias" in f".{path}"}
    assert {id(weight) for weight in others["params"]} == norms | biases
    every = [id(weight) for weight in network.parameters()]
    assert sorted(id(w) for w in decaying["params"] + others["params"]) == sorted(every)


def test_the_mean_follows_by_the_stated_shares() -> None:
    network = nn.BatchNorm1d(1, affine=False)
    ema = make_ema(network, 0.75)
    expected = 0.0
    for step, value in enumerate([8.0, -4.0, 2.0, 16.0, 1.0, 5.0, 7.0, 9.0, 3.0, 3.0]):
        network.running_mean = torch.tensor([value])
        network.num_batches_tracked = torch.tensor(step)
        ema.update_parameters(network)
        # The first update copies; then the decay of step t is (1 + t) / (10 + t), at most 0.75.
        decay = 0.0 if step == 0 else min(0.75, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
        assert ema.module.running_mean.item() == pytest.approx(expected, rel=1e-5)
        assert ema.module.num_batches_tracked.item() == step


def test_the_mean_is_a_copy_of_its_own() -> None:
    network = create_model("quickdraw_cnn_v2", n_classes=3)
    ema = make_ema(network, 0.9)
    before = ema.module.state_dict()["0.weight"].clone()
    with torch.no_grad():
        network.state_dict()["0.weight"].add_(1.0)
    assert torch.equal(ema.module.state_dict()["0.weight"], before)
