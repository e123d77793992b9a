"""An environment with timm in it, made once and kept inside of the one that runs the tests.

timm needs torchvision, of which there is no build for CPUs on PyPI: the ordinary one lacks the
library of its operators, and fails when it is imported. Two of them are defined here, by name only,
before that happens. None of this is in the package, nor in the environment around.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import sysconfig
import venv
from importlib.metadata import version
from pathlib import Path

import pytest

FOLDER = Path(sys.prefix) / "timm"

OPERATORS = '''
"""Defines operators of torchvision that its build on PyPI looks for on a CPU."""
import os, sys

class Before:
    def find_spec(self, name, path=None, target=None):
        if name == "torchvision" and not os.environ.get("BROKEN_TORCHVISION"):
            sys.meta_path.remove(self)
            import torch
            self.kept = torch.library.Library("torchvision", "DEF")
            for each in ("nms", "qnms"):
                self.kept.define(each + "(Tensor dets, Tensor scores, float iou) -> Tensor")
            sys.operators_of_torchvision = self

sys.meta_path.insert(0, Before())
'''

UNREACHABLE = ("Retrying (", "NewConnectionError", "NameResolutionError", "Connection refused")


def environment_with_timm() -> Path:
    """The folder with its `python` and `doodlewise`.

    Skips the test where PyPI cannot be reached, and the environment has not been made before.
    """
    torch = version("torch")
    done = FOLDER / f"made-for-torch-{torch}"
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        # Tests of two workers may come here at the same time.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            _make(torch)
            done.touch()
    return FOLDER / "bin"


def _make(torch: str) -> None:
    venv.create(FOLDER, clear=False, with_pip=False)
    packages = Path(
        sysconfig.get_path("purelib", vars={"base": str(FOLDER), "platbase": str(FOLDER)})
    )
    around = sysconfig.get_path("purelib")
    (packages / "around.pth").write_text(f"import site; site.addsitedir({around!r})\n")
    (packages / "sitecustomize.py").write_text(OPERATORS)
    (FOLDER / "constraints.txt").write_text(f"torch=={torch}\n")
    # torch 2.6 and torchvision 0.21 belong together, and so on.
    minor = int(torch.split(".")[1]) + 15
    installed = subprocess.run(
        [
            sys.executable, "-m", "pip", "--python", str(FOLDER / "bin" / "python"), "install",
            "--quiet", "--retries", "1", "--constraint", str(FOLDER / "constraints.txt"),
            "timm>=1.0.20", f"torchvision==0.{minor}.*",
        ],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    if installed.returncode and any(sign in installed.stderr for sign in UNREACHABLE):
        pytest.skip("timm is not here, and PyPI cannot be reached")
    assert installed.returncode == 0, installed.stderr
    command = FOLDER / "bin" / "doodlewise"
    command.write_text(f'#!/bin/sh\nexec "{FOLDER}/bin/python" -m doodlewise "$@"\n')
    command.chmod(0o755)


def run_with_timm(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run its Python."""
    return subprocess.run(
        [environment_with_timm() / "python", *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "2", "HF_HUB_OFFLINE": "1", **variables},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
