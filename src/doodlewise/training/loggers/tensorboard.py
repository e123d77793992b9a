"""TensorBoard: curves, pictures of wrong guesses, the network as a graph, the settings.

    tb/events.out.tfevents...

Tags of epochs have the epoch as their step, tags under `step/` the steps of the whole run. A run
that goes on first forgets what lies after its checkpoint: the events are written anew without it,
so that no reader meets a point twice.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from PIL import Image
from torch import nn

from ...errors import MissingExtraError
from ...evaluation.result import EvalResult
from ...models.inputs import Inputs, Strokes, scores
from ..fit import Position
from .logger import Scene

try:
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
    from torch.utils.tensorboard import SummaryWriter
except ImportError:
    raise MissingExtraError("tensorboard", "train") from None

__all__ = ["TensorBoardLogger"]

STEPS = "step/"
"""Beginning of the tags whose steps are steps of the run, not epochs."""
CURVES = {
    "loss/train": "train_loss",
    "loss/val": "val_loss",
    "top1/train": "train_top1",
    "top1/val": "val_top1",
    "top3/val": "val_top3",
    "top5/val": "val_top5",
    "learning rate": "lr",
    "speed/drawings a second": "drawings_per_s",
    "speed/waiting for data, s": "data_wait_s",
    "memory/peak, MB": "peak_mb",
    "memory/GPU peak, MB": "device_mb",
}
"""Tags of epochs, and the columns of metrics.csv that they show."""


class TensorBoardLogger:
    """Writes tb/ of a run."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._folder = scene.run.tensorboard
        self._writer: Any = None
        self._loss, self._seen = 0.0, 0

    def begin(self, position: Position) -> None:
        self._loss, self._seen = position.loss, position.seen
        before = sorted(self._folder.glob("events.*"))
        there = set()
        if before:
            kept = list(self._kept(before, position))
            # A start at step 0 tells a TensorBoard that is open to forget what it knew.
            self._writer = SummaryWriter(self._folder, purge_step=0, filename_suffix=".resumed")
            for event in kept:
                there |= {(value.tag, event.step) for value in event.summary.value}
                self._writer.file_writer.add_event(event, event.step, event.wall_time)
        else:
            self._writer = SummaryWriter(self._folder)
            self._introduce()
        for path in before:
            path.unlink()
        # Epochs before there was such a record, or saved when a kill came between.
        for row in position.rows:
            if ("loss/val", row["epoch"]) not in there:
                self._curves(row)
        self._writer.flush()

    def step(self, position: Position, lr: float) -> None:
        if position.seen < self._seen:
            self._loss, self._seen = 0.0, 0
        seen = position.seen - self._seen
        if not seen:
            return
        step = position.epoch * self._scene.steps + position.batch
        self._writer.add_scalar(f"{STEPS}loss", (position.loss - self._loss) / seen, step)
        self._writer.add_scalar(f"{STEPS}learning rate", lr, step)
        self._loss, self._seen = position.loss, position.seen

    def epoch(self, position: Position, result: EvalResult) -> None:
        self._curves(position.rows[-1])
        self._loss, self._seen = 0.0, 0
        picture = self._scene.mistakes(result)
        if picture is not None:
            self._writer.add_image("wrong guesses", _pixels(picture), position.epoch)
        self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def _curves(self, row: dict[str, Any]) -> None:
        for tag, column in CURVES.items():
            if row.get(column) is not None:
                self._writer.add_scalar(tag, row[column], row["epoch"])

    def _introduce(self) -> None:
        """What does not change: settings, facts, graph."""
        scene = self._scene
        settings = yaml.safe_dump(scene.config.to_dict(), sort_keys=False, allow_unicode=True)
        # A block of code in Markdown is what is set in by four spaces.
        listed = "\n".join(f"    {line}" for line in settings.splitlines())
        self._writer.add_text("settings", listed, 0)
        facts = "\n".join(f"| {name} | {value} |" for name, value in scene.facts.items())
        self._writer.add_text("run", f"| | |\n| --- | --- |\n{facts}", 0)
        if scene.network is not None and scene.example is not None:
            self._graph(scene.network, scene.example)

    def _graph(self, network: nn.Module, example: Inputs) -> None:
        tensors, rebuild = _flat(example)
        was_training = network.training
        network.eval()
        try:
            with warnings.catch_warnings(), torch.no_grad():
                # Tracing is what TensorBoard's graphs are made of, and is on its way out of torch.
                warnings.simplefilter("ignore")
                self._writer.add_graph(Network(network, rebuild), tensors)
        except Exception as error:  # torch raises whatever the network raises while it is traced
            self._writer.add_text("graph", f"This network cannot be drawn: {error}", 0)
        finally:
            network.train(was_training)

    def _kept(self, files: list[Path], position: Position) -> Iterator[Any]:
        """Events that are no later than the position, in their order."""
        step = position.epoch * self._scene.steps + position.batch
        for path in files:
            for event in LegacyEventFileLoader(str(path)).Load():
                tags = [value.tag for value in event.summary.value]
                if event.HasField("graph_def") or event.HasField("tagged_run_metadata"):
                    yield event
                elif tags:
                    last = step if tags[0].startswith(STEPS) else position.epoch
                    if event.step <= last:
                        yield event


class Network(nn.Module):
    """A network that is called with tensors alone, as tracing wants it."""

    def __init__(self, network: nn.Module, rebuild: Any) -> None:
        super().__init__()
        self.network, self._rebuild = network, rebuild

    def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
        return scores(self.network, self._rebuild(*tensors))


def _flat(example: Inputs) -> tuple[tuple[torch.Tensor, ...], Any]:
    """The tensors of an input, and how it is made of them again."""
    tensors: list[torch.Tensor] = [] if example.images is None else [example.images]
    strokes = example.strokes
    if strokes is not None:
        tensors += [strokes.points, strokes.begins, strokes.offsets]
        tensors += [] if strokes.times is None else [strokes.times]

    def rebuild(*parts: torch.Tensor) -> Inputs:
        left = list(parts)
        images = None if example.images is None else left.pop(0)
        if strokes is None:
            return Inputs(images)
        points, begins, offsets, *times = left
        return Inputs(
            images,
            Strokes(
                points=points, begins=begins, offsets=offsets, times=times[0] if times else None
            ),
        )

    return tuple(tensors), rebuild


def _pixels(png: bytes) -> Any:
    """uint8 (3, height, width)."""
    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture.convert("RGB")).transpose(2, 0, 1)
