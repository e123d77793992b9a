"""How well words were learnt, from the examples alone: each is guessed by what the others teach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .few_shot import Examples, Known, left_out

__all__ = ["Trial", "try_out"]

RIGHT_WHEN_SURE = 0.9
"""A guess counts as sure from the confidence at which at least this share is right."""
THRESHOLDS = np.arange(50, 100, 5) / 100.0
UNKNOWN_SURE_FROM = 0.7
"""Where nothing can be left out."""
UNKNOWN_TEMPERATURE = 0.6
"""Likewise; see `benchmarks/few_drawings.py`."""
TEMPERATURES = np.geomspace(0.25, 8.0, 61)
PRIOR = 10.0
"""So many examples it takes until they say as much about the temperature as experience does."""
OFTEN = 0.25
"""Share of a word's examples from which on it is often taken for another."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What leaving out showed.

    Attributes:
        accuracy: share guessed right; None where a word has one example only.
        temperature: for the new rows.
        sure_from: probability from which on a guess counts as sure.
        mixed_up: a new word that is often taken for another, and this, as columns; None if there
            is none.
    """

    accuracy: float | None
    temperature: float
    sure_from: float
    mixed_up: tuple[int, int] | None


def try_out(examples: Examples, known: Known | None) -> Trial:
    """Leave out every example once.

    Beside known words the temperature stays 1, for theirs is right already.
    """
    scores, there = left_out(examples, known)
    if not there.any():
        return Trial(None, 1.0 if known else UNKNOWN_TEMPERATURE, UNKNOWN_SURE_FROM, None)
    n_known = 0 if known is None else len(known.bias)
    truth = examples.words[there] + n_known
    scores = scores[there]
    temperature = 1.0 if known else _temperature(scores, truth)
    whole = scores[:, 0] / temperature
    guesses = whole.argmax(axis=1)
    right = guesses == truth
    return Trial(
        accuracy=float(right.mean()) if there.all() else None,
        temperature=temperature,
        sure_from=_sure_from(_probability(whole, guesses), right),
        mixed_up=_mixed_up(guesses, truth),
    )


def _temperature(scores: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    """That with the smallest loss, drawn to experience while there are few examples.

    Args:
        scores: (examples, variations, words).
        truth: (examples,).
    """
    n, variations, _ = scores.shape
    flat = scores.reshape(n * variations, -1)
    rows, columns = np.arange(len(flat)), np.repeat(truth, variations)
    losses = []
    for temperature in TEMPERATURES:
        calm = flat / temperature
        most = calm.max(axis=1)
        log_sum = most + np.log(np.exp(calm - most[:, None]).sum(axis=1))
        losses.append(float((log_sum - calm[rows, columns]).mean()))
    best = float(TEMPERATURES[int(np.argmin(losses))])
    weight = n / (n + PRIOR)
    return float(np.exp(weight * np.log(best) + (1.0 - weight) * np.log(UNKNOWN_TEMPERATURE)))


def _probability(scores: NDArray[np.float32], guesses: NDArray[np.int64]) -> NDArray[np.float64]:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers[np.arange(len(guesses)), guesses] / powers.sum(axis=1), np.float64)


def _sure_from(probability: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    for threshold in THRESHOLDS:
        sure = probability >= threshold
        if sure.any() and right[sure].mean() >= RIGHT_WHEN_SURE:
            return float(threshold)
    return float(THRESHOLDS[-1])


def _mixed_up(guesses: NDArray[np.int64], truth: NDArray[np.int64]) -> tuple[int, int] | None:
    worst, pair = 0.0, None
    for word in np.unique(truth):
        own = guesses[truth == word]
        wrong, counts = np.unique(own[own != word], return_counts=True)
        if len(wrong) and counts.max() / len(own) >= max(OFTEN, worst + 1e-9) and counts.max() > 1:
            worst = float(counts.max() / len(own))
            pair = (int(word), int(wrong[counts.argmax()]))
    return pair
