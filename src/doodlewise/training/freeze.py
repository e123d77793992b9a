"""Which layers of a network learn, and which keep their weights.

A frozen layer is frozen whole: its weights get no gradient, and its batch norms stay in eval mode,
so that the averages in them stay as they are too. Of batch norms the averages alone can be frozen:
those of a few drawings are worse than those of the many that a network began with.
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from ..errors import ConfigError, did_you_mean
from ..models.head import last_linear

__all__ = ["before", "before_last", "freeze", "freeze_norms", "is_frozen", "learning_mode"]

_MARK = "doodlewise_frozen"
SHOWN = 16
"""Names of layers in a message."""


def before_last(network: nn.Module, n_classes: int) -> list[str]:
    """Names of the layers before the last one, which gives the scores.

    Raises:
        ConfigError: the network does not end in a linear layer.
    """
    name = last_linear(network, n_classes)
    if name is None:
        raise ConfigError(
            "This network does not end in a linear layer, so there is none to learn alone. Leave"
            " head_only out, or name the first layer that learns: --freeze-until NAME"
        )
    return before(network, name)


def before(network: nn.Module, name: str) -> list[str]:
    """Names of the layers before one, in the order in which the network defines them.

    Args:
        network: may name its stages in an attribute `stage_begins`, from a stage to its first
            layer: `{"stage1": "stages.0"}`.
        name: a layer, or a stage.

    Raises:
        ConfigError: there is no such layer, or nothing with weights is before it.
    """
    stages: dict[str, str] = getattr(network, "stage_begins", {})
    names = [each for each, _ in network.named_modules() if each]
    first = stages.get(name, name)
    if first not in names:
        raise ConfigError(
            f"There is no layer '{name}' in this network.{did_you_mean(name, [*stages, *names])}"
            f" Choose one of {_listed(network, stages)}."
        )
    found = []
    for each, layer in network.named_modules():
        if each == first:
            break
        holds_it = first.startswith(f"{each}.") or not each
        if not holds_it or any(True for _ in layer.parameters(recurse=False)):
            found.append(each)
    if not any(True for each in found for _ in network.get_submodule(each).parameters()):
        raise ConfigError(
            f"Nothing is before the layer '{name}', so nothing would keep its weights. Choose a"
            f" later one of {_listed(network, stages)}; or leave freeze_until out."
        )
    return found


def freeze(network: nn.Module, names: Iterable[str]) -> None:
    """Let these layers keep their weights.

    Raises:
        ConfigError: nothing would be left to learn.
    """
    layers = [network.get_submodule(name) for name in names]
    for layer in layers:
        for weight in layer.parameters(recurse=False):
            weight.requires_grad_(False)
    for layer in layers:
        # One that holds layers which learn may keep weights of its own, and is no frozen layer.
        if not any(weight.requires_grad for weight in layer.parameters()):
            setattr(layer, _MARK, True)
    if not any(weight.requires_grad for weight in network.parameters()):
        raise ConfigError(
            "No layer is left to learn. Name an earlier one: --freeze-until NAME, or leave it out."
        )


def freeze_norms(network: nn.Module) -> None:
    """Let batch norms keep their averages; scale and shift learn."""
    for layer in network.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            setattr(layer, _MARK, True)


def is_frozen(layer: nn.Module) -> bool:
    """Whether it stays in eval mode, and its buffers as they are."""
    return getattr(layer, _MARK, False)


def learning_mode(network: nn.Module) -> None:
    """Train mode, but for what is frozen."""
    network.train()
    for layer in network.modules():
        if is_frozen(layer):
            layer.training = False


def _listed(network: nn.Module, stages: dict[str, str]) -> str:
    """The names that are likely to be wanted."""
    names = [*stages]
    for each, layer in network.named_modules():
        if each and each.count(".") < 2 and any(True for _ in layer.parameters()):
            names.append(each)
    more = f" ... ({len(names)} in all)" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
