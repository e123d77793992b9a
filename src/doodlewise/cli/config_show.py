"""doodlewise config show"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ..training.config import TrainConfig, all_defaults, all_settings
from ._output import JsonFlag, VerboseFlag, output
from .train import asked_for

__all__ = ["ConfigFile", "Settings", "show", "values_of"]

ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="YAML file with settings, or the folder of a run.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="Any setting: --set optim.ema=0.99", metavar="KEY=VALUE"),
]


def show(
    config: ConfigFile = None,
    settings: Settings = None,
    changed: Annotated[
        bool, typer.Option("--changed", help="Only settings that are not as usual.")
    ] = False,
    json: JsonFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Show all settings: what each is, where that comes from, and what it means.

    They are those of `train` with the same --config and --set.
    """
    from ..training.runs.spell import written

    values = values_of(config, settings or [])
    usual, sources = all_defaults(), _sources(config, settings or [])
    rows = [
        {
            "setting": name,
            "value": values[name],
            "usual": usual.get(name),
            "from": sources.get(name, "usual"),
            "help": part.metadata["help"],
            "flag": part.metadata.get("flag"),
        }
        for name, part in all_settings().items()
        if not changed or values[name] != usual.get(name, "")
    ]
    if output.is_json:
        output.json(rows)
        return
    output.table(
        ["setting", "value", "from", "what it is"],
        [[row["setting"], written(row["value"]) or "–", row["from"], _help(row)] for row in rows],
        is_wide=True,
    )
    output.say("Write them into a file: doodlewise config init --to train.yaml")


def values_of(config: Path | None, settings: list[str]) -> dict[str, Any]:
    """The value of every setting, by its dotted name, with what was asked for; no store is empty.

    Raises:
        ConfigError: something that was asked for is impossible.
    """
    asked = asked_for(config, {}, settings, None)
    store = str(asked.pop("store", ""))
    resolved = TrainConfig(store=store or "-").with_values(asked).to_dict()
    return _flat({**resolved, "store": store})


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= (
            _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
        )
    return found


def _sources(config: Path | None, settings: list[str]) -> dict[str, str]:
    """Where each setting comes from that was given."""
    from ..training.config_file import lines_of

    found = {}
    if config is not None:
        file = config / "config.yaml" if config.is_dir() else config
        found = {name: f"{file.name}:{line}" for name, line in lines_of(config).items()}
        found.pop("name", None)
    return found | dict.fromkeys((each.partition("=")[0].strip() for each in settings), "--set")


def _help(row: Mapping[str, Any]) -> str:
    return f"{row['help']} ({row['flag']})" if row["flag"] else str(row["help"])
