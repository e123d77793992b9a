"""A split of a store on a device, as a whole: points or pixels, labels, and where what begins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..models.inputs import Takes
from ..ragged import Ragged
from .augment_torch import Pieces
from .batches import channels_first, windows
from .points import simplified_rows
from .split import Split
from .store import Store

__all__ = ["HeldSplit", "bytes_held"]


@dataclass(frozen=True, slots=True)
class HeldSplit:
    """A split on a device.

    Attributes:
        labels: int32 (rows,).
        key_ids: int64 (rows,), the bits of those of the store.
        images: uint8 (rows, channels, height, width); of a pixels store.
        points: (points, 2), uint8 or float32, drawings end to end; of a strokes store.
        times: float32 (points,), as of `Ragged`; None where they are not known or not needed.
        stroke_lengths: int32 (strokes,).
        first_point: int64 (rows,), where the points of each drawing begin.
        first_stroke: int64 (rows,), where its stroke lengths begin.
        n_points, n_strokes: int32 (rows,), of each drawing; on the host, so that the sizes of a
            batch are known without asking the device.
    """

    labels: torch.Tensor
    key_ids: torch.Tensor
    images: torch.Tensor | None
    points: torch.Tensor
    times: torch.Tensor | None
    stroke_lengths: torch.Tensor
    first_point: torch.Tensor
    first_stroke: torch.Tensor
    n_points: NDArray[np.int32]
    n_strokes: NDArray[np.int32]

    @classmethod
    def load(
        cls,
        store: Store,
        split: Split,
        takes: Takes,
        device: torch.device,
        *,
        is_timed: bool = False,
    ) -> HeldSplit:
        """Read a split, a window at a time.

        Args:
            store: where it is.
            split: which.
            takes: what the network takes: for strokes, they are simplified once, here.
            device: where to.
            is_timed: whether the images that a network takes show the pen times.
        """
        keeps_times = store.manifest.has_times and (takes != "images" or is_timed)
        parts: dict[str, list[torch.Tensor]] = {}
        n_points, n_strokes = [np.zeros(0, np.int32)], [np.zeros(0, np.int32)]
        for rows in windows(store, split):
            columns = {"labels": rows.labels, "key_ids": rows.key_ids.view(np.int64)}
            images, drawings = rows.images, rows.drawings
            if drawings is not None:
                if takes != "images":
                    drawings = simplified_rows(drawings)
                columns |= _columns_of(drawings)
                if keeps_times:
                    columns["times"] = _times_of(drawings)
                n_points.append(np.diff(drawings.point_offsets).astype(np.int32))
                n_strokes.append(np.diff(drawings.stroke_offsets).astype(np.int32))
            for name, values in columns.items():
                parts.setdefault(name, []).append(torch.from_numpy(values).to(device))
            if images is not None:
                parts.setdefault("images", []).append(channels_first(images).to(device))
        # Each is let go before the next is made: for a moment there are two of one, not of all.
        whole = {name: torch.cat(parts.pop(name)) for name in list(parts)}
        nothing = torch.zeros(0, device=device)
        points, strokes = np.concatenate(n_points), np.concatenate(n_strokes)
        return cls(
            labels=whole["labels"],
            key_ids=whole["key_ids"],
            images=whole.get("images"),
            points=whole.get("points", nothing),
            times=whole.get("times"),
            stroke_lengths=whole.get("stroke_lengths", nothing),
            first_point=_begins(points, device),
            first_stroke=_begins(strokes, device),
            n_points=points,
            n_strokes=strokes,
        )

    def pieces(self, rows: NDArray[np.int64], on_device: torch.Tensor) -> Pieces:
        """These drawings, gathered.

        Args:
            rows: which, (n,).
            on_device: the same, on the device.
        """
        point, owner, first_point = _gathered(self.n_points[rows], self.first_point[on_device])
        stroke, stroke_owner, first_stroke = _gathered(
            self.n_strokes[rows], self.first_stroke[on_device]
        )
        n_strokes = len(stroke)
        lengths = self.stroke_lengths[stroke].to(torch.int64)
        number = torch.arange(n_strokes, device=lengths.device)
        last_stroke = torch.cat([first_stroke[1:] - 1, number[-1:]])
        return Pieces(
            points=self.points[point].to(torch.float32),
            times=None if self.times is None else self.times[point],
            owner=owner,
            stroke=number.repeat_interleave(lengths, output_size=len(point)),
            first_point=first_point,
            stroke_owner=stroke_owner,
            stroke_number=number - first_stroke[stroke_owner],
            stroke_first=lengths.cumsum(0) - lengths,
            stroke_length=lengths,
            first_stroke=first_stroke,
            last_stroke=last_stroke,
        )


def _times_of(drawings: Ragged) -> NDArray[np.float32]:
    """The times of all points, NaN where none are known of this part of the store."""
    if drawings.times is None:
        return np.full(len(drawings.points), np.nan, np.float32)
    return drawings.times


def bytes_held(store: Store, split: Split, takes: Takes) -> int:
    """About how much memory a split takes on a device, with what it takes to put it there."""
    on_disk = sum((store.folder / shard.file).stat().st_size for shard in store.shards(split))
    if store.kind == "pixels":
        return 2 * on_disk
    # Simplified points are of four bytes a number, those of a store of one.
    return (2 if takes == "images" else 8) * on_disk


def _columns_of(drawings: Ragged) -> dict[str, NDArray[np.generic]]:
    return {
        "points": np.ascontiguousarray(drawings.points),
        "stroke_lengths": drawings.stroke_lengths.astype(np.int32),
    }


def _begins(counts: NDArray[np.int32], device: torch.device) -> torch.Tensor:
    """Where each of the ranges of these lengths begins: int64, on the device."""
    ends = np.cumsum(counts, dtype=np.int64)
    return torch.from_numpy(ends - counts).to(device)


def _gathered(
    counts: NDArray[np.int32], begins: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Indices of everything in some ranges, the range of each, and where each begins among them."""
    device = begins.device
    ends = np.cumsum(counts, dtype=np.int64)
    total = int(ends[-1])
    firsts = torch.from_numpy(ends - counts).to(device, non_blocking=True)
    on_device = torch.from_numpy(counts).to(device, non_blocking=True)
    number = torch.arange(len(counts), device=device)
    owner = number.repeat_interleave(on_device, output_size=total)
    index = torch.arange(total, device=device) + (begins - firsts)[owner]
    return index, owner, firsts
