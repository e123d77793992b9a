"""Drawings a second with the store on the host and on the device, and what feeding a step costs.

    python benchmarks/devices.py

On a GPU if there is one, else on the CPU, where the device is the host's own memory and only shows
that it works: the compiled kernels of the host draw faster there. For every side in pixels:

- *host*: threads of the processor draw and vary, as `--cache host` does;
- *device*: the store is on the device, which draws and varies itself, as `--cache device` does;
- *held*: batches that were made before and are used again and again: nothing is drawn.

First the batches alone, made and brought to the device; then whole steps of training. What a step
with host or device takes longer than one with held batches is the share that is not the network.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from common import DATA, in_turn, machine, median_and_spread, ratios, real_files
from doodlewise.data.batches import TrainingBatches
from doodlewise.data.device_batches import DeviceBatches
from doodlewise.data.device_split import bytes_held
from doodlewise.data.prepare import prepare
from doodlewise.data.store import Store
from doodlewise.heap import keep_freed_memory
from doodlewise.raster import RenderSpec
from doodlewise.training.config import TrainConfig
from doodlewise.training.fit import Job
from doodlewise.training.setup import make_fabric
from loop import Held, Steps, StopAfter, make_job


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of simplified ndjson")
    parser.add_argument("--words", type=int, default=345, help="how many, evenly from all")
    parser.add_argument("--model", default="convnet_small")
    parser.add_argument("--sides", type=int, nargs="+", default=[28, 64])
    parser.add_argument("--batch-size", type=int, default=1024)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--steps", type=int, default=100, help="of each way in each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    files = real_files(arguments.data)
    files = files[:: max(1, len(files) // arguments.words)][: arguments.words]
    with tempfile.TemporaryDirectory(prefix="doodlewise-devices-") as folder:
        prepare(files, Path(folder) / "store", jobs=1)
        store = Store(Path(folder) / "store")
        config = TrainConfig(
            store=str(store.folder),
            model=arguments.model,
            batch_size=arguments.batch_size,
            precision=arguments.precision,
            device=arguments.device,
            epochs=arguments.rounds + 1,
        )
        fabric, reasons = make_fabric(config)
        steps = min(arguments.steps, store.size("train") // config.batch_size)
        print(machine())
        print(f"device: {reasons['device']}, {reasons['precision']}")
        print(f"{store!r}")
        print(f"on the device it takes {bytes_held(store, 'train', 'images') / 2**20:,.1f} MiB")
        print(
            f"{config.model}, batches of {config.batch_size}, {steps} steps a round,"
            f" {arguments.rounds} rounds"
        )
        print(f"{'':28}{'drawings/s (least to most)':>34}")
        if fabric.device.type == "cpu":
            keep_freed_memory()
        for side in arguments.sides:
            sided = replace(config, render=RenderSpec(side=side))
            faster = measure(sided, store, fabric.device, steps, arguments.rounds)
        print(f"ratio of device to host, whole steps at {side} pixels: {faster}")


def measure(
    config: TrainConfig, store: Store, device: torch.device, steps: int, rounds: int
) -> str:
    """Print the rates at one side; how much faster steps are with the store on the device."""
    side = config.render.side
    # As `training.cache` has it.
    drawing = 1 if device.type == "cpu" else 8
    kinds: dict[str, Callable[..., TrainingBatches]] = {
        "host": partial(_on_host, TrainingBatches, drawing),
        "device": partial(_on_device, device),
        "held": partial(_on_host, partial(Held, device=device), drawing),
    }
    jobs = {name: make_job(config, store, StopAfter(steps), make) for name, make in kinds.items()}
    made = in_turn(
        {f"{name} batches": Batches(jobs[name], steps) for name in ("host", "device")}, rounds
    )
    trained = in_turn({f"{name} steps": Steps(job, steps) for name, job in jobs.items()}, rounds)
    for name, values in (made | trained).items():
        print(f"{side:4} pixels, {name:15}{median_and_spread(values):>34}")
    for name in ("host", "device"):
        shares = [1 - each for each in ratios(trained[f"{name} steps"], trained["held steps"])]
        print(f"{side:4} pixels, not the network, {name}: {median_and_spread(shares, '.1%')}")
    return median_and_spread(ratios(trained["device steps"], trained["host steps"]), ".2f")


def _on_host(make: Callable[..., TrainingBatches], drawing: int, *what: Any, **how: Any) -> Any:
    return make(*what, **{**how, "threads": drawing})


def _on_device(device: torch.device, *what: Any, **how: Any) -> DeviceBatches:
    return DeviceBatches(*what, device, **how)


class Batches:
    """Batches, brought to the device, and nothing else: of another epoch in each round."""

    def __init__(self, job: Job, steps: int) -> None:
        self._job, self._steps = job, steps
        self._round = 0

    def __call__(self) -> float:
        device = self._job.fabric.device
        started = time.perf_counter()
        for batch in islice(self._job.batches.epoch(self._round), self._steps):
            batch.inputs.to(device, non_blocking=True)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        self._round += 1
        return self._steps * self._job.config.batch_size / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
