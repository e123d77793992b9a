"""What a person sees when something goes wrong, and what the shell gets."""

from __future__ import annotations

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
    if output.is_verbose:
        traceback.print_exception(error)
    if isinstance(error, KeyboardInterrupt):
        sys.stderr.write("Stopped.\n")
        return INTERRUPTED
    if isinstance(error, BrokenPipeError):
        return RUN_ERROR
    if isinstance(error, Interrupted):
        sys.stderr.write(f"{error}\n")
        return INTERRUPTED
    if isinstance(error, DoodlewiseError):
        sys.stderr.write(f"Error: {error}\n")
        return USAGE_ERROR if isinstance(error, ConfigError) else RUN_ERROR
    if not output.is_verbose:
        traceback.print_exception(error)
    sys.stderr.write(
        "This is a bug in Doodlewise. Please report it with the lines above and the output of:"
        " doodlewise env\n"
    )
    return RUN_ERROR
