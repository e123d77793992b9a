"""A transformer on strokes: tokens of a few points each, attention within a drawing only."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

from .inputs import Strokes, Takes
from .registry import ImageShape, register_model
from .stroke_features import WIDTH, LineConv, PointFeatures
from .stroke_line import Line

__all__ = ["StrokeTransformer", "stroke_transformer"]

LONGEST_WAVE = 1_000.0
"""Tokens, over 2 pi, by which the number of a token is told."""


class Block(nn.Module):
    """Attention, then a layer of each token alone; both beside a shortcut, norms first."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        for last in (self.out, self.down):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, values: torch.Tensor, line: Line, masks: list[torch.Tensor]) -> torch.Tensor:
        """(length, width) of a line to the same."""
        qkv = self.qkv(self.norm1(values))
        every = zip(line.rows(qkv), masks, strict=True)
        seen = [self._attend(rows, mask) for rows, mask in every]
        values = values + self.out(torch.cat(seen))
        inner = F.gelu(self.up(self.norm2(values)), approximate="tanh")
        after: torch.Tensor = values + self.down(inner)
        return after

    def _attend(self, qkv: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(drawings, slot, 3 * width) to (drawings * slot, width)."""
        rows, slot, _ = qkv.shape
        q, k, v = qkv.reshape(rows, slot, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        found = F.scaled_dot_product_attention(q, k, v, mask)
        return found.transpose(1, 2).flatten(2).flatten(0, 1)


class StrokeTransformer(nn.Module):
    """Convolutions that make a token of every two or four points, blocks, and the mean.

    Args:
        n_classes: scores.
        width: of a token.
        depth: blocks.
        heads: of the attention.
        step: points of a token, 2 or 4.
        dropout: share of the features that training hides from the last layer.
    """

    takes: Takes = "strokes"

    def __init__(
        self,
        n_classes: int,
        width: int = 128,
        depth: int = 3,
        heads: int = 4,
        step: int = 4,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.width, self.step = width, step
        self.points = PointFeatures()
        self.stem = LineConv(WIDTH, 64, 5)
        self.stem_norm = nn.LayerNorm(64)
        self.token = nn.Linear(step * 64, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, n_classes)

    def features(self, strokes: Strokes) -> torch.Tensor:
        """What the last layer sees: (n, width)."""
        values, line = self.points(strokes)
        values = F.relu(self.stem_norm(self.stem(values))) * line.filled
        values = self.token(values.reshape(-1, self.step * values.shape[1]))
        line = line.thinned(self.step)
        values = values + self._when(line, values)
        masks = [rows[:, None, None, :, 0] for rows in line.rows(line.filled)]
        for block in self.blocks:
            values = block(values, line, masks)
        seen: torch.Tensor = line.mean(self.norm(values) * line.filled)
        return seen

    def forward(self, strokes: Strokes) -> torch.Tensor:
        scores: torch.Tensor = self.head(self.dropout(self.features(strokes)))
        return scores

    def _when(self, line: Line, like: torch.Tensor) -> torch.Tensor:
        """The number of each token in its drawing as waves of many lengths: (length, width)."""
        parts = [
            waves(bucket.slot, self.width, like).repeat(bucket.rows, 1) for bucket in line.buckets
        ]
        return torch.cat(parts)


def waves(n: int, width: int, like: torch.Tensor) -> torch.Tensor:
    """(n, width), as in "Attention Is All You Need"."""
    at = torch.arange(n, device=like.device, dtype=torch.float32)[:, None]
    exponent = torch.arange(0, width, 2, device=like.device) / width
    angle = at * torch.exp(exponent * -math.log(LONGEST_WAVE))
    return torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1).to(like.dtype)


@register_model(takes="strokes")
def stroke_transformer(n_classes: int, _: ImageShape) -> nn.Module:
    """Ours, on strokes: a transformer whose tokens are four points each."""
    return StrokeTransformer(n_classes)
