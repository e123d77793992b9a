"""What networks take: images, strokes, or both; and the one way to call a network.

A network says what it takes by a class attribute, `takes`; one without it takes images. Its
`forward` is then `forward(images)`, `forward(strokes)` or `forward(images, strokes)`.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ..bundle_info import Takes
from .registry import ImageShape, as_input

__all__ = ["Inputs", "Strokes", "Takes", "example_inputs", "scores", "takes_of"]


# No dataclass: Fabric copies those on the way into a network, and cannot copy a frozen one.
class Strokes(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """Drawings end to end, without padding, on one device.

    Attributes:
        points: float32 (points, 2), x and y in the frame: fitted to 0..255 and centred, as
            `raster` fits them before it draws; a varied drawing may reach a little out of it.
        begins: bool (points,), whether it is the first point of a stroke.
        offsets: int64 (drawings + 1,), the points of drawing i are
            `points[offsets[i]:offsets[i + 1]]`.
        times: float32 (points,), milliseconds since the first point of the drawing; NaN throughout
            a drawing whose times are not known. None where those of none are.
        known_offsets: `offsets` where they have been in the memory of the host before.
    """

    points: torch.Tensor
    begins: torch.Tensor
    offsets: torch.Tensor
    times: torch.Tensor | None = None
    known_offsets: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Strokes:
        """The same drawings on a device."""
        times = self.times
        return Strokes(
            points=self.points.to(device, non_blocking=non_blocking),
            begins=self.begins.to(device, non_blocking=non_blocking),
            offsets=self.offsets.to(device, non_blocking=non_blocking),
            times=None if times is None else times.to(device, non_blocking=non_blocking),
            known_offsets=self.host_offsets(),
        )

    def host_offsets(self) -> NDArray[np.int64]:
        """`offsets` in the memory of the host; a device is not waited for if it can be helped."""
        if self.known_offsets is not None:
            return self.known_offsets
        offsets: NDArray[np.int64] = self.offsets.cpu().numpy()
        return offsets

    def slice(self, first: int, last: int) -> Strokes:
        """The drawings first to last, without copying points."""
        known = self.host_offsets()[first : last + 1]
        begin, end = int(known[0]), int(known[-1])
        return Strokes(
            points=self.points[begin:end],
            begins=self.begins[begin:end],
            offsets=self.offsets[first : last + 1] - begin,
            times=None if self.times is None else self.times[begin:end],
            known_offsets=known - begin,
        )


@dataclass(frozen=True, slots=True)
class Inputs:
    """A batch of what a network takes; at least one of the two is there.

    Attributes:
        images: uint8 (n, channels, height, width); of drawings 0 is paper, 255 is ink.
        strokes: the same n drawings as points.
    """

    images: torch.Tensor | None = None
    strokes: Strokes | None = None

    def __len__(self) -> int:
        if self.images is not None:
            return len(self.images)
        assert self.strokes is not None
        return len(self.strokes)

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Inputs:
        """The same on a device."""
        images, strokes = self.images, self.strokes
        return Inputs(
            None if images is None else images.to(device, non_blocking=non_blocking),
            None if strokes is None else strokes.to(device, non_blocking=non_blocking),
        )

    def slice(self, first: int, last: int) -> Inputs:
        """Rows first to last, without copying."""
        return Inputs(
            None if self.images is None else self.images[first:last],
            None if self.strokes is None else self.strokes.slice(first, last),
        )


def takes_of(network: nn.Module) -> Takes:
    """What a network takes, also one that is wrapped for several devices or as a running mean."""
    while True:
        takes: Takes | None = getattr(network, "takes", None)
        if takes is not None:
            return takes
        inner = getattr(network, "module", None)
        if not isinstance(inner, nn.Module):
            return "images"
        network = inner


def scores(network: nn.Module, inputs: Inputs) -> torch.Tensor:
    """Scores before the softmax: (n, classes), or whatever a part of a network gives."""
    takes = takes_of(network)
    arguments: list[torch.Tensor | Strokes] = []
    if takes != "strokes":
        assert inputs.images is not None
        arguments.append(as_input(inputs.images))
    if takes != "images":
        assert inputs.strokes is not None
        arguments.append(inputs.strokes)
    given: torch.Tensor = network(*arguments)
    return given


def example_inputs(takes: Takes, image_shape: ImageShape, n: int = 1, *, seed: int = 0) -> Inputs:
    """Something that a network can be called with: noise, and scribbles of some points."""
    generator = torch.Generator().manual_seed(seed)
    images, strokes = None, None
    if takes != "strokes":
        images = torch.randint(0, 256, (n, *image_shape), generator=generator, dtype=torch.uint8)
    if takes != "images":
        lengths = torch.randint(5, 40, (n,), generator=generator)
        offsets = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
        total = int(offsets[-1])
        begins = torch.rand(total, generator=generator) < 0.1
        begins[offsets[:-1]] = True
        points = 255.0 * torch.rand((total, 2), generator=generator)
        strokes = Strokes(points=points, begins=begins, offsets=offsets)
    return Inputs(images, strokes)
