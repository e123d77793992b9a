"""A network looks at the sketches of several requests at once; each gets what is its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..predict.classifier import Prepared, Sketch

if TYPE_CHECKING:
    from .batching import Work

__all__ = ["Row", "looked_at"]


class Row(NamedTuple):
    """What the network made of a sketch, best class first.

    Attributes:
        classes: indices.
        probabilities: of these.
        notes: what was mended.
        pixels: what it saw, (height, width), without colours and channels; None unless asked for.
    """

    classes: list[int]
    probabilities: list[float]
    notes: tuple[str, ...]
    pixels: list[list[int]] | None


def looked_at(
    works: Sequence[Work], given: Sequence[Sequence[Sketch | Prepared]]
) -> list[list[Row]]:
    """The rows of each work, in the order of the works."""
    classifier = works[0].served.classifier
    top = min(max(work.top for work in works), len(classifier.classes))
    look = any(work.look for work in works)
    seen = classifier.see([sketch for sketches in given for sketch in sketches], pixels=look)
    order = np.argsort(-seen.probabilities, axis=1, kind="stable")[:, :top]
    best = np.take_along_axis(seen.probabilities, order, axis=1).astype(np.float64)
    classes, probabilities = order.tolist(), best.tolist()
    render = classifier.info.render
    plane = None if render is None else render.shown
    found, at = [], 0
    for work, sketches in zip(works, given, strict=True):
        rows = range(at, at + len(sketches))
        at += len(sketches)
        found.append(
            [
                Row(
                    classes[row][: work.top],
                    probabilities[row][: work.top],
                    seen.notes[row],
                    _plain(seen.pixels[row], plane)
                    if work.look and seen.pixels is not None
                    else None,
                )
                for row in rows
            ]
        )
    return found


def _plain(
    pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], plane: int | None
) -> list[list[int]]:
    """Rows of grey values: this plane; without one, of a picture in colours, the mean of them."""
    if plane is None:
        grey = pixels[0] if len(pixels) == 1 else np.rint(pixels.mean(axis=0)).astype(np.uint8)
    else:
        grey = pixels[plane]
    plain: list[list[int]] = grey.tolist()
    return plain
