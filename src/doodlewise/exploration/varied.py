"""What augmentation makes of a few rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..augment import Augment, PixelAugment
from ..data.augment import render_augmented
from ..data.augment_pixels import augment_pixels
from ..data.catalog import MIRROR_UNSAFE
from ..data.rows import Rows
from ..data.split import mix
from ..raster import RenderSpec
from .findings import Varied
from .sample import SHOWN_SIDE, pictures

__all__ = ["vary"]

_ROWS = 6
_VERSIONS = 8


def vary(rows: Rows, classes: Sequence[str], *, is_ink: bool, seed: int = 0) -> Varied:
    """One row of each of six classes, and eight versions of it as training would see it.

    Args:
        rows: by class; at least one.
        classes: words of the rows' labels.
        is_ink: whether images are ink on paper.
        seed: of the variation.
    """
    _, firsts = np.unique(rows.labels, return_index=True)
    # Fewer classes than rows: a class is shown more than once.
    among = firsts if len(firsts) >= _ROWS else np.arange(len(rows))
    shown = rows.take(among[np.linspace(0, len(among) - 1, min(_ROWS, len(among))).astype(int)])
    before = pictures(shown)
    each = np.repeat(np.arange(len(shown)), _VERSIONS)
    version = np.tile(np.arange(_VERSIONS, dtype=np.uint64), len(shown))
    seeds = mix(shown.key_ids[each], seed) + version
    may_mirror = np.array([classes[label] not in MIRROR_UNSAFE for label in shown.labels[each]])
    if shown.drawings is not None:
        after = render_augmented(
            shown.drawings,
            RenderSpec(side=SHOWN_SIDE),
            Augment(),
            rows=each,
            seeds=mix(seeds, 0),
            may_mirror=may_mirror,
        ).transpose(0, 2, 3, 1)
    else:
        after = augment_pixels(
            before[each], PixelAugment(), seeds=mix(seeds, 0), may_mirror=may_mirror, is_ink=is_ink
        )
    return Varied(
        labels=shown.labels,
        before=before,
        after=after.reshape(len(shown), _VERSIONS, *before.shape[1:]),
    )
