"""An exported file read back to a network that can learn.

An export keeps the names of weights, but not the batch norms: each is folded into the convolution
before it. So each is made anew, such that it gives what the folded one gave. Weights of 8 bits are
multiplied by their scales.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ..bundle_info import BundleInfo
from ..errors import BundleError
from ..models.head import last_linear
from ..models.registry import as_input, channels_last, create_model
from ..predict.onnx_backend import open_onnx
from ..predict.onnx_edit import HEAD_BIAS, HEAD_WEIGHT, read_weights

__all__ = ["read_network", "settle_norms"]

PREFIX = "recogniser.body."
"""Before the names of weights in a file."""
FOLDED = "weight_bias"
"""The exporter's name for the bias of a convolution that had none before a norm was folded in."""

Weights = dict[str, NDArray[np.float32]]


def read_network(path: Path) -> tuple[nn.Module, BundleInfo]:
    """The network of an exported file, in eval mode, and what travels with it.

    Raises:
        BundleError: not an exported file, or of a network whose weights cannot be found in it.
        ModelError: no network is registered under its name.
    """
    _, info = open_onnx(path)
    network = create_model(info.model, n_classes=len(info.classes), image_shape=info.image_shape)
    found = read_weights(path.read_bytes())
    weights = {name.removeprefix(PREFIX): each for name, each in found.items()}
    head = last_linear(network, len(info.classes))
    for ours, theirs in (("weight", HEAD_WEIGHT), ("bias", HEAD_BIAS)):
        if head is not None and theirs in found:
            weights[f"{head}.{ours}"] = found[theirs]
    state = network.state_dict()
    for conv, norm in _folded(network, weights):
        layer = network.get_submodule(norm)
        assert isinstance(layer, nn.BatchNorm2d)
        # With a mean of 0 and a variance of 1, as it begins.
        weights |= {name: value.numpy() for name, value in state.items() if _is_of(name, norm)}
        slope = (1.0 + layer.eps) ** 0.5
        weights[f"{norm}.weight"] = np.full(layer.num_features, slope, np.float32)
        # A convolution with a bias of its own keeps that name.
        own = f"{conv}.bias"
        weights[f"{norm}.bias"] = weights[own if own in weights else f"{conv}.{FOLDED}"]
        if own in weights:
            weights[own] = np.zeros_like(weights[own])
    for name, value in state.items():
        there = weights.get(name)
        if there is None or there.shape != value.shape:
            raise BundleError(
                f"The weights of {info.model} cannot all be found in {path} (no {name}). Name the"
                " run folder that it was exported from."
            )
        value.copy_(torch.from_numpy(np.array(there)))
    return channels_last(network).eval(), info


@torch.no_grad()
def settle_norms(network: nn.Module, images: torch.Tensor) -> None:
    """Give batch norms the averages of these images, and leave what they give as it is.

    In training they go by the averages of a batch. A network out of a file has none, so it would
    be another one there, unless it is given some.

    Args:
        network: in eval mode.
        images: uint8 (n, channels, height, width), some hundred.
    """
    norms = [each for each in network.modules() if isinstance(each, nn.BatchNorm2d)]
    seen: dict[nn.BatchNorm2d, tuple[torch.Tensor, torch.Tensor]] = {}

    def look(norm: nn.Module, maps: tuple[torch.Tensor, ...]) -> None:
        assert isinstance(norm, nn.BatchNorm2d)
        variance, mean = torch.var_mean(maps[0], dim=(0, 2, 3), correction=0)
        seen[norm] = variance, mean

    hooks = [norm.register_forward_pre_hook(look) for norm in norms]
    network(as_input(images))
    for hook in hooks:
        hook.remove()
    for norm, (variance, mean) in seen.items():
        assert norm.running_mean is not None
        assert norm.running_var is not None
        slope = norm.weight / (norm.running_var + norm.eps).sqrt()
        norm.bias.add_(slope * (mean - norm.running_mean))
        norm.weight.copy_(slope * (variance + norm.eps).sqrt())
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)


def _folded(network: nn.Module, weights: Weights) -> list[tuple[str, str]]:
    """Convolutions with the batch norms that were folded into them."""
    layers = [(name, each) for name, each in network.named_modules() if not [*each.children()]]
    return [
        (name, after)
        for (name, layer), (after, following) in pairwise(layers)
        if isinstance(layer, nn.Conv2d)
        and isinstance(following, nn.BatchNorm2d)
        and f"{after}.weight" not in weights
        and (f"{name}.bias" in weights or f"{name}.{FOLDED}" in weights)
    ]


def _is_of(name: str, layer: str) -> bool:
    return name.startswith(f"{layer}.")
