"""A network over a split of a store: what it gives, counted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ..data.batches import inputs_of, require_takes, windows
from ..data.rows import Rows
from ..data.store import Store
from ..errors import StoreError, UnknownClassError
from ..models.inputs import scores as network_scores
from ..models.inputs import takes_of
from ..raster import RenderSpec
from ..version import __version__
from .metrics import Tally
from .result import EvalResult

__all__ = ["INK_SHARES", "Subject", "evaluate", "fit_temperature", "rows_at", "scores_of", "tally"]

BATCH_ROWS, BATCH_BYTES = 512, 4 * 2**20
"""At most so many images, and so much of their pixels, go through the network at once."""
INK_SHARES = (0.25, 0.5, 0.75)
CALIBRATION_ROWS = 20_000
"""As many drawings are enough to find one number."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is evaluated.

    Attributes:
        network: in eval mode, on `device`.
        classes: the words of its scores.
        spec: how drawings become its input; None if it takes a pixels store as it is.
        temperature: divides the scores.
        name: for the record.
    """

    network: nn.Module
    classes: Sequence[str]
    spec: RenderSpec | None
    device: torch.device
    temperature: float = 1.0
    name: str = ""


def evaluate(
    subject: Subject,
    store: Store,
    split: str = "test",
    *,
    by_ink: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> EvalResult:
    """Evaluate on a split, for strokes also on the beginnings of the drawings.

    Drawings of words that the network does not know are left out.

    Args:
        subject: the network.
        store: of strokes, or of images of the network's shape.
        split: train, val, test, or all.
        by_ink: whether to evaluate after 25, 50 and 75 % of the ink as well.
        progress: called with drawings done and drawings in all.

    Raises:
        StoreError: no drawing to evaluate on, or of a kind or size that the network cannot take.
        UnknownClassError: the network knows none of the words.
    """
    shares = INK_SHARES if by_ink and store.kind == "strokes" else ()
    total = store.size(split) * (1 + len(shares))
    done = 0

    def count(rows: int) -> None:
        nonlocal done
        done += rows
        if progress is not None:
            progress(done, total)

    whole = tally(subject, store, split, on_rows=count).result()
    inks = {100: whole.overall}
    for share in shares:
        part = tally(subject, store, split, share=share, on_rows=count).result()
        inks[round(share * 100)] = part.overall
    return replace(
        whole,
        by_ink=dict(sorted(inks.items())) if shares else {},
        things=store.manifest.things,
        model=subject.name,
        store=str(store.folder),
        split=split,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        version=__version__,
    )


def tally(
    subject: Subject,
    store: Store,
    split: str,
    *,
    share: float = 1.0,
    rank: int = 0,
    world_size: int = 1,
    on_rows: Callable[[int], None] | None = None,
) -> Tally:
    """Count what the network gives on a split; one process of several takes every n-th window.

    Args:
        subject: the network.
        store: see `evaluate`.
        split: see `evaluate`.
        share: of the ink that is drawn.
        rank: number of this process.
        world_size: how many there are.
        on_rows: called with the number of rows after each window.
    """
    if store.size(split) == 0:
        raise StoreError(
            f"The {split} split of {store.folder} is empty. Prepare the store with a larger share"
            f" (--{split if split in ('val', 'test') else 'val'} 0.1) or more drawings."
        )
    label_of = labels_in(subject, store)
    counts = Tally(subject.classes)
    first = 0
    for number, rows in enumerate(windows(store, split)):
        index = np.arange(first, first + len(rows))
        first += len(rows)
        if number % world_size != rank:
            continue
        labels = label_of[rows.labels]
        known = labels >= 0
        if known.any():
            scores = scores_of(subject, rows, share)
            probabilities = torch.softmax(scores / subject.temperature, dim=1).numpy()
            counts.update(
                probabilities[known],
                labels[known],
                rows=index[known],
                recognised=rows.recognised[known],
                countries=[rows.countries[row] for row in np.flatnonzero(known)],
            )
        if on_rows is not None:
            on_rows(len(rows))
    return counts


def labels_in(subject: Subject, store: Store) -> NDArray[np.int64]:
    """The network's label for each label of the store; -1 where it knows no such word.

    Raises:
        StoreError: the network cannot take what is in the store.
        UnknownClassError: it knows none of the words.
    """
    require_takes(store, takes_of(subject.network))
    if store.kind == "strokes" and subject.spec is None:
        raise StoreError(
            f"{store.folder} holds strokes, and the network takes pictures only. Evaluate it on a"
            " store of pictures."
        )
    if store.kind == "pixels" and subject.spec is not None:
        side = subject.spec.side
        if subject.spec.knows_order:
            raise StoreError(
                f"{store.folder} holds images, and the network sees when what was drawn"
                f" ({','.join(subject.spec.channels)}), which images do not tell. Evaluate it on a"
                " store of strokes."
            )
        if store.manifest.image_shape != [side, side, 1]:
            shape = " x ".join(map(str, store.manifest.image_shape or []))
            raise StoreError(
                f"{store.folder} holds images of {shape}, and the network takes {side} x {side} x"
                " 1. Evaluate it on strokes, or on images of that size."
            )
    number = {word: index for index, word in enumerate(subject.classes)}
    labels = np.array([number.get(word, -1) for word in store.classes])
    if (labels < 0).all():
        raise UnknownClassError(
            f"The network knows none of the {len(store.classes)} words of {store.folder}."
            " Evaluate it on a store of its own words."
        )
    return labels


@torch.inference_mode()
def scores_of(subject: Subject, rows: Rows, share: float = 1.0) -> torch.Tensor:
    """Scores before the softmax: float32 (rows, classes), on the CPU."""
    inputs = inputs_of(rows, subject.spec, takes_of(subject.network), share)
    at_once = BATCH_ROWS
    if inputs.images is not None:
        at_once = max(1, min(at_once, BATCH_BYTES // math.prod(inputs.images.shape[1:])))
    parts = [
        network_scores(subject.network, inputs.slice(at, at + at_once).to(subject.device))
        for at in range(0, len(inputs), at_once)
    ]
    return torch.cat([part.float().cpu() for part in parts])


def fit_temperature(
    subject: Subject, store: Store, split: str = "val", *, at_most: int = CALIBRATION_ROWS
) -> float:
    """The temperature with which the probabilities fit a split best (Guo et al. 2017).

    Found by golden section on the mean log loss, between 0.05 and 20, of `at_most` drawings, or
    some more.
    """
    label_of = labels_in(subject, store)
    scores, labels = [], []
    seen = 0
    for rows in windows(store, split):
        own = torch.from_numpy(label_of[rows.labels])
        scores.append(scores_of(subject, rows)[own >= 0])
        labels.append(own[own >= 0])
        seen += len(rows)
        if seen >= at_most:
            break
    every, right = torch.cat(scores), torch.cat(labels)

    def loss(log_temperature: float) -> float:
        scaled = every / float(np.exp(log_temperature))
        return float(nn.functional.cross_entropy(scaled, right))

    return float(np.exp(_golden_section(loss, np.log(0.05), np.log(20.0))))


def _golden_section(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one valley is lowest."""
    ratio = (5**0.5 - 1) / 2
    a, b = high - ratio * (high - low), low + ratio * (high - low)
    at_a, at_b = function(a), function(b)
    while high - low > 1e-3:
        if at_a < at_b:
            high, b, at_b = b, a, at_a
            a = high - ratio * (high - low)
            at_a = function(a)
        else:
            low, a, at_a = a, b, at_b
            b = low + ratio * (high - low)
            at_b = function(b)
    return (low + high) / 2


def rows_at(store: Store, split: str, index: Sequence[int]) -> Iterator[Rows]:
    """Single rows of a split by their number in it, in the order asked for."""
    shards = store.shards(split)
    starts = np.cumsum([0, *(shard.rows for shard in shards)])
    for row in index:
        shard = int(np.searchsorted(starts, row, side="right")) - 1
        at = int(row - starts[shard])
        yield store.read(shards[shard], at, at + 1)
