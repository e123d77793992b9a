"""Whether an exported file does what torch does, on real drawings that nobody trained on.

Two things are asked of it. The probabilities are those of the definition: the network in torch over
images by the reference rasteriser, within 1e-4. And the guesses are those of the ordinary way: the
same network over images by `raster_host`, with which all figures of this project were measured.

`raster_host` reckons in float32, so one pixel in one of some thirty drawings is one level from the
definition; that moves probabilities by more than 1e-4, and is no fault of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ..data.batches import inputs_of, render_window, windows
from ..data.points import simplified_rows
from ..data.rows import Rows
from ..data.store import Store
from ..errors import ModelError, StoreError
from ..evaluation.run import Subject, labels_in, scores_of
from ..models.inputs import scores, takes_of
from ..predict.onnx_backend import OnnxBackend, OnnxStrokesBackend, open_onnx
from ..raster import RenderSpec, render_many

__all__ = ["ROWS_AT_ONCE", "Parity", "first_rows", "probabilities_of", "prove"]

COMPARED = 5_000
"""Drawings whose guesses are compared with those of the ordinary way."""
COMPARED_EXACTLY = 500
"""Drawings whose probabilities are compared; the reference rasteriser is slow."""
MOST_DIFFERENT = 1e-4
LEAST_SAME = 0.999
ROWS_AT_ONCE = 250
_IMAGES_AT_ONCE = 25


@dataclass(frozen=True, slots=True)
class Parity:
    """How near an exported file is to torch.

    Attributes:
        n: drawings whose guesses were compared.
        same_top1: share of them with the same best guess.
        n_exact: drawings whose probabilities were compared with the definition.
        max_difference: the largest of them, over all classes.
    """

    n: int
    same_top1: float
    n_exact: int
    max_difference: float


def prove(
    path: Path,
    subject: Subject,
    store: Store,
    *,
    progress: Callable[[str, int, int], None],
) -> Parity:
    """Compare a file with torch on the val split of a store.

    Raises:
        ModelError: they differ by more than `MOST_DIFFERENT`, or in more guesses than 1 -
            `LEAST_SAME`.
        StoreError: there is no drawing, or none of the kind that the network takes.
        UnknownClassError: the network knows none of the words.
    """
    labels_in(subject, store)
    backend, _ = open_onnx(path)
    total = min(store.size("val"), COMPARED)
    n = n_same = n_exact = 0
    differences = [0.0]
    for rows in first_rows(store, "val", COMPARED):
        ours = probabilities_of(backend, rows, subject.spec)
        theirs = torch.softmax(scores_of(subject, rows) / subject.temperature, dim=1).numpy()
        n += len(rows)
        n_same += int((ours.argmax(axis=1) == theirs.argmax(axis=1)).sum())
        if n_exact < COMPARED_EXACTLY:
            n_exact += len(rows)
            draws = isinstance(backend, OnnxStrokesBackend)
            exact = _by_definition(subject, rows) if draws else theirs
            differences.append(float(np.abs(ours - exact).max()))
        progress("verifying", n, total)
    parity = Parity(n, n_same / n, n_exact, float(np.max(differences)))
    # Written so that a NaN does not pass.
    if not (parity.max_difference <= MOST_DIFFERENT and parity.same_top1 >= LEAST_SAME):
        raise ModelError(
            f"The exported graph is not the network: probabilities differ by up to"
            f" {parity.max_difference:.2g} on {n_exact:,} drawings of {store.folder} (allowed:"
            f" {MOST_DIFFERENT:g}), and the best guess is the same for {parity.same_top1:.2%} of"
            f" {n:,} (needed: {LEAST_SAME:.1%}). Nothing was written. Report it with the output of:"
            " doodlewise env"
        )
    return parity


def first_rows(store: Store, split: str, n: int) -> Iterator[Rows]:
    """The first n rows of a split, or all of fewer, some hundred at a time.

    Rows were shuffled when the store was written, so these are as good as any.

    Raises:
        StoreError: the split is empty.
    """
    if store.size(split) == 0:
        raise StoreError(
            f"The {split} split of {store.folder} is empty, and exporting needs it."
            " Name another store: --verify STORE"
        )
    for rows in windows(store, split, ROWS_AT_ONCE):
        yield rows.slice(0, min(n, len(rows)))
        n -= len(rows)
        if n <= 0:
            return


def probabilities_of(
    backend: OnnxBackend | OnnxStrokesBackend, rows: Rows, spec: RenderSpec | None
) -> NDArray[np.float32]:
    """What a file gives for rows of a store, float32 (rows, classes)."""
    names = ["probabilities"]
    if isinstance(backend, OnnxStrokesBackend):
        assert rows.drawings is not None
        return backend.run_drawings(rows.drawings, names)["probabilities"]
    return backend.run(render_window(rows, spec).numpy(), names)["probabilities"]


@torch.inference_mode()
def _by_definition(subject: Subject, rows: Rows) -> NDArray[np.float32]:
    """The network over drawings by the reference rasteriser, float32 (rows, classes)."""
    assert rows.drawings is not None
    takes = takes_of(subject.network)
    inputs = inputs_of(rows, subject.spec, takes)
    if inputs.images is not None:
        # Whoever sees the strokes too sees them, and their image, with few points.
        drawn = rows.drawings if takes == "images" else simplified_rows(rows.drawings)
        inputs = replace(inputs, images=torch.from_numpy(render_many(drawn, subject.spec)))
    parts = [
        scores(subject.network, inputs.slice(first, first + _IMAGES_AT_ONCE))
        for first in range(0, len(inputs), _IMAGES_AT_ONCE)
    ]
    every = torch.cat(parts)
    found: NDArray[np.float32] = torch.softmax(every / subject.temperature, dim=1).numpy()
    return found
