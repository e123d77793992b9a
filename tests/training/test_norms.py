"""Batch norms of two processes norm by the whole batch."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from norms_in_two import ROWS, Activated, learn, make_network
from torch import nn

from doodlewise.training.norms import SharedBatchNorm, share_norms


def test_two_processes_norm_and_learn_as_one_does() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("norms_in_two.py")), str(port)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    two = json.loads(done.stdout)
    assert two["unknown"] == []
    network = make_network()
    one = learn(network, network, list(range(ROWS)), 1.0)
    assert one.keys() == two["weights"].keys()
    for name, values in one.items():
        assert torch.allclose(
            torch.tensor(values, dtype=torch.float64),
            torch.tensor(two["weights"][name], dtype=torch.float64),
            rtol=1e-10,
            atol=1e-10,
        ), name


def test_norms_stay_what_they_are_but_for_their_class() -> None:
    class Own(nn.BatchNorm2d):
        """Of an unknown kind."""

    network = nn.Sequential(nn.BatchNorm2d(3), nn.Sequential(Activated(2), Own(4)), nn.LayerNorm(5))
    weights = dict(network.named_parameters())
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    assert share_norms(network) == ["1.1"]
    assert [type(network[0]).__name__, type(network[1][0]).__name__] == [
        "SharedBatchNorm",
        "SharedBatchNormAct",
    ]
    assert all(weights[name] is weight for name, weight in network.named_parameters())
    assert network.state_dict().keys() == state.keys()


@pytest.mark.parametrize("is_activated", [False, True])
def test_outside_of_training_they_ask_nobody(is_activated: bool) -> None:
    norm = Activated(3) if is_activated else nn.BatchNorm2d(3)
    assert norm.running_mean is not None
    norm.running_mean.fill_(0.5)
    images = torch.randn(2, 3, 4, 4)
    before = norm.eval()(images)
    share_norms(nn.Sequential(norm))
    assert isinstance(norm, SharedBatchNorm)
    assert torch.equal(norm(images), before)
