"""Registered means tested: what every network must do, over everything that is registered."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from doodlewise.errors import ModelError, UnknownModelError
from doodlewise.models import registry
from doodlewise.models.bundle import BundleInfo, load_bundle, save_bundle
from doodlewise.models.inputs import Inputs, example_inputs, scores, takes_of
from doodlewise.models.registry import (
    as_input,
    channels_last,
    create_model,
    describe_models,
    list_models,
    register_model,
    takes_by_name,
    usual_shape,
)

N_CLASSES = 7


@pytest.fixture
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is forgotten after it."""
    list_models()
    monkeypatch.setattr(registry, "_BUILDERS", dict(registry._BUILDERS))


def smallest(name: str) -> int:
    """A side that the network takes."""
    return 32 if name in ("doodle_cnn", "photo_cnn") else 28


def some(name: str, n: int, side: int = 28) -> Inputs:
    """Drawings as the network takes them."""
    return example_inputs(takes_by_name(name), (1, side, side), n, seed=3)


def built(name: str, seed: int, side: int = 28) -> nn.Module:
    torch.manual_seed(seed)
    return create_model(name, n_classes=N_CLASSES, image_shape=(1, side, side))


def a_step(network: nn.Module, inputs: Inputs) -> torch.Tensor:
    """Loss of one forward and backward pass."""
    network.train()
    torch.manual_seed(11)
    loss = F.cross_entropy(scores(network, inputs), torch.arange(len(inputs)))
    loss.backward()
    return loss.detach()


SIZES = [(name, smallest(name)) for name in list_models()] + [
    (name, 64) for name in list_models() if name.startswith("convnet") or smallest(name) == 32
]


@pytest.mark.parametrize(("name", "side"), SIZES)
def test_each_network_gives_scores_and_finite_gradients(name: str, side: int) -> None:
    network = built(name, 0, side)
    loss = a_step(network, some(name, 5, side))
    assert torch.isfinite(loss)
    for path, weight in network.named_parameters():
        assert weight.grad is not None, path
        assert torch.isfinite(weight.grad).all(), path
    assert any((weight.grad != 0).any() for weight in network.parameters())
    given = scores(network.eval(), some(name, 3, side))
    assert given.shape == (3, N_CLASSES)
    assert given.dtype == torch.float32


@pytest.mark.parametrize(("name", "side"), SIZES)
def test_each_network_comes_back_from_its_bundle(name: str, side: int, tmp_path: Path) -> None:
    network = built(name, 1, side)
    a_step(network, some(name, 5, side))  # gives batch norms something to remember
    classes = [f"word {number}" for number in range(N_CLASSES)]
    save_bundle(network, BundleInfo(name, classes, (1, side, side)), tmp_path)
    again, info = load_bundle(tmp_path)
    assert info.classes == classes
    with torch.inference_mode():
        expected = scores(channels_last(network).eval(), some(name, 4, side))
        assert torch.equal(scores(again, some(name, 4, side)), expected)


@pytest.mark.parametrize("name", list_models())
def test_each_network_follows_from_the_seed(name: str) -> None:
    side = smallest(name)
    inputs = some(name, 5, side)
    first, second, other = (built(name, seed, side) for seed in (5, 5, 6))
    assert torch.equal(a_step(first, inputs), a_step(second, inputs))
    for one, two in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, two)
        assert one.grad is not None
        assert two.grad is not None
        assert torch.equal(one.grad, two.grad)
    assert not torch.equal(a_step(other, inputs), a_step(second, inputs))


@pytest.mark.parametrize("name", list_models())
def test_the_layout_of_the_weights_changes_no_score(name: str) -> None:
    network, inputs = built(name, 2, smallest(name)).eval(), some(name, 6, smallest(name))
    with torch.inference_mode():
        before = scores(network, inputs)
        after = scores(channels_last(network), inputs)
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5)
    four_dimensional = [weight for weight in network.parameters() if weight.ndim == 4]
    assert bool(four_dimensional) == (takes_by_name(name) != "strokes")
    assert all(w.is_contiguous(memory_format=torch.channels_last) for w in four_dimensional)


