"""Batches of a store that is on a device as a whole: drawn and varied there, with nothing to read.

The batches are those of `TrainingBatches`: the same drawings in the same order, varied by the same
random numbers; only where they are made is another place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from ..drawing import FRAME
from ..errors import MemoryExhaustedError
from ..models.inputs import Inputs, Strokes
from ..raster import RenderSpec
from ..raster_torch import draw_on_device
from .augment_pixels_torch import vary_pixels_on_device
from .augment_torch import Pieces, Placed, vary_on_device
from .batches import Batch, Run, TrainingBatches
from .device_split import HeldSplit
from .draws_torch import mix
from .split import Split
from .store import Store

__all__ = ["DeviceBatches"]


class DeviceBatches(TrainingBatches):
    """Batches of one split that is on a device, the same for any number of processes.

    Every process has the whole split on its own device.

    Args:
        store, split, spec: see `TrainingBatches`.
        device: where.
        **settings: those of `TrainingBatches`.

    Raises:
        MemoryExhaustedError: the split does not fit.
        StoreError, ConfigError: see `TrainingBatches`.
    """

    def __init__(
        self,
        store: Store,
        split: Split,
        spec: RenderSpec | None,
        device: torch.device,
        **settings: Any,
    ) -> None:
        super().__init__(store, split, spec, **settings)
        self.device = device
        self._first_of = {}
        first = 0
        for shard in store.shards(split):
            self._first_of[shard.file] = first
            first += shard.rows
        try:
            is_timed = spec is not None and "time" in spec.channels
            self._held = HeldSplit.load(store, split, self.takes, device, is_timed=is_timed)
        except torch.OutOfMemoryError as error:
            raise MemoryExhaustedError(
                f"The {split} split of {store.folder} does not fit into the memory of the device."
                " Use --cache host."
            ) from error
        self._mirrored = torch.from_numpy(self._may_mirror).to(device)

    def epoch(self, epoch: int, first_batch: int = 0) -> Iterator[Batch]:
        """The batches of one epoch, from `first_batch` on."""
        for window, chosen in self._chosen_rows(epoch, first_batch, self._numbers):
            yield self._made(epoch, window.numbers[chosen])

    def _numbers(self, runs_of_windows: Iterator[list[Run]]) -> Iterator[_Numbers]:
        for runs in runs_of_windows:
            firsts = [self._first_of[shard.file] for shard, _, _ in runs]
            yield _Numbers(
                np.concatenate(
                    [
                        np.arange(begin + first, begin + last)
                        for begin, (_, first, last) in zip(firsts, runs, strict=True)
                    ]
                )
            )

    def _made(self, epoch: int, rows: NDArray[np.int64]) -> Batch:
        held = self._held
        chosen = torch.from_numpy(rows).to(self.device, non_blocking=True)
        labels = held.labels[chosen].to(torch.int64)
        how: dict[str, Any] = {
            "seeds": mix(held.key_ids[chosen], self.seed * 1_000_003 + epoch),
            "may_mirror": self._mirrored[labels],
        }
        if held.images is not None:
            own = held.images[chosen]
            if self.pixels is not None:
                own = vary_pixels_on_device(own, self.pixels, is_ink=self._is_ink, **how)
            return Batch(Inputs(own), labels)
        pieces = held.pieces(rows, chosen)
        images, strokes = None, None
        if self.takes != "strokes":
            assert self.spec is not None
            spec = self.spec
            placed = vary_on_device(
                pieces,
                self.augment,
                pixels_per_unit=spec.pixels_per_unit,
                side=spec.side,
                **how,
            )
            images = _drawn(pieces, placed, spec)
        if self.takes != "images":
            placed = vary_on_device(pieces, self.augment, pixels_per_unit=1.0, side=FRAME, **how)
            strokes = _strokes(pieces, placed)
        return Batch(Inputs(images, strokes), labels)


@dataclass(frozen=True, slots=True)
class _Numbers:
    """Rows by their numbers, counted over the split in the order of the store."""

    numbers: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, chosen: NDArray[np.integer[Any]]) -> Self:
        return type(self)(self.numbers[chosen])

    @classmethod
    def concat(cls, parts: Sequence[Self]) -> Self:
        return cls(np.concatenate([part.numbers for part in parts]))


def _drawn(pieces: Pieces, placed: Placed, spec: RenderSpec) -> torch.Tensor:
    """Images of placed drawings: uint8 (drawings, channels, side, side)."""
    # A line leads from each point to the next of its stroke, and from the last one to itself: that
    # draws the dots of one point, and changes nothing elsewhere.
    following = torch.arange(1, len(pieces.owner) + 1, device=pieces.owner.device)
    lasts = pieces.stroke_first + placed.lengths - 1
    is_last = following - 1 == lasts[pieces.stroke]
    following = torch.where(is_last, following - 1, following).clamp(max=len(following) - 1)
    return draw_on_device(
        placed.points,
        following,
        pieces.owner,
        placed.pen * spec.half_width,
        spec,
        times=placed.times,
        is_there=placed.is_kept,
    )


def _strokes(pieces: Pieces, placed: Placed) -> Strokes:
    """Placed drawings as stroke networks take them: only what is left of them."""
    is_kept = placed.is_kept
    begins = torch.zeros_like(is_kept)
    begins[pieces.stroke_first] = True
    kept_before = torch.cat([is_kept.new_zeros(1, dtype=torch.int64), is_kept.cumsum(0)])
    offsets = torch.cat([kept_before[pieces.first_point], kept_before[-1:]])
    return Strokes(
        points=placed.points[is_kept],
        begins=begins[is_kept],
        offsets=offsets,
        times=None if placed.times is None else placed.times[is_kept],
    )
