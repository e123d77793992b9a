"""A raster and a stroke network side by side: the last layer sees what both of them see.

The image tells where ink is and what lies beside what; the strokes tell in which order, and which
way, it was drawn.
"""

from __future__ import annotations

import torch
from torch import nn

from .convnet import ConvNet
from .inputs import Strokes, Takes
from .registry import ImageShape, register_model
from .stroke_gru import StrokeGru

__all__ = ["Fusion", "fusion_small"]


class Fusion(nn.Module):
    """Features of both, each brought to one scale, joined, and a linear layer.

    Args:
        n_classes: scores.
        raster: gives features of images; its own last layer is left out.
        strokes: gives features of strokes; likewise.
        dropout: share of the features that training hides from the last layer.
    """

    takes: Takes = "both"

    def __init__(
        self, n_classes: int, raster: ConvNet, strokes: StrokeGru, dropout: float = 0.1
    ) -> None:
        super().__init__()
        widths = (raster.head.in_features, strokes.width)
        self.raster, self.strokes = raster, strokes
        del raster.head, strokes.head
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in widths)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(sum(widths), n_classes)

    def features(self, images: torch.Tensor, strokes: Strokes) -> torch.Tensor:
        """What the last layer sees: (n, both widths)."""
        parts = (self.raster.features(images), self.strokes.features(strokes))
        return torch.cat([norm(part) for norm, part in zip(self.norms, parts, strict=True)], dim=1)

    def forward(self, images: torch.Tensor, strokes: Strokes) -> torch.Tensor:
        scores: torch.Tensor = self.head(self.dropout(self.features(images, strokes)))
        return scores


@register_model(takes="both")
def fusion_small(n_classes: int, image_shape: ImageShape) -> nn.Module:
    """Ours: convnet_tiny for the image and stroke_gru for the strokes, joined before the end."""
    raster = ConvNet(n_classes, image_shape, widths=(48, 96, 160), depths=(1, 1, 1))
    return Fusion(n_classes, raster, StrokeGru(n_classes))
