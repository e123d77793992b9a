"""Our raster networks: residual convolutions, made for thin ink on much paper.

The stem halves the image at once with a 5x5 kernel: a line is about 1.5 pixels wide at 28 pixels,
so a stride of 2 loses nothing that a wide kernel does not keep, and the layers that would cost most
work on a quarter of the pixels. Residual branches begin at zero, so the network begins shallow.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from ..errors import ModelError
from .registry import ImageShape, register_model

__all__ = ["ConvNet", "convnet_base", "convnet_small", "convnet_tiny"]


class Residual(nn.Module):
    """Two 3x3 convolutions around a shortcut: (n, width, h, w) to the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        nn.init.zeros_(self.norm2.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branch = F.relu(self.norm1(self.conv1(x)), inplace=True)
        return F.relu(x + self.norm2(self.conv2(branch)), inplace=True)


class ConvNet(nn.Module):
    """A stem and stages, each at half the size of the one before, then the mean over the image.

    Args:
        n_classes: scores.
        image_shape: channels, height, width; any height and width of 16 or more.
        widths: channels of each stage.
        depths: residual blocks of each stage.
        dropout: share of the features that training hides from the last layer.

    Attributes:
        stage_begins: from each stage to its first layer.

    Raises:
        ModelError: the image is smaller than 16 pixels.
    """

    def __init__(
        self,
        n_classes: int,
        image_shape: ImageShape,
        widths: Sequence[int],
        depths: Sequence[int],
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        channels, height, width = image_shape
        if min(height, width) < 16:
            raise ModelError(
                f"Images of {height} x {width} are too small for a convnet. Set --side 16 or more."
            )
        self.stem = _reduce(channels, widths[0], kernel=5)
        self.stages = nn.Sequential()
        self.stage_begins: dict[str, str] = {}
        for stage, (wide, depth) in enumerate(zip(widths, depths, strict=True)):
            self.stage_begins[f"stage{stage + 1}"] = f"stages.{len(self.stages)}"
            if stage:
                self.stages.append(_reduce(widths[stage - 1], wide, kernel=3))
            for _ in range(depth):
                self.stages.append(Residual(wide))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(widths[-1], n_classes)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """What the last layer sees: (n, widths[-1])."""
        maps: torch.Tensor = self.stages(self.stem(images))
        return maps.mean(dim=(2, 3))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.head(self.dropout(self.features(images)))
        return scores


def _reduce(before: int, after: int, kernel: int) -> nn.Module:
    """Halve height and width."""
    return nn.Sequential(
        nn.Conv2d(before, after, kernel, stride=2, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )


@register_model
def convnet_tiny(n_classes: int, image_shape: ImageShape) -> nn.Module:
    """Ours, 906,441 parameters at 345 words: 3,200 drawings/s in training on two CPU cores."""
    return ConvNet(n_classes, image_shape, widths=(48, 96, 160), depths=(1, 1, 1))


@register_model
def convnet_small(n_classes: int, image_shape: ImageShape) -> nn.Module:
    """Ours, 3,559,961 parameters at 345 words: for a GPU, or an evening on a CPU."""
    return ConvNet(n_classes, image_shape, (64, 128, 256), depths=(2, 2, 2), dropout=0.1)


@register_model
def convnet_base(n_classes: int, image_shape: ImageShape) -> nn.Module:
    """Ours, 14,267,705 parameters at 345 words: for a GPU and millions of drawings."""
    return ConvNet(n_classes, image_shape, (96, 192, 448), depths=(2, 3, 3), dropout=0.2)
