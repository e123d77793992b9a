"""Where training stands, on disk: enough to go on as if nothing had happened.

A checkpoint holds tensors and plain values only, and is read without unpickling anything else.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from ..errors import BundleError
from ..files import explain_os_errors, replacing

__all__ = ["load_checkpoint", "save_checkpoint"]

VERSION = 1


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint; the one before stays until this one is whole.

    Raises:
        DataError: the disk is full, or there is no permission.
    """
    advice = "The checkpoint before is untouched; `--resume last` goes on from there"
    with (
        explain_os_errors(f"saving {path}", advice),
        replacing(path) as temporary,
        # Given a path, torch reports a full disk as a fault of its own.
        temporary.open("wb") as stream,
    ):
        torch.save({"version": VERSION, **state}, stream)


def load_checkpoint(path: Path, *, model: str, classes: list[str]) -> dict[str, Any]:
    """Read a checkpoint of this network for these classes.

    Raises:
        BundleError: no checkpoint, a damaged one, or one of another network or other classes.
    """
    if not path.exists():
        raise BundleError(f"There is no checkpoint {path}. Start without --resume.")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise BundleError(f"{path} is damaged ({error}). Start without --resume.") from error
    if not isinstance(state, dict) or not {"version", "model", "classes"} <= state.keys():
        raise BundleError(f"{path} is no checkpoint of Doodlewise. Start without --resume.")
    version = state["version"]
    if version != VERSION:
        raise BundleError(
            f"{path} is of version {version}; this Doodlewise reads version {VERSION}."
            " Start without --resume."
        )
    if state["model"] != model:
        raise BundleError(
            f"{path} belongs to the network {state['model']}, not to {model}. Resume with --model"
            f" {state['model']}, or start a run under another --name."
        )
    if state["classes"] != classes:
        raise BundleError(
            f"{path} was trained on {len(state['classes'])} other classes than the"
            f" {len(classes)} of this store. Resume with the store it began with."
        )
    return state
