"""A store, batch by batch: shuffled and varied for training, in order for everything else.

An epoch goes through the store in *windows* of some ten thousand rows: runs of neighbouring rows,
picked in random order from all over the store, shuffled together in memory. That is as good as a
full shuffle, because rows were shuffled when written; it reads the disk in long runs; and it takes
the same memory for a thousand drawings as for fifty million.

Windows are read and batches drawn ahead of time by threads; the kernels hold no lock. What a batch
contains follows from the seed, the epoch and its number alone, so any process can start anywhere.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from ..augment import Augment, PixelAugment
from ..errors import ConfigError, StoreError
from ..models.inputs import Inputs, Takes
from ..ragged import Ragged
from ..raster import RenderSpec
from ..raster_host import render_rows
from .augment import render_augmented
from .augment_pixels import augment_pixels
from .catalog import MIRROR_UNSAFE
from .points import place_strokes, simplified_rows, vary_strokes
from .rows import Rows
from .split import Split, mix
from .store import Shard, Store

__all__ = [
    "Batch",
    "TrainingBatches",
    "inputs_of",
    "inputs_of_drawings",
    "render_window",
    "require_takes",
    "windows",
]

RUN_ROWS = 4_096
RUN_BYTES = 4 * 2**20
"""Of images: a run of large ones has fewer rows, so that a window never fills the memory."""
RUNS_PER_WINDOW = 16
AHEAD = 4


@dataclass(frozen=True, slots=True)
class Batch:
    """What the network gets.

    Attributes:
        inputs: images, strokes, or both, as the network takes.
        labels: int64 (rows,).
    """

    inputs: Inputs
    labels: torch.Tensor

    @property
    def images(self) -> torch.Tensor:
        """Of the inputs, where the network takes images."""
        assert self.inputs.images is not None
        return self.inputs.images


Run = tuple[Shard, int, int]
"""Neighbouring rows: a shard, the first of them, and the one after the last."""


class Window(Protocol):
    """Rows, or what stands for them."""

    def __len__(self) -> int: ...
    def take(self, chosen: NDArray[np.integer[Any]]) -> Self:
        """These, in this order."""
        ...

    @classmethod
    def concat(cls, parts: Sequence[Self]) -> Self:
        """Several, one after the other."""
        ...


_Window = TypeVar("_Window", bound=Window)


class TrainingBatches:
    """Batches of one split for training, the same for any number of processes.

    Every process reads all windows and draws its share of each global batch, so that two processes
    see, together, exactly what one would see. Drawings that do not fill the last batch of an epoch
    are left for other epochs, whose order differs.

    Args:
        store: where the drawings are.
        split: which side.
        spec: how strokes are drawn; None for a pixels store.
        takes: what the network takes of a drawing.
        batch_size: rows of the global batch, over all processes.
        augment: how drawings vary; None for not at all. Strokes only.
        pixels: how images vary; None for not at all. Pixels stores only.
        seed: of order and variation.
        rank: number of this process.
        world_size: how many there are.
        threads: that draw batches.

    Raises:
        StoreError: the split is empty, too small to give each process a row, or has no strokes for
            a network that takes them.
        ConfigError: the batch is too small to give each process a row.
    """

    def __init__(
        self,
        store: Store,
        split: Split,
        spec: RenderSpec | None,
        *,
        takes: Takes = "images",
        batch_size: int,
        augment: Augment | None = None,
        pixels: PixelAugment | None = None,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        threads: int = 1,
    ) -> None:
        require_takes(store, takes)
        self.store, self.split, self.spec, self.takes = store, split, spec, takes
        self.n_rows = store.size(split)
        if self.n_rows < world_size:
            raise StoreError(
                f"The {split} split of {store.folder} has {self.n_rows} drawings, too few to train"
                " on. Prepare a store with more."
            )
        if batch_size < world_size:
            raise ConfigError(
                f"A batch of {batch_size} leaves some of {world_size} processes without a drawing."
                f" Choose a batch size of {world_size} or more."
            )
        self.batch_size = min(batch_size, self.n_rows)
        self.augment, self.pixels, self.seed = augment, pixels, seed
        self.rank, self.world_size, self.threads = rank, world_size, threads
        self._may_mirror = np.array([word not in MIRROR_UNSAFE for word in store.classes])
        self._is_ink = store.manifest.holds_ink

    def __len__(self) -> int:
        """Batches in an epoch."""
        return self.n_rows // self.batch_size

    def epoch(self, epoch: int, first_batch: int = 0) -> Iterator[Batch]:
        """The batches of one epoch, from `first_batch` on."""
        with ThreadPoolExecutor(self.threads, thread_name_prefix="doodlewise-batch") as pool:
            ahead: deque[Future[Batch]] = deque()
            read = partial(_read_ahead, self.store, pool=pool)
            for rows, chosen in self._chosen_rows(epoch, first_batch, read):
                ahead.append(pool.submit(self._draw, epoch, rows, chosen))
                if len(ahead) > AHEAD:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()

    def _chosen_rows(
        self,
        epoch: int,
        first_batch: int,
        read: Callable[[Iterator[list[Run]]], Iterator[_Window]],
    ) -> Iterator[tuple[_Window, NDArray[np.int64]]]:
        """For each batch the rows that hold it, and which of them it is, for this process."""
        random = np.random.default_rng((self.seed, epoch))
        left: _Window | None = None
        number = 0
        for window in read(self._shuffled_runs(random)):
            rows = window.concat([left, window]) if left else window
            order = np.arange(len(rows))
            n_left = len(left) if left else 0
            random.shuffle(order[n_left:])
            n_batches = len(rows) // self.batch_size
            for batch in range(n_batches):
                if number >= first_batch:
                    chosen = order[batch * self.batch_size : (batch + 1) * self.batch_size]
                    yield rows, chosen[self.rank :: self.world_size]
                number += 1
            left = rows.take(order[n_batches * self.batch_size :])

    def _shuffled_runs(self, random: np.random.Generator) -> Iterator[list[Run]]:
        runs = list(_runs(self.store, self.split, RUN_ROWS))
        random.shuffle(runs)
        for first in range(0, len(runs), RUNS_PER_WINDOW):
            yield runs[first : first + RUNS_PER_WINDOW]

    def _draw(self, epoch: int, rows: Rows, chosen: NDArray[np.int64]) -> Batch:
        labels = torch.from_numpy(rows.labels[chosen].astype(np.int64))
        seeds = mix(rows.key_ids[chosen], self.seed * 1_000_003 + epoch)
        may_mirror = self._may_mirror[rows.labels[chosen]]
        if rows.drawings is None:
            assert rows.images is not None
            own = rows.images[chosen]
            if self.pixels is not None:
                own = augment_pixels(
                    own, self.pixels, seeds=seeds, may_mirror=may_mirror, is_ink=self._is_ink
                )
            return Batch(Inputs(channels_first(own)), labels)
        if self.augment is None:
            inputs = inputs_of_drawings(rows.drawings, self.spec, self.takes, rows=chosen)
            return Batch(inputs, labels)
        drawings, images, strokes = rows.drawings, None, None
        if self.takes != "images":
            drawings, chosen = simplified_rows(drawings, chosen), np.arange(len(chosen))
        variation: dict[str, Any] = {"rows": chosen, "seeds": seeds, "may_mirror": may_mirror}
        if self.takes != "strokes":
            assert self.spec is not None
            pixels = render_augmented(drawings, self.spec, self.augment, **variation)
            images = torch.from_numpy(pixels)
        if self.takes != "images":
            strokes = vary_strokes(drawings, self.augment, **variation)
        return Batch(Inputs(images, strokes), labels)


def windows(store: Store, split: str, max_rows: int = RUN_ROWS) -> Iterator[Rows]:
    """All rows of a split (or of "all") in the order of the store, some thousand at a time."""
    with ThreadPoolExecutor(1, thread_name_prefix="doodlewise-window") as pool:
        runs = ([run] for run in _runs(store, split, max_rows))
        yield from _read_ahead(store, runs, pool)


def render_window(rows: Rows, spec: RenderSpec | None, share: float = 1.0) -> torch.Tensor:
    """Images of these rows: uint8 (rows, channels, side, side).

    Args:
        rows: strokes or images.
        spec: how strokes are drawn; None for images.
        share: draw only this share of the ink; strokes only.
    """
    if rows.drawings is None:
        assert rows.images is not None
        return channels_first(rows.images)
    assert spec is not None
    return torch.from_numpy(render_rows(rows.drawings, spec, share=share))


def inputs_of(rows: Rows, spec: RenderSpec | None, takes: Takes, share: float = 1.0) -> Inputs:
    """These rows as a network takes them.

    Args:
        rows: strokes; or images, for networks that take these.
        spec: how strokes are drawn; None for images.
        takes: what the network takes.
        share: only this share of the ink; strokes only.
    """
    if rows.drawings is None:
        return Inputs(render_window(rows, spec))
    return inputs_of_drawings(rows.drawings, spec, takes, share=share)


def inputs_of_drawings(
    drawings: Ragged,
    spec: RenderSpec | None,
    takes: Takes,
    *,
    rows: NDArray[np.integer[Any]] | None = None,
    share: float = 1.0,
) -> Inputs:
    """Drawings in any unit as a network takes them; `rows` of them in this order, or all."""
    strokes = None
    if takes != "images":
        drawings, rows, share = simplified_rows(drawings, rows, share=share), None, 1.0
        strokes = place_strokes(drawings)
        if takes == "strokes":
            return Inputs(strokes=strokes)
    assert spec is not None
    images = torch.from_numpy(render_rows(drawings, spec, rows, share=share))
    return Inputs(images, strokes)


def require_takes(store: Store, takes: Takes) -> None:
    """That a store has what a network takes.

    Raises:
        StoreError: it has no strokes, and the network takes them.
    """
    if takes != "images" and store.kind == "pixels":
        raise StoreError(
            f"{store.folder} holds pixels, and the network takes strokes. Prepare a store from"
            " files that have strokes (.ndjson, .bin), or choose a network that takes images: see"
            " doodlewise models list"
        )


def channels_first(images: NDArray[np.uint8]) -> torch.Tensor:
    """(rows, height, width, channels) to (rows, channels, height, width)."""
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))


def _runs(store: Store, split: str, max_rows: int) -> Iterator[Run]:
    """Neighbouring rows, the last run of a shard shorter."""
    if store.manifest.image_shape is not None:
        max_rows = max(1, min(max_rows, RUN_BYTES // math.prod(store.manifest.image_shape)))
    for shard in store.shards(split):
        for first in range(0, shard.rows, max_rows):
            yield shard, first, min(first + max_rows, shard.rows)


def _read_ahead(
    store: Store, runs_of_windows: Iterator[list[Run]], pool: ThreadPoolExecutor
) -> Iterator[Rows]:
    """Windows of rows, the next one being read while this one is used."""

    def load(runs: list[Run]) -> Rows:
        return Rows.concat([store.read(shard, first, last) for shard, first, last in runs])

    coming: Future[Rows] | None = None
    for runs in runs_of_windows:
        following = pool.submit(load, runs)
        if coming is not None:
            yield coming.result()
        coming = following
    if coming is not None:
        yield coming.result()
