"""Small networks for pictures larger than Google's bitmaps: photos, and doodles as PNG files.

Of the size that tutorials use, and of the one shape that most of them agree on: blocks of a 3x3
convolution, batch norm, pooling and ReLU, each at half the size and twice the width of the one
before. The mean over the image, instead of a wide linear layer, lets them take any size, and keeps
a few hundred pictures from being learnt by heart.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from ..errors import ModelError
from .registry import ImageShape, register_model

__all__ = ["doodle_cnn", "photo_cnn"]

SMALLEST = 32
"""Pixels: four or five halvings leave one."""


class MeanOverImage(nn.Module):
    """(n, channels, height, width) to (n, channels)."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return maps.mean(dim=(2, 3))


@register_model(usual=(3, 64, 64))
def photo_cnn(n_classes: int, image_shape: ImageShape) -> nn.Module:
    """For photos of 64 x 64 RGB, or any size from 32; 389,410 parameters at two classes.

    Source: ours, of the size of the cats and dogs tutorials: four blocks of 32 to 256 channels.
    """
    _require_size("photo_cnn", image_shape)
    return nn.Sequential(
        *_blocks(image_shape[0], (32, 64, 128, 256)),
        MeanOverImage(),
        nn.Dropout(0.3),
        nn.Linear(256, n_classes),
    )


@register_model(usual=(1, 255, 255))
def doodle_cnn(n_classes: int, image_shape: ImageShape) -> nn.Module:
    """For doodles of 255 x 255, or any size from 32 pixels; 104,098 parameters at 50 words.

    Source: ours, of tutorial size, for Kaggle's Doodle Dataset. The first 5x5 convolution has a
    stride of 2: a line is two pixels wide there, and most work would be done on empty paper.
    """
    _require_size("doodle_cnn", image_shape)
    return nn.Sequential(
        nn.Conv2d(image_shape[0], 16, 5, stride=2, padding=2, bias=False),
        nn.BatchNorm2d(16),
        nn.MaxPool2d(2),
        nn.ReLU(inplace=True),
        *_blocks(16, (32, 64, 128)),
        MeanOverImage(),
        nn.Dropout(0.2),
        nn.Linear(128, n_classes),
    )


def _blocks(channels: int, widths: Sequence[int]) -> list[nn.Module]:
    """Each halves height and width."""
    layers: list[nn.Module] = []
    for width in widths:
        layers += [
            nn.Conv2d(channels, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.MaxPool2d(2),
            nn.ReLU(inplace=True),
        ]
        channels = width
    return layers


def _require_size(name: str, image_shape: ImageShape) -> None:
    _, height, width = image_shape
    if min(height, width) < SMALLEST:
        raise ModelError(
            f"Images of {height} x {width} are too small for {name}, which takes {SMALLEST} pixels"
            " or more. Prepare the store with a larger --size, or choose convnet_tiny."
        )
