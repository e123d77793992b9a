"""Networks of the field, layer for layer: parameters as their authors published them."""

from __future__ import annotations

import pytest
from torch import nn

from doodlewise.models.registry import count_parameters, create_model, describe_models


def by_layer(network: nn.Module) -> list[int]:
    """Parameters of each layer that has any."""
    layers = [layer for layer in network.modules() if next(layer.children(), None) is None]
    counts = [sum(weight.numel() for weight in layer.parameters()) for layer in layers]
    return [count for count in counts if count]


def test_quickdraw_cnn_v1() -> None:
    network = create_model("quickdraw_cnn_v1", n_classes=10)
    assert by_layer(network) == [416, 12_832, 15_690]


def test_quickdraw_cnn_v2() -> None:
    network = create_model("quickdraw_cnn_v2", n_classes=10)
    assert by_layer(network) == [416, 32, 12_832, 64, 18_496, 128, 147_712, 2_570]


def test_doodlenet() -> None:
    network = create_model("doodlenet", n_classes=345)
    assert by_layer(network) == [160, 2_320, 4_640, 9_248, 18_496, 36_928, 295_424, 176_985]
    assert count_parameters(network) == 544_201


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("convnet_tiny", 906_441), ("convnet_small", 3_559_961), ("convnet_base", 14_267_705)],
)
def test_convnets(name: str, parameters: int) -> None:
    assert count_parameters(create_model(name, n_classes=345)) == parameters
    assert f"{parameters:,} parameters" in describe_models()[name]


def test_the_tiny_convnet_stays_under_a_million() -> None:
    assert count_parameters(create_model("convnet_tiny", n_classes=345)) <= 1_000_000


def test_frozen_weights_are_not_counted() -> None:
    network = create_model("quickdraw_cnn_v1", n_classes=10)
    for weight in network[0].parameters():
        weight.requires_grad = False
    assert count_parameters(network) == 12_832 + 15_690
