"""A simulated network, good enough to be confused and bad enough to be wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from doodlewise.evaluation import EvalResult, Tally


@pytest.fixture
def simulate() -> Callable[..., EvalResult]:
    def simulate_(classes: list[str] | int, n: int = 2000) -> EvalResult:
        words = classes if isinstance(classes, list) else [f"word {i}" for i in range(classes)]
        rng = np.random.default_rng(7)
        labels = rng.integers(len(words), size=n)
        scores = rng.normal(size=(n, len(words)))
        scores[np.arange(n), labels] += 2.5
        probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        counts = Tally(words)
        counts.update(
            probabilities,
            labels,
            rows=np.arange(n),
            recognised=rng.integers(-1, 2, size=n).astype(np.int8),
            countries=rng.choice(["US", "DE", ""], size=n).tolist(),
        )
        result = counts.result()
        return replace(
            result,
            by_ink={
                25: {"n": n, "top1": 0.2, "top3": 0.4},
                100: result.overall,
            },
            model="tiny",
            store="store",
            split="test",
            date="2025-03-02T10:00:00+00:00",
            version="0.1.0",
        )

    return simulate_
