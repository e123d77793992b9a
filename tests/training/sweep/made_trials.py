"""A worker of a sweep that learns nothing and is done at once; `pool.work` is replaced by it.

What becomes of a trial follows from its learning rate: below 1 it learns, at 1 and above see
`work`.
"""

from __future__ import annotations

import csv
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from doodlewise.training.sweep.results import SweepResult
from doodlewise.training.sweep.worker import Ended, EpochDone, StepsDone

Sweep = Callable[..., SweepResult]

DIVERGES, KILLED, NO_MEMORY, SLOW, BREAKS = 1.0, 2.0, 3.0, 4.0, 5.0


def work(connection: Connection, threads: int) -> None:
    """As `worker.work`; a setting's top-1 is higher the nearer its learning rate is to 0.01."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            values = connection.recv()
        except EOFError:
            return
        if values is None:
            return
        connection.send(_train(connection, values, threads))


def _train(connection: Connection, values: dict[str, Any], threads: int) -> Ended:
    lr = values.get("optim.lr", values["optim"]["lr"]) or 0.004
    epochs = values.get("epochs")
    run = Path(values["runs"]) / values["name"]
    run.mkdir(parents=True, exist_ok=True)
    (run / "threads").write_text(f"{threads} {os.environ['OMP_NUM_THREADS']}")
    if lr == DIVERGES:
        return Ended("diverged", "The loss is not a number any more. Use a lower --lr.")
    if lr == KILLED:
        os.kill(os.getpid(), signal.SIGKILL)
    if lr == NO_MEMORY:
        return Ended("memory", "A batch of 64 drawings does not fit into memory. Try 32.")
    if lr == BREAKS:
        return Ended("failed", "ValueError: no idea. See error.txt.")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    rows: list[dict[str, Any]] = []
    try:
        for epoch in range(1, epochs + 1):
            connection.send(StepsDone(epoch - 1, 0.5, 1000.0))
            while lr == SLOW and not stop.wait(0.01):
                pass
            if stop.is_set():
                return Ended("interrupted")
            rows.append(_row(epoch, lr, values["seed"]))
            with (run / "metrics.csv").open("w", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
            connection.send(EpochDone(rows[-1]))
            if not connection.recv():
                return Ended("pruned", f"ended after epoch {epoch}: below the median")
            time.sleep(0.002)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return Ended("done")


def _row(epoch: int, lr: float, seed: int) -> dict[str, Any]:
    top1 = 0.8 - min(abs(lr - 0.01) * 10, 0.7) + 0.01 * seed + 0.01 * epoch
    return {
        "epoch": epoch,
        "lr": lr,
        "train_loss": 1.0 / epoch,
        "train_top1": top1 + 0.05,
        "val_loss": 1.2 / epoch,
        "val_top1": round(top1, 5),
        "val_top5": 0.95,
        "train_s": 1.0,
        "val_s": 0.5,
        "drawings_per_s": 1000.0,
    }
