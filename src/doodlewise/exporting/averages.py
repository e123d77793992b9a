"""Averages by word over the drawings that a network was trained on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..data.batches import inputs_of, windows
from ..data.store import Store
from ..errors import UnknownClassError
from ..evaluation.run import Subject, labels_in
from ..models.inputs import Inputs, Takes

__all__ = ["averages"]

ROWS_AT_ONCE = 512


def averages(
    subject: Subject,
    store: Store,
    per_class: int,
    measure: Callable[[Inputs], NDArray[np.floating | np.uint8]],
    *,
    takes: Takes = "images",
) -> tuple[NDArray[np.float64] | None, NDArray[np.int64]]:
    """The average of what is measured, by word, and of how many drawings.

    Args:
        subject: whose words and images they are.
        store: its train split is looked at.
        per_class: about so many drawings of a word are enough.
        measure: n drawings to an array with n rows.
        takes: what it wants to have of a drawing.

    Returns:
        (words, ...), 0 for a word without drawings, None if there is no drawing at all; and int64
        (words,).
    """
    n_classes = len(subject.classes)
    try:
        label_of = labels_in(subject, store)
    except UnknownClassError:
        label_of = np.full(len(store.classes), -1)
    counts = np.zeros(n_classes, np.int64)
    sums: NDArray[np.float64] | None = None
    for rows in windows(store, "train", ROWS_AT_ONCE):
        labels = label_of[rows.labels]
        wanted = np.flatnonzero((labels >= 0) & (counts[labels] < per_class))
        if len(wanted):
            measured = measure(inputs_of(rows.take(wanted), subject.spec, takes))
            if sums is None:
                sums = np.zeros((n_classes, *measured.shape[1:]))
            np.add.at(sums, labels[wanted], measured)
            np.add.at(counts, labels[wanted], 1)
        if (counts >= per_class).all():
            break
    if sums is None:
        return None, counts
    many = np.maximum(counts, 1).reshape(-1, *(1,) * (sums.ndim - 1))
    return sums / many, counts
