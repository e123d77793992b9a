"""Doodles drawn by code: real work for a recogniser where no data set is at hand.

The words are Quick, Draw! words, some of them easily confused (apple and pear, bucket and cup,
mushroom and umbrella, clock and smiley face, sun and flower). `synthetic_creatures`,
`synthetic_nature` and `synthetic_objects` know what they look like, `synthetic_pen` how hands
draw. A linear classifier gets about as many of them right as of real doodles of the same words
(benchmarks/synthetic_linear.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...drawing import Drawing
from ...errors import ConfigError, UnknownClassError, did_you_mean
from .ndjson import write_ndjson
from .synthetic_creatures import CREATURES
from .synthetic_nature import NATURE
from .synthetic_objects import OBJECTS
from .synthetic_pen import Pen

__all__ = ["SYNTHETIC_WORDS", "draw", "write_synthetic"]

_SHAPES = CREATURES | NATURE | OBJECTS

SYNTHETIC_WORDS: tuple[str, ...] = tuple(sorted(_SHAPES))
"""The words that can be drawn by code, in alphabetical order."""


def draw(word: str, rng: np.random.Generator) -> Drawing:
    """Draw a doodle: in the frame, simplified, recognised, without country and key_id.

    Raises:
        UnknownClassError: a word that is not among `SYNTHETIC_WORDS`.
    """
    if word not in _SHAPES:
        raise UnknownClassError(
            f"There are no synthetic doodles of '{word}'.{did_you_mean(word, SYNTHETIC_WORDS)}"
            f" Choose from: {', '.join(SYNTHETIC_WORDS)}."
        )
    pen = Pen(rng)
    _SHAPES[word](pen)
    return pen.finish(word)


def write_synthetic(folder: Path, per_class: int, seed: int = 0) -> list[Path]:
    """Write a file of simplified drawings for every word, as Google has them.

    A drawing and its key depend on the seed, the word and its place in the file only: a larger
    set begins with the smaller one.

    Args:
        folder: where "<word>.ndjson" are written; it is made if it is not there.
        per_class: drawings of each word, at least 1.
        seed: another one gives other drawings.

    Returns:
        The files, in the order of `SYNTHETIC_WORDS`.

    Raises:
        ConfigError: `per_class` is less than 1.
    """
    if per_class < 1:
        raise ConfigError(f"per_class is {per_class}; ask for at least 1 drawing of each word.")
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{word}.ndjson" for word in SYNTHETIC_WORDS]
    for word, path in zip(SYNTHETIC_WORDS, paths, strict=True):
        write_ndjson(_drawings(word, per_class, seed), path)
    return paths


def _drawings(word: str, n: int, seed: int) -> Iterator[Drawing]:
    for index in range(n):
        key_id = _key_id(word, index, seed)
        yield replace(draw(word, np.random.default_rng(key_id)), key_id=key_id)


def _key_id(word: str, index: int, seed: int) -> int:
    """63 bits, as Google's keys have, so that signed integers hold it; never 0."""
    digest = hashlib.blake2b(f"{seed}/{word}/{index}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1 or 1
