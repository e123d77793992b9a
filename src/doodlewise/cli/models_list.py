"""doodlewise models list"""

from __future__ import annotations

from ._output import JsonFlag, VerboseFlag, output

__all__ = ["list_networks"]


def list_networks(json: JsonFlag = False, verbose: VerboseFlag = False) -> None:
    """List the networks that can be trained."""
    from ..models.registry import count_parameters, create_model, describe_models

    rows = [
        {
            "model": name,
            "parameters": count_parameters(create_model(name, n_classes=345)),
            "about": about,
        }
        for name, about in describe_models().items()
    ]
    if output.is_json:
        output.json(rows)
        return
    output.table(
        ["network", "parameters", "about"],
        [[str(row["model"]), f"{row['parameters']:,}", str(row["about"])] for row in rows],
    )
    output.say("Parameters are for 345 classes. Next: doodlewise train STORE --model NAME")
