"""What the last layer sees of each word on the average; see `predict.feature_means`."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ..data.store import Store
from ..evaluation.run import Subject
from ..models.head import divided
from ..models.inputs import Inputs, scores, takes_of
from ..models.registry import ImageShape
from ..predict.feature_means import feature_means_text
from .averages import averages

__all__ = ["feature_means"]

PER_CLASS = 24
"""Drawings of a word."""


def feature_means(subject: Subject, store: Store, image_shape: ImageShape) -> str | None:
    """Of the train split, as text for the metadata.

    None where the network does not end in a linear layer, or a word has no drawing in the store.
    """
    body, head = divided(subject.network, image_shape)
    if head is None:
        return None

    takes = takes_of(subject.network)

    def features(inputs: Inputs) -> NDArray[np.float32]:
        with torch.inference_mode():
            seen: NDArray[np.float32] = scores(body, inputs).float().numpy()
        return seen

    means, counts = averages(subject, store, PER_CLASS, features, takes=takes)
    return feature_means_text(means) if means is not None and counts.all() else None
