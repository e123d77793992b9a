"""A last layer for new words, from a handful of examples of each.

Multinomial logistic regression on what the last layer sees, pulled towards prototypes: with one
example of a word its row points to that example (weight imprinting, Qi et al., CVPR 2018), with
many it goes where they lead. `benchmarks/few_drawings.py` compares it with other ways.

Beside words that the network knows already, whose rows stay as they are, new rows have to leave
their drawings alone. What stands for these drawings is the mean of each old word; without it new
rows would take everything.

The page in the browser does the same in JavaScript (`serve/static`); change both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Examples", "Known", "Rows", "fit", "fold_of", "left_out", "scores_of"]

Floats = NDArray[np.float32]

PULL = 1e-4
"""How strongly rows are pulled towards their prototypes, against the mean loss of an example."""
REACH = 10.0
"""Score of an example that looks as its prototype does, at the beginning."""
STEPS = 100
"""Of accelerated gradient descent. More change no guess."""
OLD_TO_NEW = 5.0
"""All known words together weigh so many times as much as all new words, or less where that would
be more for a known word than for a new one."""
MOST_FOLDS = 10
"""Examples are left out in so many turns at most."""


@dataclass(frozen=True, eq=False, slots=True)
class Examples:
    """What the last layer sees of the examples, each in several variations.

    Attributes:
        features: (examples, variations, width); the first variation is the example as it is.
        words: int64 (examples,), from 0, each at least once.
    """

    features: Floats
    words: NDArray[np.int64]

    @property
    def n_words(self) -> int:
        return int(self.words.max()) + 1


@dataclass(frozen=True, eq=False, slots=True)
class Known:
    """Words whose rows stay.

    Attributes:
        weight, bias: (known, width) and (known,), after division by the temperature.
        means: (known, width), mean of the features of each.
    """

    weight: Floats
    bias: Floats
    means: Floats


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """A last layer: weight (words, width) and bias (words,)."""

    weight: Floats
    bias: Floats


def fit(examples: Examples, known: Known | None = None, *, steps: int = STEPS) -> Rows:
    """The rows of the new words.

    Args:
        examples: of every new word.
        known: words beside which they are to stand; None if they stand alone.
        steps: see `STEPS`.
    """
    n_words, width = examples.n_words, examples.features.shape[-1]
    x = examples.features.reshape(-1, width)
    word = np.repeat(examples.words, examples.features.shape[1])
    length = float(np.linalg.norm(x, axis=1).mean()) or 1.0
    is_word = np.eye(n_words, dtype=np.float32)[word]
    share = 1.0 / (n_words * is_word.sum(axis=0)[word])
    prototypes = REACH * _unit(is_word.T @ _unit(x))
    weight, bias = prototypes, np.zeros(n_words, np.float32)
    rival = np.empty((len(x), 0), np.float32)
    if known is not None:
        n_known = len(known.bias)
        ratio = min(OLD_TO_NEW, n_known / n_words)
        share = np.concatenate([share, np.full(n_known, ratio / n_known)]) / (1.0 + ratio)
        x = np.concatenate([x, known.means])
        is_word = np.concatenate([is_word, np.zeros((n_known, n_words), np.float32)])
        # One rival stands for all known words: the logarithm of the sum of their exponentials.
        rival = _log_sum(x @ known.weight.T + known.bias)
        bias = bias + rival[: len(word)].mean() - np.float32(REACH)
    x = x / np.float32(length)
    share = share.astype(np.float32)[:, None]
    # The curvature of the loss is nowhere above this, so no step of its inverse goes too far.
    curvature = 0.5 * float((share * (x * x).sum(axis=1, keepdims=True)).sum() + 1.0) + PULL
    ahead_weight, ahead_bias, pace = weight, bias, 1.0
    for _ in range(steps):
        scores = np.concatenate([x @ ahead_weight.T + ahead_bias, rival], axis=1)
        excess = share * (_softmax(scores)[:, :n_words] - is_word)
        slope = excess.T @ x + PULL * (ahead_weight - prototypes)
        new_weight = ahead_weight - slope / curvature
        new_bias = ahead_bias - excess.sum(axis=0) / curvature
        # Nesterov's momentum.
        new_pace = (1.0 + np.sqrt(1.0 + 4.0 * pace * pace)) / 2.0
        momentum = np.float32((pace - 1.0) / new_pace)
        ahead_weight = new_weight + momentum * (new_weight - weight)
        ahead_bias = new_bias + momentum * (new_bias - bias)
        weight, bias, pace = new_weight, new_bias, new_pace
    return Rows((weight / length).astype(np.float32), bias.astype(np.float32))


def scores_of(features: Floats, rows: Rows, known: Known | None = None) -> Floats:
    """Scores (n, known words and new words) of features (n, width)."""
    scores: Floats = features @ rows.weight.T + rows.bias
    if known is not None:
        scores = np.concatenate([features @ known.weight.T + known.bias, scores], axis=1)
    return scores


def left_out(examples: Examples, known: Known | None = None) -> tuple[Floats, NDArray[np.bool_]]:
    """Scores of each example, by rows that were learnt without it and its variations.

    In every turn one example of each word is left out, or a tenth of them where there are many.

    Returns:
        (examples, variations, words) scores; and of which examples there are any: a word's only
        example is never left out.
    """
    folds = fold_of(examples.words)
    n_known = 0 if known is None else len(known.bias)
    n, variations, width = examples.features.shape
    scores = np.zeros((n, variations, n_known + examples.n_words), np.float32)
    for fold in range(int(folds.max()) + 1):
        out = folds == fold
        rows = fit(Examples(examples.features[~out], examples.words[~out]), known)
        flat = scores_of(examples.features[out].reshape(-1, width), rows, known)
        scores[out] = flat.reshape(-1, variations, flat.shape[1])
    return scores, folds >= 0


def fold_of(words: NDArray[np.int64]) -> NDArray[np.int64]:
    """In which turn each example is left out; -1 for the only one of its word."""
    folds = np.full(len(words), -1, np.int64)
    for word in np.unique(words):
        own = np.flatnonzero(words == word)
        if len(own) > 1:
            folds[own] = np.arange(len(own)) % MOST_FOLDS
    return folds


def _unit(rows: Floats) -> Floats:
    """Rows of length 1; of zeros where there are only zeros."""
    unit: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit


def _log_sum(scores: Floats) -> Floats:
    most = scores.max(axis=1, keepdims=True)
    logarithms: Floats = most + np.log(np.exp(scores - most).sum(axis=1, keepdims=True))
    return logarithms


def _softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities: Floats = powers / powers.sum(axis=1, keepdims=True)
    return probabilities
