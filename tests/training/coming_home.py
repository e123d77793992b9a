"""Run as a program: what happens in two processes, and comes home as a line of JSON each.

Apart from `two_processes`, because these processes need not load what training needs.
"""

from __future__ import annotations

import json
import os
import sys

from lightning_fabric import Fabric

from doodlewise.errors import DataError, DoodlewiseError
from doodlewise.training.processes import launch


def large(_fabric: Fabric) -> str:
    """More than fits into a pipe that nobody reads."""
    return "a" * 1_000_000


def fail_in_the_second(fabric: Fabric) -> None:
    """The first process waits for the second, which has failed."""
    if fabric.global_rank == 1:
        raise DataError("The disk of the second process is full. Free some space.")
    fabric.barrier()


def die_in_the_second(fabric: Fabric) -> None:
    if fabric.global_rank == 1:
        os._exit(9)
    fabric.barrier()


if __name__ == "__main__":
    for function in (large, fail_in_the_second, die_in_the_second):
        found: object
        try:
            found = launch(Fabric(accelerator="cpu", devices=2, strategy="ddp_spawn"), function)
        except DoodlewiseError as error:
            found = {"kind": type(error).__name__, "said": str(error)}
        sys.stdout.write(json.dumps(found) + "\n")
