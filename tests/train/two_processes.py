"""Run as a program: trains in two processes, and prints what came home as a line of JSON."""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from typing import Any

from lightning_fabric import Fabric

from doodlewise.errors import DataError, DoodlewiseError
from doodlewise.train.fit import Position
from doodlewise.train.processes import launch
from doodlewise.train.record import SilentReporter
from doodlewise.train.setup import TrainedRun, train


class Waiting(SilentReporter):
    """Says when the first epoch is over, and gives time to disturb."""

    def epoch(self, position: Position, is_best: bool) -> None:
        sys.stdout.write(f"epoch {position.epoch} is over\n")
        sys.stdout.flush()
        time.sleep(2.0)


def run(store: str, runs: str, **settings: Any) -> TrainedRun:
    return train(
        store=store, runs=runs, model="quickdraw_cnn_v1", epochs=3, batch_size=16,
        device="cpu", precision="32-true", devices=2, **settings,
    )  # fmt: skip


def large(_fabric: Fabric) -> bytes:
    """More than fits into a pipe that nobody reads."""
    return bytes(1_000_000)


def fail_in_the_second(fabric: Fabric) -> None:
    """The first process waits for the second, which has failed."""
    if fabric.global_rank == 1:
        raise DataError("The disk of the second process is full. Free some space.")
    fabric.barrier()


def die_in_the_second(fabric: Fabric) -> None:
    if fabric.global_rank == 1:
        os._exit(9)
    fabric.barrier()


def main(what: str, *args: str) -> Any:
    """What came home."""
    if what == "train":
        trained = run(*args, name="two")
        return {"rows": trained.rows, "n": trained.result.n, "loss": trained.result.loss}
    if what == "stop":
        return str(run(*args, name="stopped", reporter=Waiting))
    fabric = Fabric(accelerator="cpu", devices=2, strategy="ddp_spawn")
    if what == "large":
        return len(launch(fabric, large))
    return launch(fabric, {"fail": fail_in_the_second, "die": die_in_the_second}[what])


if __name__ == "__main__":
    warnings.simplefilter("error")
    command, *rest = sys.argv[1:]
    for each in command.split("+"):
        try:
            found = main(each, *rest)
        except DoodlewiseError as error:
            found = {"kind": type(error).__name__, "said": str(error)}
        sys.stdout.write(json.dumps(found) + "\n")
