"""Drawings of any length on one line, with next to no padding.

Longest first, each drawing gets a slot: its points, then at least `GAP` empty places, up to a
multiple of `STRIDE`. So a convolution over the whole line never sees a neighbour, taking every
second or fourth place takes the same places of every drawing, and drawings with slots of one size,
a *bucket*, are a view (drawings, slot, width) of the line: what needs rows of equal length works on
buckets without copying anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from .inputs import Strokes

__all__ = ["GAP", "STRIDE", "Bucket", "Line", "Packing"]

GAP = 2
"""Empty places after each drawing: a kernel of 5 reaches no further."""
STRIDE = 4
"""Slots are multiples of this, so a line can be thinned by 2 or 4."""
_FINENESS = 4
"""Slots of more than 2**(4 + 2) places are rounded up by a 16th at most: few sizes, few buckets."""


class Bucket(NamedTuple):
    """Drawings with slots of one size.

    Attributes:
        rows: drawings.
        slot: places of each.
    """

    rows: int
    slot: int


@dataclass(frozen=True, slots=True)
class Line:
    """Where each point lies.

    Attributes:
        places: int64 (points,), of each point.
        filled: bool (length, 1), which places have points.
        counts: points of each drawing, in the order of the line, longest first.
        begins: int64 (drawings,), the first place of each drawing, in the order of the line.
        rank: int64 (drawings,), position on the line of each drawing.
        buckets: all of the line.
    """

    places: torch.Tensor
    filled: torch.Tensor
    counts: NDArray[np.int64]
    begins: torch.Tensor
    rank: torch.Tensor
    buckets: tuple[Bucket, ...]

    @classmethod
    def of(cls, strokes: Strokes) -> Line:
        """Lay drawings on a line."""
        device = strokes.offsets.device
        offsets = strokes.host_offsets()
        lengths = np.diff(offsets)
        order = np.argsort(-lengths, kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        # Where there is no drawing, one without points; so that nothing else has to care.
        counts = lengths[order] if len(order) else np.zeros(1, np.int64)
        slots = _slots(counts)
        begins = np.cumsum(slots) - slots
        sizes, rows = np.unique(-slots, return_counts=True)
        buckets = tuple(Bucket(int(n), int(-size)) for size, n in zip(sizes, rows, strict=True))
        shift = torch.from_numpy(begins[rank] - offsets[:-1]).to(device)
        n_points, length = int(offsets[-1]), int(slots.sum())
        owner_shift = shift.repeat_interleave(strokes.offsets.diff(), output_size=n_points)
        places = owner_shift + torch.arange(n_points, device=device)
        filled = torch.zeros((length, 1), dtype=torch.bool, device=device)
        filled[places] = True
        return cls(
            places=places,
            filled=filled,
            counts=counts,
            begins=torch.from_numpy(begins).to(device),
            rank=torch.from_numpy(rank).to(device),
            buckets=buckets,
        )

    def __len__(self) -> int:
        """Places."""
        return len(self.filled)

    @property
    def waste(self) -> float:
        """Share of the places that are empty."""
        return 1.0 - float(self.counts.sum()) / len(self) if len(self) else 0.0

    def lay(self, values: torch.Tensor) -> torch.Tensor:
        """Values of points, (points, width), onto the line, (length, width), zeros between."""
        line = values.new_zeros((len(self), values.shape[1]))
        return line.index_copy_(0, self.places, values)

    def thinned(self, step: int) -> Line:
        """The line of every `step`-th place, 1, 2 or 4; `places` is not thinned."""
        if step == 1:
            return self
        return replace(
            self,
            filled=self.filled[::step],
            counts=-(-self.counts // step),
            begins=self.begins // step,
            buckets=tuple(Bucket(b.rows, b.slot // step) for b in self.buckets),
        )

    def packing(self) -> Packing:
        """The places in the order of time, for recurrent layers."""
        return Packing.of(self)

    def rows(self, values: torch.Tensor) -> list[torch.Tensor]:
        """Values of the line, (length, ...), as (drawings, slot, ...) for each bucket."""
        # All at once: a slice each would have a gradient of the whole line each.
        parts = torch.split(values, [bucket.rows * bucket.slot for bucket in self.buckets])
        return [
            part.reshape(bucket.rows, bucket.slot, *part.shape[1:])
            for part, bucket in zip(parts, self.buckets, strict=True)
        ]

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """The mean over each drawing, (drawings, width); `values` are zero in empty places."""
        sums = torch.cat([rows.sum(dim=1) for rows in self.rows(values)])
        counts = torch.from_numpy(np.maximum(self.counts, 1)).to(values)
        return (sums / counts[:, None])[self.rank]


@dataclass(frozen=True, slots=True)
class Packing:
    """Places of a line in the order of time: the first of every drawing, then every second...

    Attributes:
        forth: int64 (n,), place on the line of each.
        back: int64 (n,), likewise if every drawing is gone through from its end.
        sizes: drawings that have a first, a second, ... place.
    """

    forth: torch.Tensor
    back: torch.Tensor
    sizes: NDArray[np.int64]

    @classmethod
    def of(cls, line: Line) -> Packing:
        counts = line.counts
        longest = int(counts[0])
        # Longest first, so that those still going on at a step are the first ones.
        sizes = len(counts) - np.searchsorted(counts[::-1], np.arange(longest), side="right")
        device = line.begins.device
        sizes_there = torch.from_numpy(sizes).to(device)
        n = int(sizes.sum())
        step = torch.arange(longest, device=device).repeat_interleave(sizes_there, output_size=n)
        drawing = torch.arange(n, device=device) - (sizes_there.cumsum(0) - sizes_there)[step]
        begins = line.begins[drawing]
        last = torch.from_numpy(counts).to(device)[drawing] - 1
        return cls(begins + step, begins + last - step, sizes)


def _slots(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places for drawings of so many points."""
    least = counts + GAP
    exponent = np.frexp(least.astype(np.float64))[1] - 1 - _FINENESS
    unit = np.maximum(STRIDE, 1 << np.maximum(exponent, 0))
    slots: NDArray[np.int64] = -(-least // unit) * unit
    return slots
