"""What the drawings of each word look like on the average: a sheet that travels with a model.

A page shows it where a person asks what the network expects of a word.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..data.batches import render_window, windows
from ..data.store import Store
from ..errors import UnknownClassError
from ..evaluation.run import Subject, labels_in
from ..predict.means import sheet_of_means

__all__ = ["means_of"]

PER_CLASS = 400
"""Drawings of a word; more do not change its average that anyone could see."""
ROWS_AT_ONCE = 1024


def means_of(subject: Subject, store: Store) -> str:
    """The sheet of `predict.means`, of the train split, as base64; tiles of words without drawings
    are blank."""
    n_classes = len(subject.classes)
    try:
        label_of = labels_in(subject, store)
    except UnknownClassError:
        label_of = np.full(len(store.classes), -1)
    counts = np.zeros(n_classes, np.int64)
    sums: NDArray[np.float64] | None = None
    wanted = min(PER_CLASS * n_classes, store.size("train"))
    for rows in windows(store, "train", ROWS_AT_ONCE):
        labels = label_of[rows.labels]
        known = np.flatnonzero(labels >= 0)
        images = render_window(rows.take(known), subject.spec).numpy()[:, 0]
        if sums is None:
            sums = np.zeros((n_classes, *images.shape[1:]))
        np.add.at(sums, labels[known], images)
        np.add.at(counts, labels[known], 1)
        if counts.sum() >= wanted:
            break
    assert sums is not None
    means = sums / np.maximum(counts, 1)[:, None, None]
    return sheet_of_means(means)
