"""Any network of timm, by its name there: "timm:mobilenetv4_conv_small".

timm (PyTorch Image Models) is loaded when one is asked for. Its networks were made for photos whose
channels have a mean of 0 and a deviation of 1; bringing ours into that form is part of the network
here, so that it takes what every network takes, levels from 0 to 1, wherever it is run.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any

import torch
from torch import nn

from ..errors import MissingExtraError, ModelError, UnknownModelError, did_you_mean
from .timm_weights import fetched

__all__ = [
    "PREFIX",
    "Offered",
    "TimmNetwork",
    "list_timm",
    "timm_licence",
    "timm_network",
    "timm_shape",
]

PREFIX = "timm:"

SHOWN = 3
"""Names with a wrong one in them, in a message."""

Shape = tuple[int, int, int]


class TimmNetwork(nn.Module):
    """A network of timm that takes images from 0 to 1.

    Args:
        backbone: of timm.
        mean: of each channel in what it was made for, from 0 to 1.
        deviation: likewise.

    Attributes:
        stage_begins: from each stage to its first layer, in order; "head" is the last.
    """

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, backbone: nn.Module, mean: list[float], deviation: list[float]) -> None:
        super().__init__()
        # They travel with the weights: another version of timm may have others under this name.
        self.register_buffer("mean", torch.tensor(mean)[:, None, None])
        self.register_buffer("deviation", torch.tensor(deviation)[:, None, None])
        self.backbone = backbone
        self.stage_begins = _stage_begins(backbone)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        images = (images - self.mean) / self.deviation
        if self.training and len(images) == 1:
            # Some have a batch norm after the image has become one pixel; of a single one, which
            # the last batch of an epoch can be, it cannot learn. The loss of two alike is the same.
            both: torch.Tensor = self.backbone(torch.cat([images, images]))
            return both[:1]
        scores: torch.Tensor = self.backbone(images)
        return scores


def timm_network(
    name: str, n_classes: int, image_shape: Shape | None = None, *, pretrained: bool = False
) -> TimmNetwork:
    """Build one.

    Args:
        name: as timm has it, such as "resnet18" or, with the name of its weights,
            "resnet18.a1_in1k".
        n_classes: how many scores it gives.
        image_shape: channels, height and width of its input; what it was made for when None.
        pretrained: begin with the weights of its authors, all but the last layer's.

    Raises:
        MissingExtraError: timm is not installed.
        UnknownModelError: it has no such network.
        ModelError: the network cannot take this shape, or its weights cannot be fetched.
    """
    timm = _timm()
    _check_name(timm, name)
    known = timm.get_pretrained_cfg(name)
    channels, height, width = image_shape or known.input_size
    settings: dict[str, Any] = {"num_classes": n_classes, "in_chans": channels}
    if known.fixed_input_size:
        settings["img_size"] = (height, width)
    if pretrained:
        settings |= fetched(name, known)
    try:
        backbone = _created(timm, name, settings)
        network = TimmNetwork(
            backbone, _of_channels(known.mean, channels), _of_channels(known.std, channels)
        )
        _check_patches(backbone, height, width)
        _begin_small(backbone)
        with torch.no_grad():
            scores = network.eval()(torch.zeros(1, channels, height, width))
        if scores.shape != (1, n_classes):
            raise ValueError(f"it gives {tuple(scores.shape)} instead of {n_classes} scores")
    except ModelError:
        raise
    # What a network of timm cannot take, each says in its own way.
    except Exception as error:
        reason = str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
        raise ModelError(
            f"{PREFIX}{name} cannot take images of {height} x {width} with {channels}"
            f" channel{'s' if channels > 1 else ''} ({reason}). It was made for"
            f" {known.input_size[1]} x {known.input_size[2]}: choose a larger --side for drawings,"
            " prepare a store of pictures with a larger --size, or choose another network, such as"
            f" {PREFIX}mobilenetv4_conv_small."
        ) from error
    network.train()
    return network


@dataclass(frozen=True, slots=True)
class Offered:
    """What timm knows about a network.

    Attributes:
        name: with "timm:".
        shape: that its authors trained it for.
        weights: names of what its authors trained, with "timm:"; what is used is the first.
        licence: of the first; empty if there are none.
    """

    name: str
    shape: Shape
    weights: tuple[str, ...]
    licence: str


def list_timm(pattern: str) -> list[Offered]:
    """The networks of timm that match, such as "resnet*"; a plain word matches anywhere.

    Raises:
        MissingExtraError: timm is not installed.
        UnknownModelError: none does.
    """
    timm = _timm()
    names = timm.list_models()
    wanted = pattern.removeprefix(PREFIX).lower()
    glob = wanted if any(sign in wanted for sign in "*?[") else f"*{wanted}*"
    found = [name for name in names if fnmatchcase(name, glob)]
    if not found:
        raise UnknownModelError(
            f"timm has no network like '{wanted}'.{did_you_mean(wanted, names)} Try a part of a"
            " name: doodlewise models list --timm convnext"
        )
    return [_offered(timm, name) for name in found]


def _offered(timm: Any, name: str) -> Offered:
    known = timm.get_pretrained_cfg(name)
    every = timm.models.get_arch_pretrained_cfgs(name)
    first = f"{name}.{known.tag}" if known.tag else name
    with_weights = [each for each, cfg in every.items() if cfg.has_weights]
    with_weights.sort(key=lambda each: each != first)
    licence = (known.license or "unknown") if with_weights else ""
    tagged = tuple(f"{PREFIX}{each}" for each in with_weights)
    return Offered(f"{PREFIX}{name}", tuple(known.input_size), tagged, licence)


def timm_shape(name: str) -> Shape:
    """The images that one was made for: channels, height, width.

    Raises:
        MissingExtraError: timm is not installed.
        UnknownModelError: it has no such network.
    """
    timm = _timm()
    _check_name(timm, name)
    shape: Shape = timm.get_pretrained_cfg(name).input_size
    return shape


def timm_licence(name: str) -> str:
    """Of the weights of its authors: "apache-2.0", or "unknown"."""
    licence: str | None = _timm().get_pretrained_cfg(name.removeprefix(PREFIX)).license
    return licence or "unknown"


def _timm() -> Any:
    try:
        import timm
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "timm", "timm") from error
    except (ImportError, RuntimeError, OSError) as error:
        reason = str(error).strip().split("\n")[0]
        raise ModelError(
            f"timm is installed, but torchvision, which it needs, does not fit torch"
            f" {torch.__version__} ({reason}). Both have to come from the same place. For a CPU:"
            " pip install --force-reinstall torch torchvision --index-url"
            " https://download.pytorch.org/whl/cpu; for a GPU: pip install --force-reinstall torch"
            " torchvision"
        ) from error
    return timm


def _created(timm: Any, name: str, settings: dict[str, Any]) -> nn.Module:
    try:
        network: nn.Module = timm.create_model(name, **settings)
    except TypeError as error:
        # Some that are said to have a fixed size take others after all, unasked.
        if "img_size" not in str(error):
            raise
        rest = {key: value for key, value in settings.items() if key != "img_size"}
        network = timm.create_model(name, **rest)
    return network


def _of_channels(of_colours: tuple[float, ...], channels: int) -> list[float]:
    """Numbers of red, green and blue for channels of any count; their mean for one."""
    if channels == 1:
        return [sum(of_colours) / len(of_colours)]
    return [of_colours[channel % len(of_colours)] for channel in range(channels)]


def _check_name(timm: Any, name: str) -> None:
    if not timm.is_model(name):
        names = timm.list_models()
        near = [f"'{each}'" for each in islice((n for n in names if name in n), SHOWN)]
        asked = f" Did you mean {' or '.join(near)}?" if near else did_you_mean(name, names)
        raise UnknownModelError(
            f"timm has no network '{name}'.{asked} See: doodlewise models list --timm PART_OF_NAME"
        )
    network, _, weights = name.partition(".")
    known = timm.models.get_arch_pretrained_cfgs(network)
    if weights and name not in known:
        tags = [f"{PREFIX}{each}" for each in sorted(known) if "." in each]
        raise UnknownModelError(
            f"timm has no weights '{weights}' of {network}. Choose"
            f" {', '.join(tags) or PREFIX + network}."
        )


def _begin_small(backbone: nn.Module) -> None:
    """Draw the last layer anew, as torch does.

    Some, such as MobileNets, draw it by the number of classes: of two classes the scores would be
    so far apart that the first losses are ten times those of guessing.
    """
    classifier = backbone.get_classifier()  # type: ignore[operator]
    for layer in classifier if isinstance(classifier, tuple) else (classifier,):
        if isinstance(layer, (nn.Linear, nn.Conv2d)):
            layer.reset_parameters()


def _check_patches(backbone: nn.Module, height: int, width: int) -> None:
    """A vision transformer would leave out the rows and columns that fill no whole patch."""
    patch = getattr(getattr(backbone, "patch_embed", None), "patch_size", None)
    if patch is None:
        return
    high, wide = (patch, patch) if isinstance(patch, int) else patch
    if height % high or width % wide:
        raise ValueError(f"it looks at whole patches of {high} x {wide} pixels")


def _stage_begins(backbone: nn.Module) -> dict[str, str]:
    """From each stage to its first layer: those of timm's own division of the weights.

    "stem", "stage1" and so on, and "head" for what comes after the last stage.
    """
    matcher = getattr(backbone, "group_matcher", None)
    if matcher is None:
        return {}
    from timm.models import group_parameters

    of_weight: dict[str, int] = group_parameters(backbone, matcher(coarse=True), reverse=True)
    last = max(of_weight.values(), default=0)
    begins: dict[str, str] = {}
    for path, layer in backbone.named_modules():
        inside = {of_weight[f"{path}.{name}"] for name, _ in layer.named_parameters() if path}
        if len(inside) == 1:
            (number,) = inside
            stage = "stem" if number == 0 else "head" if number == last else f"stage{number}"
            begins.setdefault(stage, f"backbone.{path}")
    return begins
