"""What the drawings of each word look like on the average: a sheet that travels with a model.

A page shows it where a person asks what the network expects of a word.
"""

from __future__ import annotations

import numpy as np

from ..data.store import Store
from ..evaluation.run import Subject
from ..predict.means import sheet_of_means
from .averages import averages

__all__ = ["means_of"]

PER_CLASS = 400
"""Drawings of a word; more do not change its average that anyone could see."""


def means_of(subject: Subject, store: Store) -> str:
    """The sheet of `predict.means`, of the train split, as base64; tiles of words without drawings
    are blank."""
    assert subject.spec is not None
    means, _ = averages(subject, store, PER_CLASS, lambda images: images[:, 0].numpy())
    if means is None:
        side = subject.spec.side
        means = np.zeros((len(subject.classes), side, side))
    return sheet_of_means(means)
