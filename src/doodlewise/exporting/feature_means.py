"""What the last layer sees of each word on the average; see `predict.feature_means`."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from ..data.batches import render_window, windows
from ..data.store import Store
from ..errors import UnknownClassError
from ..evaluation.run import Subject, labels_in
from ..models.head import divided
from ..models.registry import ImageShape, as_input
from ..predict.feature_means import feature_means_text

__all__ = ["feature_means"]

PER_CLASS = 24
"""Drawings of a word."""
ROWS_AT_ONCE = 512


def feature_means(subject: Subject, store: Store, image_shape: ImageShape) -> str | None:
    """Of the train split, as text for the metadata.

    None where the network does not end in a linear layer, or a word has no drawing in the store.
    """
    body, head = divided(subject.network, image_shape)
    if head is None:
        return None
    n_classes = len(subject.classes)
    try:
        label_of = labels_in(subject, store)
    except UnknownClassError:
        label_of = np.full(len(store.classes), -1)
    counts = np.zeros(n_classes, np.int64)
    sums = np.zeros((n_classes, head.in_features))
    for rows in windows(store, "train", ROWS_AT_ONCE):
        labels = label_of[rows.labels]
        wanted = np.flatnonzero((labels >= 0) & (counts[labels] < PER_CLASS))
        if len(wanted):
            images = render_window(rows.take(wanted), subject.spec)
            features = _seen(body, images)
            np.add.at(sums, labels[wanted], features)
            np.add.at(counts, labels[wanted], 1)
        if (counts >= PER_CLASS).all():
            break
    if not counts.all():
        return None
    return feature_means_text(sums / counts[:, None])


def _seen(body: nn.Module, images: torch.Tensor) -> np.ndarray:
    with torch.inference_mode():
        seen: np.ndarray = body(as_input(images)).float().numpy()
    return seen
