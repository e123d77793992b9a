"""Are the synthetic doodles a real task? What a linear classifier makes of them.

    python benchmarks/synthetic_linear.py
    python benchmarks/synthetic_linear.py --train 240 --test 100 --real quickdraw/simplified

A linear classifier and the nearest class mean, on 28 x 28 pixels; with --real, a folder of
Google's simplified ndjson files, also on as many real doodles of the same words. The nearer the
two, the better do the synthetic ones stand in for real ones.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from doodlewise.data.formats import read_drawings
from doodlewise.data.formats.synthetic import SYNTHETIC_WORDS, draw
from doodlewise.drawing import Drawing
from doodlewise.ragged import Ragged
from doodlewise.raster import RenderSpec, render_many


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", type=int, default=500, help="drawings of each word")
    parser.add_argument("--test", type=int, default=200, help="drawings of each word")
    parser.add_argument("--real", type=Path, help="folder of Google's simplified ndjson files")
    options = parser.parse_args()

    n = options.train + options.test
    print(f"{len(SYNTHETIC_WORDS)} words, {options.train} drawings each to train, ", end="")
    print(f"{options.test} to test")
    linear = measure("synthetic", lambda word: synthetic(word, n), options.train)
    if options.real is not None:
        real = measure("real", lambda word: read(options.real, word, n), options.train)
        print(f"synthetic / real, linear: {linear / real:.2f}")


def synthetic(word: str, n: int) -> list[Drawing]:
    rng = np.random.default_rng([SYNTHETIC_WORDS.index(word), 2024])
    return [draw(word, rng) for _ in range(n)]


def read(folder: Path, word: str, n: int) -> list[Drawing]:
    return list(islice(read_drawings(folder / f"{word}.ndjson"), n))


def measure(name: str, drawings_of: Callable[[str], list[Drawing]], n_train: int) -> float:
    """Print both accuracies; return the linear classifier's."""
    started = time.perf_counter()
    drawings = {word: drawings_of(word) for word in SYNTHETIC_WORDS}
    seconds = time.perf_counter() - started
    total = sum(map(len, drawings.values()))
    print(f"{name}: {total} drawings in {seconds:.1f} s, {total / seconds:,.0f} a second")

    images = {word: pixels(each) for word, each in drawings.items()}
    train = np.concatenate([each[:n_train] for each in images.values()])
    test = np.concatenate([each[n_train:] for each in images.values()])
    train_labels = np.repeat(np.arange(len(images)), n_train)
    test_labels = np.concatenate(
        [np.full(len(each) - n_train, label) for label, each in enumerate(images.values())]
    )

    classifier = LogisticRegression(C=0.01, max_iter=500).fit(train, train_labels)
    guesses = classifier.predict(test)
    linear = float(np.mean(guesses == test_labels))
    means = np.array([each[:n_train].mean(axis=0) for each in images.values()])
    # The nearest mean by squares: |x - m|^2 without the |x|^2 that all means share.
    distances = (means**2).sum(axis=1) - 2.0 * test @ means.T
    nearest = float(np.mean(distances.argmin(axis=1) == test_labels))
    print(f"{name}: linear classifier {linear:.1%}, nearest class mean {nearest:.1%}")

    recalls = [np.mean(guesses[test_labels == label] == label) for label in range(len(images))]
    ranked = sorted(zip(recalls, images, strict=True))
    print(
        f"{name}: hardest for it " + ", ".join(f"{word} {r:.0%}" for r, word in ranked[:4]), end=""
    )
    print("; easiest " + ", ".join(f"{word} {r:.0%}" for r, word in ranked[-4:]))
    return linear


def pixels(drawings: list[Drawing]) -> NDArray[np.float64]:
    """(drawings, 784), 0 to 1."""
    images = render_many(Ragged.from_drawings(drawings), RenderSpec())
    return images.reshape(len(drawings), -1) / 255.0


if __name__ == "__main__":
    main()
