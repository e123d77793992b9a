"""What it takes to get the same numbers again: what is written down, and what can be asked for."""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric

from ..data.store import MANIFEST, Store

__all__ = ["command", "how_to_repeat", "repeatable_arithmetic"]

HINTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "CUBLAS_WORKSPACE_CONFIG")
"""Environment variables that change how numbers are added up."""


def command() -> str:
    """The command that is running, as it can be given again."""
    program, *arguments = sys.argv or [""]
    name = Path(program).name
    name = "python -m doodlewise" if name == "__main__.py" else name
    return shlex.join([*name.split(), *arguments])


def how_to_repeat(fabric: Fabric, store: Store, given: str) -> dict[str, Any]:
    """What the numbers of a run depend on, beside its settings, versions and machine.

    Args:
        fabric: of the run.
        store: that it learns from.
        given: the command, where it was given.
    """
    manifest = (store.folder / MANIFEST).read_bytes()
    return {
        "command": given,
        "processes": fabric.world_size,
        "threads": torch.get_num_threads(),
        "variables": {name: os.environ[name] for name in HINTS if name in os.environ},
        "store": {
            "folder": str(store.folder.resolve()),
            "manifest_sha256": hashlib.sha256(manifest).hexdigest(),
        },
        "commit": _commit(),
    }


@contextmanager
def repeatable_arithmetic(is_wanted: bool, device: torch.device) -> Iterator[None]:
    """While open, a GPU adds in the same order every time, as processors do anyway.

    Where it knows no such way, torch warns, and goes on.
    """
    if not is_wanted or device.type != "cuda":
        yield
        return
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    # Of cuBLAS, which reads it when it is first used.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])


def _commit() -> str:
    """Of the Doodlewise that is running, when it runs from a checkout; else empty."""
    here = Path(__file__).parent
    if not any((folder / ".git").exists() for folder in here.parents):
        return ""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty"],
            cwd=here,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
