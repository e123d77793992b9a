"""Run as a program: trains in two processes, and prints what came home as a line of JSON."""

from __future__ import annotations

import json
import sys
import time
import warnings
from typing import Any

from doodlewise.errors import Interrupted
from doodlewise.training.fit import Position
from doodlewise.training.record import SilentReporter
from doodlewise.training.setup import TrainedRun, train


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


if __name__ == "__main__":
    warnings.simplefilter("error")
    name, *places = sys.argv[1:]
    reporter = Waiting if name == "stopped" else SilentReporter
    found: dict[str, Any]
    try:
        trained = run(*places, name=name, reporter=reporter)
        found = {"rows": trained.rows, "n": trained.result.n, "loss": trained.result.loss}
    except Interrupted as stop:
        found = {"said": str(stop)}
    sys.stdout.write(json.dumps(found) + "\n")
