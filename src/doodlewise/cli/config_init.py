"""doodlewise config init"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigError
from ._output import JsonFlag, QuietFlag, VerboseFlag, output
from .config_show import ConfigFile, Settings, values_of

__all__ = ["init"]


def init(
    store: Annotated[Path | None, typer.Argument(help="Folder of the store to learn from.")] = None,
    to: Annotated[Path, typer.Option(help="File to write.")] = Path("train.yaml"),
    config: ConfigFile = None,
    settings: Settings = None,
    exist_ok: Annotated[
        bool, typer.Option("--exist-ok", help="Write over a file that is there.")
    ] = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
    verbose: VerboseFlag = False,
) -> None:
    """Write a YAML file with all settings, and what each is, to change and to train with."""
    from ..files import explain_os_errors, write_text
    from ..training.config_file import commented

    values = values_of(config, settings or [])
    if store is not None:
        values["store"] = str(store)
    if to.exists() and not exist_ok:
        raise ConfigError(f"There already is a file {to}. Choose another --to, or add --exist-ok.")
    with explain_os_errors(f"writing {to}", "Choose another path with --to"):
        write_text(to, commented(values, to.name))
    if output.is_json:
        output.json({"file": str(to), "settings": len(values)})
    else:
        output.text(f"{to}: {len(values)} settings")
    output.say("Next:")
    output.say(f"  doodlewise config validate {to}")
    output.say(f"  doodlewise train {'' if values['store'] else 'STORE '}--config {to}")
