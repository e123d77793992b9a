"""Recurrent networks on strokes: convolutions along the pen's way, then a GRU in both directions.

As the field's tutorial does (TensorFlow, "Recurrent Neural Networks for Drawing Classification"),
with steps of two points after the convolutions: half the work, and a recurrence half as long.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from .inputs import Strokes, Takes
from .packed_gru import PackedGru
from .registry import ImageShape, register_model
from .stroke_features import WIDTH, LineConv, PointFeatures

__all__ = ["StrokeGru", "stroke_gru"]


class StrokeGru(nn.Module):
    """Convolutions, recurrent layers, and the mean over the drawing.

    Args:
        n_classes: scores.
        widths: of the convolutions; every one after the first halves the points.
        hidden: of each direction of each recurrent layer.
        dropout: share of the features that training hides from the last layer.
    """

    takes: Takes = "strokes"

    def __init__(
        self,
        n_classes: int,
        widths: Sequence[int] = (64, 96),
        hidden: Sequence[int] = (128,),
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.points = PointFeatures()
        self.convs = nn.ModuleList()
        self.norms = nn.ModuleList()
        before = WIDTH
        for number, width in enumerate(widths):
            self.convs.append(LineConv(before, width, 5, 2 if number else 1))
            self.norms.append(nn.LayerNorm(width))
            before = width
        self.layers = nn.ModuleList()
        for width in hidden:
            self.layers.append(PackedGru(before, width))
            before = 2 * width
        self.width = before
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(before, n_classes)

    def features(self, strokes: Strokes) -> torch.Tensor:
        """What the last layer sees: (n, `width`)."""
        values, line = self.points(strokes)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            values = norm(conv(values))
            line = line.thinned(conv.stride)
            values = F.relu(values) * line.filled
        packing = line.packing()
        for layer in self.layers:
            values = layer(values, packing)
        seen: torch.Tensor = line.mean(values)
        return seen

    def forward(self, strokes: Strokes) -> torch.Tensor:
        scores: torch.Tensor = self.head(self.dropout(self.features(strokes)))
        return scores


@register_model(takes="strokes", lr=1.2e-2)
def stroke_gru(n_classes: int, _: ImageShape) -> nn.Module:
    """Ours, on strokes: two convolutions along the pen's way, then a GRU in both directions."""
    return StrokeGru(n_classes)
