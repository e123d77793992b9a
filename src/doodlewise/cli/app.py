"""The table of commands."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from ..version import __version__
from ._errors import INTERRUPTED, USAGE_ERROR, report_error
from ._output import output
from .benchmark import benchmark
from .config_init import init
from .config_show import show as show_config
from .config_validate import validate
from .data_download import download
from .data_export import export
from .data_list import list_data
from .data_prepare import prepare
from .data_show import show
from .data_stats import stats
from .data_synthetic import synthetic
from .doctor import doctor
from .env import env
from .evaluate import evaluate
from .explore import explore
from .export import export as export_model
from .find_lr import find_lr
from .finetune import finetune
from .models_list import list_networks
from .models_show import show_network
from .predict import predict
from .runs_compare import compare
from .runs_list import list_runs
from .runs_path import path as path_of_run
from .runs_show import show as show_run
from .serve import serve
from .submission import submission
from .sweep import sweep
from .teach import teach
from .train import train

__all__ = ["app", "main"]

app = typer.Typer(
    name="doodlewise",
    help="Learns to recognise doodles, and puts the result to use.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
data = typer.Typer(help="Get drawings, and make stores of them.", no_args_is_help=True)
config = typer.Typer(help="Files with settings of a training.", no_args_is_help=True)
runs = typer.Typer(help="Look at training runs, and compare them.", no_args_is_help=True)
models = typer.Typer(help="What networks there are.", no_args_is_help=True)

app.add_typer(data, name="data")
app.command("explore")(explore)
app.command("train")(train)
app.command("finetune")(finetune)
app.command("find-lr")(find_lr)
app.command("sweep")(sweep)
app.add_typer(config, name="config")
app.add_typer(runs, name="runs")
app.command("eval")(evaluate)
app.command("predict")(predict)
app.command("doctor")(doctor)
app.command("serve")(serve)
app.command("submission")(submission)
app.command("export")(export_model)
app.command("teach")(teach)
app.command("benchmark")(benchmark)
app.add_typer(models, name="models")
app.command("env")(env)
data.command("prepare")(prepare)
data.command("stats")(stats)
data.command("list")(list_data)
data.command("show")(show)
data.command("export")(export)
data.command("download")(download)
data.command("synthetic")(synthetic)
config.command("show")(show_config)
config.command("init")(init)
config.command("validate")(validate)
runs.command("list")(list_runs)
runs.command("show")(show_run)
runs.command("compare")(compare)
runs.command("path")(path_of_run)
models.command("list")(list_networks)
models.command("show")(show_network)


# Newer versions of typer carry their own click, older ones use the installed one.
UsageProblem: Any = typer.BadParameter.__mro__[2]


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"doodlewise {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    pass


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit with its status: 0, 1 for a failure, 2 for wrong usage."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run a command; its exit status."""
    output.reset()
    try:
        status = app(arguments, standalone_mode=False, prog_name="doodlewise")
    except UsageProblem as error:
        error.show()
        return USAGE_ERROR
    except (typer.Abort, KeyboardInterrupt):
        return report_error(KeyboardInterrupt())
    except Exception as error:  # everything that can come out of a command ends here
        return report_error(error)
    # So Typer ends a command at Ctrl-C, without a word.
    if status == INTERRUPTED:
        return report_error(KeyboardInterrupt())
    return status if isinstance(status, int) else 0
