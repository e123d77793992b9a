"""What is exported: the drawing of strokes, the network and the softmax as one torch module.

The strokes become the very pixels of `raster`, reckoned in float64 as there: a pixel whose level
lies between two is rounded up or down by the last bits of its distance, one level in one pixel
moves a probability by more than 1e-4, and float32 gets one pixel of every thirtieth drawing wrong.
What makes it fast is that a line is compared with the rows of pixels that it comes near to, and
with no others: about a quarter of all pairs.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from ..drawing import FRAME
from ..models.head import divided
from ..predict.stroke_batches import FIRST, JOINED, PADDING
from ..raster import FAINTEST, FITTED_FROM, SHORT, RenderSpec

__all__ = ["HEAD", "PixelsGraph", "Recogniser", "StrokesGraph", "draw", "place_points"]

FAR = 1e6
"""Pixels from the image: where padding lies, so that it leaves no ink. Square pixels from the
nearest line: so far is what has none nearby."""
HEAD = "head"
"""Name of the last layer in a `Recogniser`, by which its weights are found in a file."""


class Recogniser(nn.Module):
    """A network from levels of ink to calibrated probabilities, divided before its last layer.

    What the last layer sees, the features, are the place to teach a network more words. A network
    that does not end in a linear layer has none, and stays whole.

    Args:
        network: in eval mode.
        temperature: divides its scores before the softmax.
        image_shape: of its input.
    """

    def __init__(
        self, network: nn.Module, temperature: float, image_shape: tuple[int, int, int]
    ) -> None:
        super().__init__()
        self.body, head = divided(network, image_shape)
        self.head = head
        self.temperature = temperature

    def forward(self, *inputs: Any) -> tuple[torch.Tensor, ...]:
        """What the network takes, images from 0 to 1, to probabilities (n, classes) and, if there
        are any, features (n, width of the last layer)."""
        found: torch.Tensor = self.body(*inputs)
        if self.head is None:
            return (torch.softmax(found / self.temperature, dim=1),)
        return torch.softmax(self.head(found) / self.temperature, dim=1), found


class PixelsGraph(nn.Module):
    """uint8 images (n, channels, height, width) to what a `Recogniser` gives."""

    def __init__(self, recogniser: Recogniser) -> None:
        super().__init__()
        self.recogniser = recogniser

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        found: tuple[torch.Tensor, ...] = self.recogniser(images.to(torch.float32) / 255.0)
        return found


class StrokesGraph(nn.Module):
    """Strokes to what a `Recogniser` gives, and what it saw; no point at all is blank paper.

    Memory grows with drawings times points times pixels, at most 8 bytes each, a few times over.

    Args:
        recogniser: for images of the channels of the spec.
        spec: how strokes become its images.
    """

    def __init__(self, recogniser: Recogniser, spec: RenderSpec) -> None:
        super().__init__()
        self.recogniser, self.spec = recogniser, spec

    def forward(
        self, points: torch.Tensor, pen: torch.Tensor, times: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, ...]:
        """Guess.

        Args:
            points: float32 (n, length, 2) in any unit.
            pen: int64 (n, length), what the pen did, see `StrokeBatch`.
            times: float32 (n, length), milliseconds since the first point, NaN where they are not
                known; for the channels that need them.

        Returns:
            probabilities, features if there are any, and levels, float32 (n, channels, side, side).
        """
        levels = draw(points, pen, self.spec, times)
        return *self.recogniser(levels / 255.0), levels


def draw(
    points: torch.Tensor, pen: torch.Tensor, spec: RenderSpec, times: torch.Tensor | None = None
) -> torch.Tensor:
    """Levels 0 to 255, whole numbers as float32 (n, channels, side, side); arguments as in
    `StrokesGraph`."""
    placed = place_points(points, pen, spec.pixels_per_unit, spec.side)
    before = torch.cat([placed[:, :1], placed[:, :-1]], dim=1)
    starts = torch.where((pen == JOINED)[:, :, None], before, placed)
    centres = torch.arange(spec.side, dtype=torch.float64) + 0.5
    reach = _exact(spec.half_width + 0.5)

    low = torch.minimum(starts[:, :, 1], placed[:, :, 1]) - reach
    high = torch.maximum(starts[:, :, 1], placed[:, :, 1]) + reach
    rows = centres[None, :, None]
    is_near = (low[:, None] < rows) & (rows < high[:, None])
    drawing, row, line = torch.nonzero(is_near, as_tuple=True)
    start, end = starts[drawing, line], placed[drawing, line]
    squared, along = _nearest(centres, centres[row], start, end - start)

    shape = (placed.shape[0] * spec.side, spec.side)
    planes = []
    for channel in spec.channels:
        if channel == "ink":
            nearest = torch.full(shape, FAR, dtype=torch.float64)
            at = (drawing * spec.side + row)[:, None].expand(-1, spec.side)
            nearest = nearest.scatter_reduce(0, at, squared, "amin")
            plane = reach - nearest.sqrt()
        else:
            shares = _shares(placed, starts, pen, times if channel == "time" else None)
            before, after = _strengths(shares, starts, placed)
            here, there = before[drawing, line][:, None], after[drawing, line][:, None]
            level = (reach - squared.sqrt()).clamp(0.0, 1.0) * (here + along * (there - here))
            level = level * _is_line(pen)[drawing, line][:, None]
            plane = torch.zeros(shape, dtype=torch.float64)
            at = (drawing * spec.side + row)[:, None].expand(-1, spec.side)
            plane = plane.scatter_reduce(0, at, level, "amax")
        levels = (plane.clamp(0.0, 1.0) * 255.0 + 0.5).floor().to(torch.float32)
        planes.append(levels.reshape(-1, spec.side, spec.side))
    return planes[0][:, None] if len(planes) == 1 else torch.stack(planes, dim=1)


def _shares(
    placed: torch.Tensor, starts: torch.Tensor, pen: torch.Tensor, times: torch.Tensor | None
) -> torch.Tensor:
    """The share of the ink, or of the time where it is given and known, by which the pen came to
    each point: float64 (n, length)."""
    moves = placed - starts
    lengths = (moves[:, :, 0] * moves[:, :, 0] + moves[:, :, 1] * moves[:, :, 1]).sqrt()
    reached = lengths.cumsum(dim=1) + _exact(SHORT)
    order = reached / reached[:, -1:]
    if times is None:
        return order
    there = pen != PADDING
    # One row and place of NaN stand for all; in the padding anything may be.
    exact = torch.where(there, times, 0.0).to(torch.float64)
    first = exact[:, :1]
    last = exact.gather(1, (there.sum(dim=1, keepdim=True) - 1).clamp(min=0))
    whole = last - first
    is_known = whole > 0.0
    share = ((exact - first) / torch.where(is_known, whole, 1.0)).clamp(0.0, 1.0)
    return torch.where(is_known, share, order)


def _strengths(
    shares: torch.Tensor, starts: torch.Tensor, placed: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """How strong the ink is where the line to each point begins, and where it ends."""
    there = shares * _exact(1.0 - FAINTEST) + _exact(FAINTEST)
    before = torch.cat([there[:, :1], there[:, :-1]], dim=1)
    moves = placed - starts
    squared = moves[:, :, 0] * moves[:, :, 0] + moves[:, :, 1] * moves[:, :, 1]
    return torch.where(squared < _exact(SHORT * SHORT), there, before), there


def _is_line(pen: torch.Tensor) -> torch.Tensor:
    """Whether the line to each point leaves ink: where others of its stroke follow, the first point
    has none of its own."""
    following = torch.cat([pen[:, 1:], torch.zeros_like(pen[:, :1])], dim=1)
    return (pen == JOINED) | ((pen == FIRST) & (following != JOINED))


def _exact(number: float) -> torch.Tensor:
    """A constant of which the exporter keeps all digits; plain numbers it rounds to float32."""
    return torch.tensor(number, dtype=torch.float64)


def place_points(
    points: torch.Tensor, pen: torch.Tensor, pixels_per_unit: float, side: float
) -> torch.Tensor:
    """Steps 1 and 2 of `raster`: points in pixels, float64 (n, length, 2); padding is far away."""
    there = (pen != PADDING)[:, :, None]
    exact = points.to(torch.float64)
    most = torch.finfo(torch.float32).max
    low = torch.where(there, exact, most).amin(dim=1, keepdim=True)
    high = torch.where(there, exact, -most).amax(dim=1, keepdim=True)
    extent = (high - low).amax(dim=2, keepdim=True)
    is_kept = (extent <= 0.0) | ((extent >= FITTED_FROM) & (extent <= FRAME))
    frame = _exact(FRAME)
    scale = frame / torch.where(is_kept, frame, extent)
    placed = (exact - (low + high) / 2.0) * (scale * _exact(pixels_per_unit))
    return torch.where(there, placed + _exact(side / 2.0), FAR)


def _nearest(
    x: torch.Tensor, y: torch.Tensor, start: torch.Tensor, along: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Of the place on a line that is nearest to the pixels of a row, for many such pairs: its
    squared distance, and its share of the line; float64 (pairs, pixels).

    In the order of operations of `raster`: so pixels that lie between two levels, which symmetric
    drawings have, go the same way.

    Args:
        x: (pixels,), of their centres.
        y: (pairs,), of each row.
        start: (pairs, 2), of each line.
        along: (pairs, 2), from its start to its end.
    """
    (start_x, start_y), (along_x, along_y) = (
        start[:, :, None].unbind(1),
        along[:, :, None].unbind(1),
    )
    away_x, away_y = x - start_x, y[:, None] - start_y
    squared_length = along_x * along_x + along_y * along_y
    share = away_x * along_x + away_y * along_y
    share = share / torch.where(squared_length > 0.0, squared_length, 1.0)
    share = share.clamp(0.0, 1.0)
    away_x = away_x - share * along_x
    away_y = away_y - share * along_y
    return away_x * away_x + away_y * away_y, share
