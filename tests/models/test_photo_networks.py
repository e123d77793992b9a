from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from doodlewise.errors import ModelError
from doodlewise.models.registry import (
    as_input,
    count_parameters,
    create_model,
    describe_models,
)

NAMES = ("photo_cnn", "doodle_cnn")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 255, 255), (3, 32, 90), (1, 33, 47)])
def test_any_channels_and_any_size_from_32(name: str, shape: tuple[int, int, int]) -> None:
    network = create_model(name, n_classes=5, image_shape=shape).eval()
    scores = network(torch.rand(2, *shape))
    assert scores.shape == (2, 5)
    assert not torch.equal(scores[0], scores[1])


@pytest.mark.parametrize("name", NAMES)
def test_images_under_32_pixels_are_refused(name: str) -> None:
    with pytest.raises(ModelError, match=rf"31 x 64 are too small for {name}.*larger --size"):
        create_model(name, n_classes=2, image_shape=(3, 31, 64))


def test_parameters_are_as_the_catalogue_says() -> None:
    photo = create_model("photo_cnn", n_classes=2, image_shape=(3, 64, 64))
    doodle = create_model("doodle_cnn", n_classes=50, image_shape=(1, 255, 255))
    for name, network in (("photo_cnn", photo), ("doodle_cnn", doodle)):
        assert f"{count_parameters(network):,} parameters" in describe_models()[name]


def coloured(n: int, side: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise with a spot somewhere: of class 0 wide and reddish, of class 1 high and bluish."""
    random = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 120, (n, 3, side, side), generator=random)
    labels = torch.arange(n) % 2
    for image, label in zip(images, labels, strict=True):
        top, left = torch.randint(0, side - 20, (2,), generator=random).tolist()
        if label:
            image[2, top : top + 18, left : left + 8] += 100
        else:
            image[0, top : top + 8, left : left + 18] += 100
    return as_input(images.to(torch.uint8)), labels


@pytest.mark.parametrize("name", NAMES)
def test_they_learn_from_few_pictures(name: str) -> None:
    torch.manual_seed(0)
    network = create_model(name, n_classes=2, image_shape=(3, 48, 48))
    images, labels = coloured(96, 48, seed=1)
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    for step in range(90):
        chosen = torch.arange(32) + 32 * (step % 3)
        loss = F.cross_entropy(network(images[chosen]), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    others, right = coloured(60, 48, seed=2)
    guesses = network.eval()(others).argmax(dim=1)
    assert (guesses == right).float().mean() > 0.85
