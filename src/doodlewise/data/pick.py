"""A few rows of each class of a store, picked by a seed, without reading all of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .rows import Rows
from .store import Store, splits_of

__all__ = ["pick"]

_RUN_ROWS = 512
_RUN_BYTES = 32 * 2**20


def pick(
    store: Store, labels: Sequence[int], n: int, *, split: str = "all", seed: int = 0
) -> dict[int, Rows]:
    """Up to `n` rows of each label, as many as there are; labels without any are left out.

    Runs of neighbouring rows are read from all over the store until there are enough; rows were
    shuffled when written, so that is as good as any other choice.

    Args:
        store: where the drawings are.
        labels: which classes.
        n: rows of each.
        split: train, val, test or all.
        seed: another one, other rows.

    Raises:
        StoreError: no such split, or a damaged store.
    """
    counts = store.manifest.counts
    missing = np.zeros(len(store.classes), np.int64)
    for label in labels:
        word = store.classes[label]
        missing[label] = min(n, sum(counts[part].get(word, 0) for part in splits_of(split)))
    shape = store.manifest.image_shape
    run = max(1, min(_RUN_ROWS, _RUN_BYTES // int(np.prod(shape)) if shape else _RUN_ROWS))
    runs = [
        (shard, first, min(first + run, shard.rows))
        for shard in store.shards(split)
        for first in range(0, shard.rows, run)
    ]
    found: dict[int, list[Rows]] = {label: [] for label in labels}
    random = np.random.default_rng(seed)
    for index in random.permutation(len(runs)).tolist():
        if not missing.any():
            break
        rows = store.read(*runs[index])
        for label in np.flatnonzero(missing).tolist():
            own = random.permutation(np.flatnonzero(rows.labels == label))[: missing[label]]
            if len(own):
                found[label].append(rows.take(own))
                missing[label] -= len(own)
    return {label: Rows.concat(parts) for label, parts in found.items() if parts}
