"""Networks that see strokes, made ready for export: padded rows instead of a line.

A file takes points with padding, a row for each drawing; laid end to end, such rows are a line with
slots of one size (`models.stroke_line`). So the networks stay as they are, and only three of their
parts are exchanged: the one that lays points on a line, convolutions, which need not be folded, and
recurrent layers, which become the GRU of ONNX.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any, NamedTuple

import torch
from torch import nn

from ..drawing import FRAME
from ..models.inputs import Takes
from ..models.packed_gru import PackedGru
from ..models.stroke_features import LineConv, PointFeatures, features
from ..models.stroke_line import GAP, STRIDE, Bucket
from ..predict.stroke_batches import FIRST, PADDING
from ..raster import RenderSpec
from .graph import Recogniser, draw, place_points
from .onnx_gru import bidirectional_gru

__all__ = ["StrokesSeenGraph", "exportable"]


class StrokesSeenGraph(nn.Module):
    """Strokes to what a `Recogniser` gives, for a network that sees the strokes themselves.

    Args:
        recogniser: of an `exportable` network.
        spec: how strokes become images, for a network that sees both, and for people.
        takes: what the network sees.
    """

    def __init__(self, recogniser: Recogniser, spec: RenderSpec, takes: Takes) -> None:
        super().__init__()
        self.recogniser, self.spec, self.takes = recogniser, spec, takes

    def forward(
        self, points: torch.Tensor, pen: torch.Tensor, times: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, ...]:
        """Guess.

        Args:
            points: float32 (n, length, 2) in any unit, of simplified drawings.
            pen: int64 (n, length), what the pen did, see `StrokeBatch`.
            times: float32 (n, length), see `StrokesGraph`; for networks that know what they mean,
                and the channels that need them.

        Returns:
            probabilities, features if there are any, and what the strokes look like, uint8
            (n, channels, side, side).
        """
        levels = draw(points, pen, self.spec, times)
        strokes = PaddedStrokes(points, pen, times)
        if self.takes == "both":
            found = self.recogniser(levels / 255.0, strokes)
        else:
            found = self.recogniser(strokes)
        return *found, levels.to(torch.uint8)


def exportable(network: nn.Module) -> nn.Module:
    """A copy, in eval mode, that takes `PaddedStrokes` for `Strokes`."""
    body = deepcopy(network).eval()
    kinds: dict[type[nn.Module], Any] = {
        PointFeatures: PaddedFeatures,
        LineConv: PaddedConv,
        PackedGru: PaddedGru,
    }
    for name, module in list(body.named_modules()):
        if make := kinds.get(type(module)):
            parent, _, own = name.rpartition(".")
            setattr(body.get_submodule(parent), own, make(module))
    return body


class PaddedStrokes(NamedTuple):
    """What the file gets: see `StrokesSeenGraph`."""

    points: torch.Tensor
    pen: torch.Tensor
    times: torch.Tensor | None = None


class Rows(NamedTuple):
    """In place of a `Line`: rows of one size, end to end.

    Attributes:
        filled: bool (n * length, 1), which places have points; at least the first of each row.
        n: rows.
        length: places of a row.
        counts: int64 (n,), places with points.
    """

    filled: torch.Tensor
    n: int
    length: int
    counts: torch.Tensor

    @property
    def buckets(self) -> tuple[Bucket, ...]:
        return (Bucket(self.n, self.length),)

    def thinned(self, step: int) -> Rows:
        if step == 1:
            return self
        counts = (self.counts + (step - 1)) // step
        return Rows(self.filled[::step], self.n, self.length // step, counts)

    def packing(self) -> Rows:
        return self

    def rows(self, values: torch.Tensor) -> list[torch.Tensor]:
        return [values.reshape(self.n, self.length, *values.shape[1:])]

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        (rows,) = self.rows(values)
        return rows.sum(dim=1) / self.counts[:, None]


class PaddedFeatures(nn.Module):
    """In place of `PointFeatures`."""

    def __init__(self, of: PointFeatures) -> None:
        super().__init__()
        self.knows_times = bool(of.knows_times)

    def forward(self, strokes: PaddedStrokes) -> tuple[torch.Tensor, Rows]:
        n, given = strokes.pen.shape
        length = (given + GAP + STRIDE - 1) // STRIDE * STRIDE
        more = GAP + STRIDE - 1
        pen = nn.functional.pad(strokes.pen, (0, more))[:, :length]
        there = pen != PADDING
        # What lies in the padding must not matter.
        raw = nn.functional.pad(strokes.points, (0, 0, 0, more))[:, :length]
        points = place_points(torch.where(there[:, :, None], raw, 0.0), pen, 1.0, FRAME)
        points = torch.where(there[:, :, None], points.to(torch.float32), 0.0)
        before = torch.cat([points[:, :1], points[:, :-1]], dim=1)
        begins = pen == FIRST
        following = torch.cat([pen[:, 1:], torch.zeros_like(pen[:, :1])], dim=1)
        ends = (following == FIRST) | (following == PADDING)
        known = torch.zeros_like(points[:, :, 0])
        elapsed = known
        if self.knows_times and strokes.times is not None:
            # One row and place of NaN stand for all.
            given_times = torch.where(strokes.pen != PADDING, strokes.times, 0.0)
            times = nn.functional.pad(given_times, (0, more))[:, :length]
            is_known = there & ~times.isnan()
            gone = times - torch.cat([times[:, :1], times[:, :-1]], dim=1)
            known, elapsed = is_known.to(points.dtype), torch.where(is_known, gone, 0.0)
        values = features(points, points - before, begins, ends, elapsed, known)
        values = torch.where(there[:, :, None], values, 0.0)
        counts = there.sum(dim=1).clamp(min=1)
        is_first = torch.arange(length)[None] == 0
        filled = (there | is_first).reshape(-1, 1)
        return values.reshape(n * length, -1), Rows(filled, n, length, counts)


class PaddedConv(nn.Module):
    """In place of `LineConv`: the same over the whole line."""

    def __init__(self, of: LineConv) -> None:
        super().__init__()
        self.conv, self.stride = of.conv, of.stride

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.conv(values.T[None])[0].T
        return found


class PaddedGru(nn.Module):
    """In place of `PackedGru`: the GRU of ONNX."""

    def __init__(self, of: PackedGru) -> None:
        super().__init__()
        gru = of.gru
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            both = [getattr(gru, f"{name}_l0{way}").detach() for way in ("", "_reverse")]
            self.register_buffer(name, torch.stack(both))

    def forward(self, values: torch.Tensor, rows: Rows) -> torch.Tensor:
        (steps,) = rows.rows(values)
        found = bidirectional_gru(
            steps, rows.counts, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh
        )
        flat = found.reshape(-1, found.shape[2])
        return torch.where(rows.filled, flat, 0.0)
