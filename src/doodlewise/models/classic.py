"""The small networks of this field's tutorials, layer for layer, to compare with on equal terms.

They differ in one thing, but in no number: the ReLU comes after the pooling, where there is a
quarter as much to do.
"""

from __future__ import annotations

from torch import nn

from .registry import BITMAP, ImageShape, register_model, require_shape

__all__ = ["doodlenet", "quickdraw_cnn_v1", "quickdraw_cnn_v2"]


@register_model
def quickdraw_cnn_v1(n_classes: int, image_shape: ImageShape) -> nn.Module:
    """Two 5x5 convolutions and one linear layer; 84.74 % on ten words in its author's hands.

    Source: SafoanMiah/quick-draw-neural-net.
    """
    require_shape("quickdraw_cnn_v1", image_shape, BITMAP)
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2),
        nn.MaxPool2d(2),
        nn.ReLU(inplace=True),
        nn.Conv2d(16, 32, 5, padding=2),
        nn.MaxPool2d(2),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(32 * 7 * 7, n_classes),
    )


@register_model
def quickdraw_cnn_v2(n_classes: int, image_shape: ImageShape) -> nn.Module:
    """Three convolutions with batch norm and two linear layers; 88.57 % in its author's hands.

    Source: SafoanMiah/quick-draw-neural-net. Its table gives 147,712 parameters for the first
    linear layer, 576 x 256 + 256, so three poolings lead from 28 to 3; the dropout is 0.5.
    """
    require_shape("quickdraw_cnn_v2", image_shape, BITMAP)
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2),
        nn.BatchNorm2d(16),
        nn.MaxPool2d(2),
        nn.ReLU(inplace=True),
        nn.Conv2d(16, 32, 5, padding=2),
        nn.BatchNorm2d(32),
        nn.MaxPool2d(2),
        nn.ReLU(inplace=True),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.BatchNorm2d(64),
        nn.MaxPool2d(2),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(576, 256),
        nn.ReLU(inplace=True),
        nn.Dropout(0.5),
        nn.Linear(256, n_classes),
    )


@register_model
def doodlenet(n_classes: int, image_shape: ImageShape) -> nn.Module:
    """Six 3x3 convolutions and a wide tanh layer, as in ml5.js; 544,201 parameters at 345 words.

    Source: yining1023/doodleNet.
    """
    require_shape("doodlenet", image_shape, BITMAP)
    layers: list[nn.Module] = []
    channels = 1
    for width in (16, 32, 64):
        layers += [
            nn.Conv2d(channels, width, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1),
            nn.MaxPool2d(2),
            nn.ReLU(inplace=True),
        ]
        channels = width
    return nn.Sequential(
        *layers,
        nn.Dropout(0.1),
        nn.Flatten(),
        nn.Linear(576, 512),
        nn.Tanh(),
        nn.Linear(512, n_classes),
    )
