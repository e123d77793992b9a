"""doodlewise models list"""

from __future__ import annotations

from typing import Any

from ._output import JsonFlag, VerboseFlag, output

__all__ = ["list_networks"]


def list_networks(json: JsonFlag = False, verbose: VerboseFlag = False) -> None:
    """List the networks that can be trained."""
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
    output.say("Parameters are for 345 classes. Next: doodlewise train STORE --model NAME")


def _spell(takes: str, channels: int, height: int, width: int) -> str:
    images = f"{width} x {height}{' colour' if channels == 3 else ''}"
    return {"images": images, "strokes": "strokes", "both": f"{images}, strokes"}[takes]
