"""Drawings of given lengths, as stroke networks take them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from doodlewise.models.inputs import Strokes

__all__ = ["made"]


def made(counts: Sequence[int], *, seed: int = 0, times: bool = False) -> Strokes:
    """Scribbles of so many points, in strokes of some points each."""
    random = np.random.default_rng(seed)
    total = sum(counts)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    begins = random.random(total) < 0.1
    begins[offsets[:-1][np.asarray(counts) > 0]] = True
    points = random.uniform(0.0, 255.0, (total, 2)).astype(np.float32)
    since = np.concatenate([np.arange(n) * 20.0 for n in counts] or [np.zeros(0)])
    return Strokes(
        points=torch.from_numpy(points),
        begins=torch.from_numpy(begins),
        offsets=torch.from_numpy(offsets),
        times=torch.from_numpy(since.astype(np.float32)) if times else None,
    )
