"""doodlewise models list"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from ._output import JsonFlag, VerboseFlag, output

__all__ = ["list_networks"]


def list_networks(
    timm: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help="The networks of timm that match instead: a part of a name, or 'resnet*'.",
        ),
    ] = None,
    json: JsonFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """List the networks that can be trained."""
    if timm is not None:
        _list_timm(timm)
        return
    from ..models.registry import (
        count_parameters,
        create_model,
        describe_models,
        takes_by_name,
        usual_shape,
    )

    rows: list[dict[str, Any]] = [
        {
            "model": name,
            "takes": takes_by_name(name),
            "input": list(usual_shape(name)),
            "parameters": count_parameters(create_model(name, n_classes=345)),
            "about": about,
        }
        for name, about in describe_models().items()
    ]
    if output.is_json:
        output.json(rows)
        return
    output.table(
        ["network", "made for", "parameters", "about"],
        [
            [
                row["model"],
                _spell(row["takes"], *row["input"]),
                f"{row['parameters']:,}",
                row["about"],
            ]
            for row in rows
        ],
    )
    output.say(
        "Parameters are for 345 classes. More than a thousand others come from timm, as timm:NAME"
        " (pip install 'doodlewise[timm]'): doodlewise models list --timm mobilenet"
    )
    output.say("Next: doodlewise models show NAME, or doodlewise train STORE --model NAME")


def _list_timm(pattern: str) -> None:
    from ..models.timm_backbone import list_timm

    offered = list_timm(pattern)
    if output.is_json:
        output.json([asdict(each) for each in offered])
        return
    output.table(
        ["network", "pixels", "weights of its authors"],
        [
            [
                each.name,
                str(each.shape[1]),
                f"{len(each.weights)} ({each.licence})" if each.weights else "none",
            ]
            for each in offered
        ],
    )
    output.say(
        "Names of the weights: --json. Next: doodlewise train STORE --model NAME --pretrained"
    )


def _spell(takes: str, channels: int, height: int, width: int) -> str:
    images = f"{width} x {height}{' colour' if channels == 3 else ''}"
    return {"images": images, "strokes": "strokes", "both": f"{images}, strokes"}[takes]
