"""What a stroke network knows of each point, and convolutions along a line of drawings.

Of each point: the offset from the point before, its direction alone, where on the canvas it lies,
whether a stroke begins or ends there, and the time since the point before where that is known.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from .inputs import Strokes
from .stroke_line import Line

__all__ = ["WIDTH", "LineConv", "PointFeatures", "features"]

WIDTH = 11
"""Features of a point."""
UNIT = 32.0
"""Of offsets: in units of the frame, about their standard deviation."""
HALF_FRAME = 127.5
LEAST = 64
"""Places of a row into which a line is folded."""


class PointFeatures(nn.Module):
    """Lays drawings on a line: features of every point, (length, `WIDTH`), zeros between drawings.

    Times are used only by a network that has seen some while it learnt: to any other they mean
    nothing. In learning, those of every third drawing are hidden, so that it can do without.
    """

    HIDDEN = 1 / 3

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("knows_times", torch.zeros((), dtype=torch.bool))
        self.knows_times: torch.Tensor

    def forward(self, strokes: Strokes) -> tuple[torch.Tensor, Line]:
        line = Line.of(strokes)
        return line.lay(self._features(strokes)), line

    def _features(self, strokes: Strokes) -> torch.Tensor:
        points, times = strokes.points, strokes.times
        firsts = strokes.offsets[:-1]
        is_first = torch.zeros_like(strokes.begins)
        is_first[firsts] = True
        ends = torch.cat([strokes.begins[1:], strokes.begins.new_ones(1)])[: len(points)]
        before = torch.cat([points[:1], points[:-1]])
        offset = torch.where(is_first[:, None], 0.0, points - before)
        if times is None:
            elapsed, known = points.new_zeros(len(points)), points.new_zeros(len(points))
        else:
            if self.training:
                self.knows_times.fill_(True)
            shown = self.knows_times.expand(len(strokes))
            if self.training:
                shown = torch.rand(len(strokes), device=points.device) >= self.HIDDEN
            is_shown = shown.repeat_interleave(strokes.offsets.diff(), output_size=len(points))
            is_known = is_shown & ~times.isnan()
            gone = torch.where(is_first, 0.0, times - torch.cat([times[:1], times[:-1]]))
            known, elapsed = is_known.to(points.dtype), torch.where(is_known, gone, 0.0)
        return features(points, offset, strokes.begins, ends, elapsed, known)


def features(
    points: torch.Tensor,
    offset: torch.Tensor,
    begins: torch.Tensor,
    ends: torch.Tensor,
    elapsed: torch.Tensor,
    known: torch.Tensor,
) -> torch.Tensor:
    """Features of points in any arrangement.

    Args:
        points: float32 (..., 2), in the frame.
        offset: float32 (..., 2), from the point before; 0 of the first one of a drawing.
        begins: bool (...), whether a stroke begins here.
        ends: bool (...), whether a stroke ends here.
        elapsed: float32 (...), milliseconds since the point before.
        known: float32 (...), 1 where that is known, else 0.

    Returns:
        float32 (..., `WIDTH`).
    """
    length = offset.square().sum(dim=-1, keepdim=True).sqrt()
    time = torch.log1p(elapsed.clamp(min=0.0)) * known / 4.0
    return torch.cat(
        [
            offset / UNIT,
            offset / (length + 1.0),
            torch.log1p(length) / 3.0,
            points / HALF_FRAME - 1.0,
            begins.to(points.dtype)[..., None],
            ends.to(points.dtype)[..., None],
            time[..., None],
            known[..., None],
        ],
        dim=-1,
    )


class LineConv(nn.Module):
    """A convolution along a line, (length, before) to (length / stride, after).

    What it gives for empty places means nothing; see `Line`.
    """

    FOLDS = 16
    """The line is folded into so many rows, with the ends of their neighbours: convolutions of many
    short rows are twice as fast on a CPU as those of one long row."""

    def __init__(self, before: int, after: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.conv = nn.Conv1d(before, after, kernel, stride, padding=kernel // 2)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        length, width = values.shape
        reach = self.kernel // 2
        folds = max(min(self.FOLDS, length // LEAST), 1)
        wide = F.pad(values, (0, 0, 0, -length % (folds * self.stride)))
        rows = wide.reshape(folds, -1, width)
        edge = rows.new_zeros((1, reach, width))
        left = torch.cat([edge, rows[:-1, rows.shape[1] - reach :]])
        right = torch.cat([rows[1:, :reach], edge])
        image = torch.cat([left, rows, right], dim=1)[:, None].permute(0, 3, 1, 2)
        weight = self.conv.weight[:, :, None]
        found = F.conv2d(image, weight, self.conv.bias, stride=(1, self.stride))
        flat = found.permute(0, 2, 3, 1).flatten(0, 2)
        return flat[: length // self.stride]
