"""doodlewise models show"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ConfigError
from ._output import JsonFlag, VerboseFlag, output

if TYPE_CHECKING:
    from torch import nn

    from ..models.registry import ImageShape

__all__ = ["show_network"]


def show_network(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A network, such as convnet_tiny or timm:resnet18; or a run."
        ),
    ],
    classes: Annotated[int, typer.Option(help="How many it is to tell apart.", min=2)] = 345,
    side: Annotated[
        int | None,
        typer.Option(help="Pixels of an image's side; those it is made for if not given.", min=1),
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="Write a picture of it, too: an .svg or a .png.")
    ] = None,
    json: JsonFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Show a network: its layers, shapes and parameters, and a picture of them."""
    if to is not None and to.suffix.lower() not in (".svg", ".png"):
        raise ConfigError(f"--to {to} is neither an .svg nor a .png. Give it one of these endings.")
    from ..models.inputs import takes_of
    from ..models.stages import stages_of
    from ..training.summary import layer_rows, summarise

    title, network, image_shape = _network(name, classes, side)
    if output.is_json:
        counts = [(weight.numel(), weight.requires_grad) for weight in network.parameters()]
        names = ("layer", "kind", "output", "parameters")
        rows = [dict(zip(names, row, strict=True)) for row in layer_rows(network, image_shape)]
        output.json(
            {
                "model": title,
                "takes": takes_of(network),
                "input": list(image_shape),
                "parameters": sum(n for n, _ in counts),
                "stages": stages_of(network),
                "layers": [
                    row | {"parameters": int(row["parameters"].replace(",", ""))} for row in rows
                ],
                "picture": None if to is None else str(to),
            }
        )
    else:
        output.text(summarise(network, title, image_shape).rstrip())
        stages = stages_of(network)
        if stages:
            output.text(f"stages: {', '.join(stages)}")
    if to is not None:
        _write(to, network, title, image_shape)
        output.say(f"Picture: {to}")
    elif not output.is_json:
        output.say(f"A picture of it: doodlewise models show {name} --to network.svg")


def _network(name: str, classes: int, side: int | None) -> tuple[str, nn.Module, ImageShape]:
    """By its name, or of a run."""
    from ..models.bundle import find_bundle, load_bundle
    from ..models.registry import create_model, usual_shape

    if "/" in name or Path(name).is_dir():
        network, info = load_bundle(find_bundle(Path(name)))
        return info.model, network, info.image_shape
    channels, height, width = usual_shape(name)
    shape = (channels, side or height, side or width)
    return name, create_model(name, n_classes=classes, image_shape=shape), shape


def _write(to: Path, network: nn.Module, title: str, image_shape: ImageShape) -> None:
    from ..files import explain_os_errors, replacing
    from ..training.diagram import picture_of, to_png, to_svg

    picture = picture_of(network, title, image_shape)
    is_svg = to.suffix.lower() == ".svg"
    content = to_svg(picture).encode() if is_svg else to_png(picture)
    with explain_os_errors(f"writing {to}", "Name another file with --to"):
        to.parent.mkdir(parents=True, exist_ok=True)
        with replacing(to) as temporary:
            temporary.write_bytes(content)
