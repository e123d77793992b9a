"""What the drawings of each word look like on the average: a sheet that travels with a model.

A page shows it where a person asks what the network expects of a word.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..data.store import Store
from ..evaluation.run import Subject
from ..models.inputs import Inputs
from ..predict.means import sheet_of_means
from .averages import averages

__all__ = ["means_of"]

PER_CLASS = 400
"""Drawings of a word; more do not change its average that anyone could see."""


def means_of(subject: Subject, store: Store) -> str:
    """The sheet of `predict.means`, of the train split, as base64; tiles of words without drawings
    are blank."""
    assert subject.spec is not None
    means, _ = averages(subject, store, PER_CLASS, partial(_ink, subject.spec.shown))
    if means is None:
        side = subject.spec.side
        means = np.zeros((len(subject.classes), side, side))
    return sheet_of_means(means)


def _ink(plane: int, inputs: Inputs) -> NDArray[np.uint8]:
    assert inputs.images is not None
    ink: NDArray[np.uint8] = inputs.images[:, plane].numpy()
    return ink
