"""What a person sees when something goes wrong, and what the shell gets."""

from __future__ import annotations

import os
import sys
import traceback

from ..errors import ConfigError, DoodlewiseError, Interrupted, MissingExtraError
from ._output import output

__all__ = ["INTERRUPTED", "RUN_ERROR", "USAGE_ERROR", "report_error"]

RUN_ERROR, USAGE_ERROR, INTERRUPTED = 1, 2, 130

_EXTRA_OF = {
    "lightning_fabric": "train",
    "matplotlib": "train",
    "numba": "train",
    "pyarrow": "train",
    "safetensors": "train",
    "torch": "train",
}


def report_error(error: BaseException) -> int:
    """Say what happened on stderr; the exit status.

    Args:
        error: anything that came out of a command.
    """
    if isinstance(error, ModuleNotFoundError):
        package = (error.name or "").split(".")[0]
        if package in _EXTRA_OF:
            error = MissingExtraError(package, _EXTRA_OF[package])
    if _is_said_elsewhere(error):
        return _status_of(error)
    if output.is_verbose:
        traceback.print_exception(error)
    if isinstance(error, KeyboardInterrupt):
        sys.stderr.write("Stopped.\n")
    elif isinstance(error, Interrupted):
        sys.stderr.write(f"{error}\n")
    elif isinstance(error, DoodlewiseError):
        sys.stderr.write(f"Error: {error}\n")
    elif not isinstance(error, BrokenPipeError):
        if not output.is_verbose:
            traceback.print_exception(error)
        sys.stderr.write(
            "This is a bug in Doodlewise. Please report it with the lines above and the output of:"
            " doodlewise env\n"
        )
    return _status_of(error)


def _status_of(error: BaseException) -> int:
    if isinstance(error, (KeyboardInterrupt, Interrupted)):
        return INTERRUPTED
    return USAGE_ERROR if isinstance(error, ConfigError) else RUN_ERROR


def _is_said_elsewhere(error: BaseException) -> bool:
    """Whether another process says it: torchrun runs the same command in many."""
    if "RANK" not in os.environ:
        return False
    from ..training.world import speaks

    return not speaks(error)
