"""Rows that do not look like their class: mislabelled, or just odd.

Without a network, each row is judged by all others: ridge regression of the classes on a kernel of
outlines, of which leaving a row out has a closed form (Cook and Weisberg 1982). Pictures and their
mirror images count as alike. With a network, by the probabilities that it gives, as in confident
learning (Northcutt, Jiang and Chuang, JAIR 2021). Either way a row is the farther out, the more
another class is ahead of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..data.rows import Rows
from ..data.store import Store
from ..evaluation.run import Subject, labels_in, scores_of
from .findings import Suspect
from .likeness import outlines
from .sample import grey_thumbnails, row_shown

__all__ = ["AHEAD", "class_shares", "farthest", "network_shares"]

AHEAD = 0.25
"""Another class must be ahead of the own one by this; below, rows are merely not typical."""
SHOWN = 48
MOST_LANDMARKS = 2_000
"""Rows that the kernel is laid out on; with more, time and memory grow and little is gained."""
RIDGE = 0.1
_AT_ONCE = 1_024


def class_shares(rows: Rows, n_classes: int, *, side: int) -> NDArray[np.float32]:
    """How much each row looks like each class, judged by all other rows: float32 (rows, classes).

    About 1 for the class it looks like, about 0 for the others.

    Args:
        rows: at least two.
        n_classes: how many there are.
        side: of the grey pictures that are compared, pixels.
    """
    pictures = grey_thumbnails(rows, side)
    features = outlines(pictures)
    chosen = np.unique(np.linspace(0, len(rows) - 1, MOST_LANDMARKS).astype(np.int64))
    landmarks, mirrored = features[chosen], outlines(pictures[chosen][:, :, ::-1])
    scale = _usual_distance(features)
    among = _kernel(landmarks, landmarks, mirrored, scale).astype(np.float64)
    # Rows may be equal; a thousandth on the diagonal keeps the root real.
    root = np.linalg.cholesky((among + among.T) / 2 + 1e-3 * np.eye(len(chosen)))
    unroot = np.linalg.inv(root).T.astype(np.float32)
    laid_out = np.empty((len(rows), len(chosen)), np.float32)
    for first in range(0, len(rows), _AT_ONCE):
        part = features[first : first + _AT_ONCE]
        laid_out[first : first + _AT_ONCE] = _kernel(part, landmarks, mirrored, scale) @ unroot
    targets = np.zeros((len(rows), n_classes), np.float32)
    targets[np.arange(len(rows)), rows.labels] = 1.0
    gram = (laid_out.T @ laid_out).astype(np.float64)
    inverse = np.linalg.inv(gram + RIDGE * np.eye(len(chosen))).astype(np.float32)
    weights = inverse @ (laid_out.T @ targets)
    shares = np.empty_like(targets)
    for first in range(0, len(rows), _AT_ONCE):
        part, own = laid_out[first : first + _AT_ONCE], targets[first : first + _AT_ONCE]
        # How much of its own label comes back to a row: taken out again.
        back = np.minimum(((part @ inverse) * part).sum(axis=1, keepdims=True), 0.999)
        shares[first : first + _AT_ONCE] = (part @ weights - back * own) / (1 - back)
    return shares


def network_shares(
    subject: Subject, store: Store, rows: Rows
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Probabilities that a network gives, and which rows have a word that it knows.

    Args:
        subject: the network.
        store: whose classes the labels of the rows are.
        rows: of the store.

    Returns:
        float32 (rows, classes of the store), 0 for words that it does not know; bool (rows,).

    Raises:
        StoreError: the network cannot take what is in the store.
        UnknownClassError: it knows none of the words.
    """
    import torch

    column = labels_in(subject, store)
    known = np.flatnonzero(column >= 0)
    shares = np.zeros((len(rows), len(store.classes)), np.float32)
    for first in range(0, len(rows), _AT_ONCE):
        scores = scores_of(subject, rows.slice(first, min(first + _AT_ONCE, len(rows))))
        probabilities = torch.softmax(scores / subject.temperature, dim=1).numpy()
        shares[first : first + _AT_ONCE, known] = probabilities[:, column[known]]
    return shares, np.isin(rows.labels, known)


def farthest(
    rows: Rows, shares: NDArray[np.float32], classes: Sequence[str], *, is_network: bool
) -> list[Suspect]:
    """The rows in which another class is farthest ahead of their own, at most 48.

    Args:
        rows: that were judged.
        shares: float32 (rows, classes), of each class in each.
        classes: their words.
        is_network: whether shares are probabilities that a network gave.
    """
    every = np.arange(len(rows))
    own = shares[every, rows.labels]
    others = shares.copy()
    others[every, rows.labels] = -np.inf
    other = others.argmax(axis=1)
    ahead = others[every, other] - own
    order = np.argsort(-ahead, kind="stable")[:SHOWN]
    suspects = []
    for row in order[ahead[order] >= AHEAD].tolist():
        word, looks_like = classes[rows.labels[row]], classes[other[row]]
        why = (
            f"{100 * shares[row, other[row]]:.0f} % {looks_like},"
            f" {100 * own[row]:.0f} % {word} by the network"
            if is_network
            else ""
        )
        suspects.append(
            row_shown(rows, row, classes, looks_like=looks_like, score=float(ahead[row]), why=why)
        )
    return suspects


def _usual_distance(features: NDArray[np.float32]) -> float:
    """Median squared distance between rows, of some thousand pairs."""
    random = np.random.default_rng(0)
    one, two = random.integers(len(features), size=(2, 4_000))
    distances = ((features[one[one != two]] - features[two[one != two]]) ** 2).sum(axis=1)
    return max(float(np.median(distances)) if len(distances) else 0.0, 1e-6)


def _kernel(
    features: NDArray[np.float32],
    landmarks: NDArray[np.float32],
    mirrored: NDArray[np.float32],
    scale: float,
) -> NDArray[np.float32]:
    """How alike features and landmarks are, or their mirror images: float32 (n, landmarks)."""
    kernel = np.zeros((len(features), len(landmarks)), np.float32)
    for side in (landmarks, mirrored):
        squared = features @ side.T
        squared *= -2.0
        squared += (features**2).sum(axis=1)[:, None]
        squared += (side**2).sum(axis=1)
        kernel += np.exp(np.maximum(squared, 0.0) / -scale)
    kernel /= 2
    return kernel
