"""A network divided before its last layer: what that layer sees is where new words are taught."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import nn

from .inputs import example_inputs, scores, takes_of
from .registry import ImageShape

__all__ = ["divided", "last_linear"]


def divided(network: nn.Module, image_shape: ImageShape) -> tuple[nn.Module, nn.Linear | None]:
    """A network without its last linear layer, and that layer; whole, and None, if it has none."""
    body = deepcopy(network)
    linear = [name for name, each in body.named_modules() if isinstance(each, nn.Linear)]
    if not linear or linear[-1] == "":
        return network, None
    parent, _, name = linear[-1].rpartition(".")
    head = body.get_submodule(linear[-1])
    assert isinstance(head, nn.Linear)
    setattr(body.get_submodule(parent), name, nn.Identity())
    # Whether anything but dropout comes after it shows in the scores.
    inputs = example_inputs(takes_of(network), image_shape, 2).to(head.weight.device)
    with torch.inference_mode():
        features = scores(body, inputs)
        fits = features.ndim == 2 and features.shape[1] == head.in_features
        is_last = fits and torch.equal(head(features), scores(network, inputs))
    return (body, head) if is_last else (network, None)


def last_linear(network: nn.Module, n_classes: int) -> str | None:
    """Name of the layer that gives the scores; None if the network does not end in a linear one."""
    linear = [name for name, each in network.named_modules() if isinstance(each, nn.Linear)]
    if not linear:
        return None
    last = network.get_submodule(linear[-1])
    return linear[-1] if last.out_features == n_classes else None