@pytest.mark.parametrize("name", list_models())
def test_one_drawing_gives_the_same_scores_as_in_a_batch(name: str) -> None:
    network, inputs = built(name, 4, smallest(name)).eval(), some(name, 6, smallest(name))
    with torch.inference_mode():
        together = scores(network, inputs)
        alone = torch.cat([scores(network, inputs.slice(row, row + 1)) for row in range(6)])
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", list_models())
def test_each_network_says_in_a_line_what_it_is(name: str) -> None:
    line = describe_models()[name]
    assert 20 < len(line) < 110
    assert line.endswith(".")


@pytest.mark.parametrize("name", [name for name in list_models() if name.startswith("convnet")])
def test_convnets_refuse_images_under_16_pixels(name: str) -> None:
    with pytest.raises(ModelError, match=r"15 x 64 are too small.*--side 16"):
        create_model(name, n_classes=3, image_shape=(1, 15, 64))
    assert create_model(name, n_classes=3, image_shape=(3, 16, 40)).eval()(
        torch.zeros(1, 3, 16, 40)
    ).shape == (1, 3)


@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 28, 28), (1, 28, 30), (1, 8, 8)])
@pytest.mark.parametrize("name", ["quickdraw_cnn_v1", "quickdraw_cnn_v2", "doodlenet"])
def test_networks_for_bitmaps_refuse_all_other_shapes(
    name: str, shape: tuple[int, int, int]
) -> None:
    with pytest.raises(ModelError, match=f"{name} takes images of 28 x 28 with 1 channel, not"):
        create_model(name, n_classes=3, image_shape=shape)


def test_an_unknown_name_is_answered_with_the_nearest_known_one() -> None:
    with pytest.raises(UnknownModelError, match="Did you mean 'convnet_tiny'") as raised:
        create_model("convnet_tinny", n_classes=3)
    assert "doodlewise models list" in str(raised.value)


@pytest.mark.parametrize("n_classes", [1, 0, -3])
def test_fewer_than_two_classes_are_refused(n_classes: int) -> None:
    with pytest.raises(ModelError, match=f"two classes or more, not {n_classes}"):
        create_model("quickdraw_cnn_v1", n_classes=n_classes)


@pytest.mark.usefixtures("own_registry")
def test_the_name_of_the_function_is_the_name_of_the_network() -> None:
    @register_model
    def two_layers(n_classes: int, image_shape: tuple[int, int, int]) -> nn.Module:
        """Flat, for a test."""
        return nn.Sequential(nn.Flatten(), nn.LazyLinear(n_classes))

    assert "two_layers" in list_models()
    assert describe_models()["two_layers"] == "Flat, for a test."
    network = create_model("two_layers", n_classes=4, image_shape=(1, 9, 9))
    assert network(torch.zeros(2, 1, 9, 9)).shape == (2, 4)
    assert list_models() == sorted(list_models())


@pytest.mark.usefixtures("own_registry")
def test_a_taken_name_is_refused() -> None:
    def quickdraw_cnn_v1(n_classes: int, image_shape: tuple[int, int, int]) -> nn.Module:
        """Not the one."""
        raise AssertionError

    with pytest.raises(ModelError, match="already is a network 'quickdraw_cnn_v1'"):
        register_model(quickdraw_cnn_v1)
    assert "84.74 %" in describe_models()["quickdraw_cnn_v1"]


@pytest.mark.usefixtures("own_registry")
def test_a_network_without_a_docstring_is_refused() -> None:
    def silent(n_classes: int, image_shape: tuple[int, int, int]) -> nn.Module:
        raise AssertionError

    with pytest.raises(ModelError, match="'silent' has no docstring"):
        register_model(silent)
    assert "silent" not in list_models()


def test_input_is_ink_from_0_to_1() -> None:
    pixels = torch.tensor([[[[0, 51], [204, 255]]]], dtype=torch.uint8)
    prepared = as_input(pixels)
    torch.testing.assert_close(prepared, torch.tensor([[[[0.0, 0.2], [0.8, 1.0]]]]))
    assert prepared.is_contiguous(memory_format=torch.channels_last)
    assert pixels[0, 0, 1, 1] == 255


def test_a_network_says_what_it_is_made_for() -> None:
    assert usual_shape("photo_cnn") == (3, 64, 64)
    assert usual_shape("quickdraw_cnn_v2") == (1, 28, 28)
    for name in list_models():
        network = create_model(name, n_classes=3).eval()
        assert takes_of(network) == takes_by_name(name)
        inputs = example_inputs(takes_of(network), usual_shape(name), 2)
        assert scores(network, inputs).shape == (2, 3)
