"""Networks by name: the name of the function that builds one is the name of the network.

    @register_model
    def my_net(n_classes: int, image_shape: ImageShape) -> nn.Module:
        "One line for `doodlewise models list`."

One that is not made for bitmaps says what it is made for: `@register_model(usual=(3, 64, 64))`.
Every network takes float32 images (n, channels, height, width) from 0 (paper) to 1 (ink) and gives
scores (n, n_classes) before the softmax; one that takes strokes, or both, says so:
`@register_model(takes="strokes")`, see `inputs`. Tests run over everything that is registered.

Besides, every network of timm is there under its name: "timm:mobilenetv4_conv_small".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import overload

import torch
from torch import nn

from ..bundle_info import Takes
from ..errors import ModelError, UnknownModelError, did_you_mean
from .timm_backbone import PREFIX as TIMM
from .timm_backbone import timm_network, timm_shape

__all__ = [
    "BITMAP",
    "USUAL_LR",
    "ImageShape",
    "as_input",
    "channels_last",
    "count_parameters",
    "create_model",
    "describe_models",
    "list_models",
    "own_network",
    "register_model",
    "takes_by_name",
    "usual_lr",
    "usual_shape",
]

ImageShape = tuple[int, int, int]
"""Channels, height, width."""

Builder = Callable[[int, ImageShape], nn.Module]

BITMAP: ImageShape = (1, 28, 28)

USUAL_LR = 4e-3
"""The highest learning rate that suits most networks."""

BUILT_IN = ("classic", "convnet", "photo", "stroke_gru", "stroke_transformer", "fusion")
"""Modules that register networks."""

_BUILDERS: dict[str, Builder] = {}
_USUAL: dict[str, ImageShape] = {}
_TAKES: dict[str, Takes] = {}
_LR: dict[str, float] = {}


@overload
def register_model(builder: Builder) -> Builder: ...
@overload
def register_model(
    *, usual: ImageShape = ..., takes: Takes = ..., lr: float = ...
) -> Callable[[Builder], Builder]: ...


def register_model(
    builder: Builder | None = None,
    *,
    usual: ImageShape = BITMAP,
    takes: Takes = "images",
    lr: float = USUAL_LR,
) -> Builder | Callable[[Builder], Builder]:
    """Make a network available under the name of the function that builds it.

    Args:
        builder: the function.
        usual: the images that it is made for.
        takes: what it sees of a drawing; the module that it builds has it as an attribute too.
        lr: the highest learning rate that suits it, by the optimiser and schedule of `training`.

    Raises:
        ModelError: the name is taken.
    """
    if builder is None:
        return partial(_register, usual=usual, takes=takes, lr=lr)
    return _register(builder, usual=usual, takes=takes, lr=lr)


def _register(builder: Builder, *, usual: ImageShape, takes: Takes, lr: float) -> Builder:
    name = builder.__name__
    if name in _BUILDERS:
        raise ModelError(f"There already is a network '{name}'. Give the function another name.")
    if not builder.__doc__:
        raise ModelError(f"The network '{name}' has no docstring; write one line about it.")
    _BUILDERS[name], _USUAL[name], _TAKES[name], _LR[name] = builder, usual, takes, lr
    return builder


def own_network(name: str) -> Callable[[], None]:
    """What makes a network known in a process that has not run the code that registered it.

    It does nothing for networks of Doodlewise, which every process knows.
    """
    if name not in _BUILDERS or _BUILDERS[name].__module__.startswith(f"{__package__}."):
        return _nothing
    return partial(_adopt, _BUILDERS[name], _USUAL[name], _TAKES[name], _LR[name])


def _adopt(builder: Builder, usual: ImageShape, takes: Takes, lr: float) -> None:
    if builder.__name__ not in _BUILDERS:
        _register(builder, usual=usual, takes=takes, lr=lr)


def _nothing() -> None:
    """For networks that are known anyway."""


def create_model(
    name: str,
    *,
    n_classes: int,
    image_shape: ImageShape | None = None,
    pretrained: bool = False,
) -> nn.Module:
    """Build a network with fresh weights.

    Args:
        name: one of `list_models()`, or "timm:" and a name that timm knows.
        n_classes: how many scores it gives.
        image_shape: channels, height and width of its input; those it is made for when None.
        pretrained: with the weights of its authors, but for the last layer; timm only.

    Raises:
        UnknownModelError: there is no such network.
        ModelError: the network cannot take this shape, or fewer than two classes were asked for,
            or there are no weights of its authors.
        MissingExtraError: a network of timm, which is not installed.
    """
    is_timm = name.startswith(TIMM)
    if not is_timm:
        _require_known(name)
    if n_classes < 2:
        raise ModelError(
            f"A classifier needs two classes or more, not {n_classes}. Prepare a store with more."
        )
    if is_timm:
        return timm_network(name.removeprefix(TIMM), n_classes, image_shape, pretrained=pretrained)
    if pretrained:
        raise ModelError(
            f"Nobody has published weights of {name}; --pretrained is for networks of timm, such as"
            " timm:mobilenetv4_conv_small. To begin with the weights of a run: --init-from RUN"
        )
    return _BUILDERS[name](n_classes, image_shape or _USUAL[name])


def list_models() -> list[str]:
    """Names of all networks, sorted."""
    _load_builtin()
    return sorted(_BUILDERS)


def usual_shape(name: str) -> ImageShape:
    """The images that a network is made for.

    Raises:
        UnknownModelError: there is no such network.
    """
    if name.startswith(TIMM):
        return timm_shape(name.removeprefix(TIMM))
    _require_known(name)
    return _USUAL[name]


def _require_known(name: str) -> None:
    _load_builtin()
    if name not in _BUILDERS:
        raise UnknownModelError(
            f"There is no network '{name}'.{did_you_mean(name, _BUILDERS)}"
            " See: doodlewise models list"
        )


def takes_by_name(name: str) -> Takes:
    """What a registered network sees of a drawing."""
    _load_builtin()
    return _TAKES.get(name, "images")


def usual_lr(name: str) -> float:
    """The highest learning rate that suits a network."""
    _load_builtin()
    return _LR.get(name, USUAL_LR)


def describe_models() -> dict[str, str]:
    """The one line about each network, by name."""
    _load_builtin()
    return {name: (_BUILDERS[name].__doc__ or "").strip().split("\n")[0] for name in list_models()}


def count_parameters(model: nn.Module) -> int:
    """How many numbers training changes."""
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


def channels_last(model: nn.Module) -> nn.Module:
    """The network, in place, with its weights in the layout of `as_input`."""
    # The stubs of torch do not know that `to` takes a layout alone.
    moved: nn.Module = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return moved


def as_input(images: torch.Tensor) -> torch.Tensor:
    """uint8 images as networks take them: float32 from 0 to 1, channels last in memory.

    Convolutions of small networks are more than twice as fast on a CPU in this layout.
    """
    return images.to(torch.float32).div_(255.0).contiguous(memory_format=torch.channels_last)


def require_shape(name: str, image_shape: ImageShape, wanted: ImageShape) -> None:
    """Networks with a fixed input call this first.

    Raises:
        ModelError: the shape is another one.
    """
    if image_shape != wanted:
        raise ModelError(
            f"{name} takes images of {_spell(wanted)}, not {_spell(image_shape)}. Set --side"
            f" {wanted[1]}, or choose one of the convnet networks, which take any size."
        )


def _spell(shape: ImageShape) -> str:
    channels, height, width = shape
    return f"{height} x {width} with {channels} channel{'s' if channels > 1 else ''}"


def _load_builtin() -> None:
    for module in BUILT_IN:
        import_module(f".{module}", __package__)
