"""What rendering and batching cost a training step, and how much faster it is than a tutorial's.

    python benchmarks/feeding.py

Three ways train the same network on the same drawings, in turn, an epoch's beginning each round:

- *ours*: the package's own loop from a strokes store: drawings varied and drawn while the network
  learns, AdamW with running mean and clipping, the precision that "auto" chooses;
- *held*: the same loop on batches that were drawn before and are used again and again. What ours
  is slower than this is the cost of feeding; hoped for: less than 10 %;
- *tutorial*: a PNG file for each drawing, opened by Pillow in a torch Dataset, a DataLoader with
  two workers, float32, Adam, `loss.item()` in every step. Hoped for: ours is 4 times as fast. The
  files have just been written, so no disk is waited for.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from common import (
    DATA,
    in_turn,
    machine,
    median_and_spread,
    ratios,
    real_files,
    use_cores,
)
from doodlewise.data.batches import TrainingBatches, windows
from doodlewise.data.prepare import prepare
from doodlewise.data.store import Store
from doodlewise.heap import keep_freed_memory
from doodlewise.models.registry import create_model
from doodlewise.raster import RenderSpec
from doodlewise.raster_host import render_rows
from doodlewise.training.config import TrainConfig
from doodlewise.training.setup import make_fabric
from loop import Held, Steps, StopAfter, make_job


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of simplified ndjson")
    parser.add_argument("--words", type=int, default=345, help="how many, evenly from all")
    parser.add_argument("--model", default="quickdraw_cnn_v2")
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--steps", type=int, default=200, help="of each way in each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2, help="of the tutorial's DataLoader")
    arguments = parser.parse_args()
    torch.set_num_threads(use_cores(arguments.cores))
    files = real_files(arguments.data)
    files = files[:: max(1, len(files) // arguments.words)][: arguments.words]
    with tempfile.TemporaryDirectory(prefix="doodlewise-feeding-") as folder:
        prepare(files, Path(folder) / "store", jobs=1)
        store = Store(Path(folder) / "store")
        config = TrainConfig(
            store=str(store.folder),
            model=arguments.model,
            batch_size=arguments.batch_size,
            precision=arguments.precision,
            device="cpu",
            epochs=arguments.rounds + 1,
        )
        steps = min(arguments.steps, store.size("train") // config.batch_size)
        images = write_images(store, Path(folder) / "images", steps * config.batch_size)
        print(machine())
        print(f"{store!r}")
        print(
            f"{config.model}, batches of {config.batch_size}, {steps} steps a round,"
            f" {arguments.rounds} rounds; ours in {make_fabric(config)[1]['precision']}"
        )
        measure(config, store, images, steps, arguments)


def measure(
    config: TrainConfig,
    store: Store,
    images: list[tuple[Path, int]],
    steps: int,
    arguments: argparse.Namespace,
) -> None:
    # In a process of its own, because ours changes how its process keeps memory.
    tutorial = Apart(Tutorial, config, len(store.classes), images, arguments.workers)
    keep_freed_memory()
    rates = in_turn(
        {
            "ours": Steps(make_job(config, store, StopAfter(steps), TrainingBatches), steps),
            "held": Steps(make_job(config, store, StopAfter(steps), Held), steps),
            "tutorial": tutorial,
        },
        arguments.rounds,
    )
    tutorial.close()
    print(f"{'':10}{'drawings/s (least to most)':>34}")
    for name, values in rates.items():
        # The tutorial's way may be so slow that a whole number tells too little of it.
        form = ",.0f" if min(values) >= 1000 else ",.2f"
        print(f"{name:10}{median_and_spread(values, form):>34}")
    costs = [1 - share for share in ratios(rates["ours"], rates["held"])]
    print(f"cost of feeding, of a step: {median_and_spread(costs, '.1%')}")
    faster = ratios(rates["ours"], rates["tutorial"])
    print(f"ratio of ours to the tutorial: {median_and_spread(faster, '.1f')}")


class Apart:
    """A way that runs in a process of its own, one round at a time."""

    def __init__(self, way: type[Tutorial], *arguments: Any) -> None:
        context = get_context("spawn")
        self._connection, other = context.Pipe()
        threads = torch.get_num_threads()
        self._process = context.Process(target=_serve, args=(other, threads, way, *arguments))
        self._process.start()

    def __call__(self) -> float:
        self._connection.send(True)
        rate: float = self._connection.recv()
        return rate

    def close(self) -> None:
        self._connection.send(False)
        self._process.join()


def _serve(connection: Connection, threads: int, way: type[Tutorial], *arguments: Any) -> None:
    torch.set_num_threads(threads)
    run = way(*arguments)
    while connection.recv():
        connection.send(run())


def as_tutorials_write_it(network: nn.Module) -> nn.Sequential:
    """The same layers, the ReLU before each pooling: the same numbers, in the tutorials' order."""
    layers = list(network.children())
    for at in [at for at, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)]:
        layers[at], layers[at + 1] = layers[at + 1], layers[at]
    return nn.Sequential(*layers)


class Tutorial:
    """What this field's tutorials do: one pass over a folder of PNG files."""

    def __init__(
        self, config: TrainConfig, n_classes: int, images: list[tuple[Path, int]], workers: int
    ) -> None:
        self._network = as_tutorials_write_it(create_model(config.model, n_classes=n_classes))
        self._optimizer = torch.optim.Adam(self._network.parameters(), lr=1e-3)
        self._loader = DataLoader(
            Pictures(images),
            batch_size=config.batch_size,
            shuffle=True,
            num_workers=workers,
        )

    def __call__(self) -> float:
        self._network.train()
        started = time.perf_counter()
        total, seen = 0.0, 0
        for images, labels in self._loader:
            self._optimizer.zero_grad()
            loss = F.cross_entropy(self._network(images), labels)
            loss.backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()
            total += loss.item() * len(labels)
            seen += len(labels)
        return seen / (time.perf_counter() - started)


class Pictures(Dataset[tuple[torch.Tensor, int]]):
    """A picture file and its label for each row."""

    def __init__(self, images: list[tuple[Path, int]]) -> None:
        self._images = images

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        path, label = self._images[index]
        with Image.open(path) as image:
            pixels = torch.from_numpy(np.array(image))
        return pixels[None].to(torch.float32).div(255.0), label


def write_images(store: Store, folder: Path, n: int) -> list[tuple[Path, int]]:
    """The first n drawings of the training split as 28 x 28 PNG files, a folder for each word."""
    images: list[tuple[Path, int]] = []
    for word in store.classes:
        (folder / word).mkdir(parents=True)
    for rows in windows(store, "train"):
        assert rows.drawings is not None
        for row, pixels in enumerate(render_rows(rows.drawings, RenderSpec())[:, 0]):
            if len(images) == n:
                return images
            label = int(rows.labels[row])
            path = folder / store.classes[label] / f"{len(images)}.png"
            Image.fromarray(pixels).save(path)
            images.append((path, label))
    return images


if __name__ == "__main__":
    main()
