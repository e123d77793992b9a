"""Look at every row of a store once, and at a part of them closely."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..data.batches import windows
from ..data.rows import Rows
from ..data.store import MANIFEST, Store
from ..errors import StoreError
from ..evaluation.run import Subject
from .duplicates import find_duplicates
from .findings import Findings, Method, Suspect
from .image_sizes import SizeTable
from .projection import project
from .sample import GREY_SIDE, SHOWN_SIDE, BalancedSample, grey_thumbnails, pictures
from .suspects import class_shares, farthest, network_shares
from .tallies import Tallies, content_hashes
from .varied import vary

__all__ = ["gather"]

MOST_COMPARED = 20_000
COMPARED_BYTES = 256 * 2**20
"""Of the images that are compared with each other."""
MOST_SAMPLES = 24
SAMPLES_BYTES = 64 * 2**20
SAMPLE_SIDE = 128
"""Pixels: of samples of a pixels store, at most."""
WINDOW_ROWS = 8_192
WINDOW_BYTES = 32 * 2**20
PHOTO_SIDE = 56
"""Pixels: outlines in a photo are finer than those of a drawing."""

Progress = Callable[[str, int, int], None]


def gather(
    store: Store,
    *,
    split: str = "all",
    side: int = 28,
    method: Method | None = "pca",
    classifier: Subject | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Findings:
    """Find out what is in a store: in one pass, in the same memory for any number of rows.

    Counts, means and histograms are of all rows. Copies, suspects and the map are of at most
    20,000 rows, as many of each class, chosen by a hash of their pixels: equal pictures are
    compared with each other wherever they are in the store.

    All splits are looked at unless one is named, the test split too: this is for looking, and
    nothing is trained or chosen by it. The judge of suspects sees the rows that it judges only.

    Args:
        store: of strokes or pixels.
        split: train, val, test, or all.
        side: of the images that strokes become for means and intensities, pixels.
        method: of the map; None for no map.
        classifier: a network that judges which rows are likely mislabelled; without one they are
            judged by each other.
        seed: of the samples, the map and the variation.
        progress: called with what is done, and how many of how many steps of it.

    Raises:
        StoreError: the split is empty, or the network cannot take what is in the store.
        UnknownClassError: the network knows none of the words.
        MissingExtraError: what the map or the search needs is not installed.
    """
    if store.size(split) == 0:
        raise StoreError(
            f"The {split} split of {store.folder} is empty. Choose another, or --split all."
        )
    tell = progress or (lambda _stage, _done, _total: None)
    manifest, classes = store.manifest, store.classes
    is_strokes = store.kind == "strokes"
    is_ink = manifest.holds_ink
    height, width, channels = manifest.image_shape or (side, side, 1)
    tallies = Tallies(len(classes), (height, width, channels), is_strokes=is_strokes, is_ink=is_ink)
    sizes = SizeTable(classes)
    # A network takes images as they are; all else is done with smaller ones.
    longest = None if classifier is not None else SHOWN_SIDE
    compared = BalancedSample(
        len(classes), _each(MOST_COMPARED, COMPARED_BYTES, store, longest), seed, longest
    )
    most = min(MOST_SAMPLES, _each(MOST_SAMPLES * 345, SAMPLES_BYTES, store, SAMPLE_SIDE))
    shown = BalancedSample(len(classes), most, seed, SAMPLE_SIDE)

    done, total = 0, store.size(split)
    for rows in windows(store, split, max(1, min(WINDOW_ROWS, WINDOW_BYTES // side**2))):
        images = pictures(rows, side)
        tallies.add(rows, images)
        compared.add(rows, content_hashes(images))
        shown.add(rows, rows.key_ids)
        if rows.origins is not None:
            sizes.add(rows)
        done += len(rows)
        tell("rows", done, total)

    samples, _ = shown.rows()
    near, contents = compared.rows()
    tell("duplicates", 0, 1)
    duplicates, n_duplicates = find_duplicates(near, contents, grey_thumbnails(near), classes)
    tell("duplicates", 1, 1)
    tell("suspects", 0, 1)
    suspects, judged_by = _suspects(near, store, classifier, is_ink=is_ink)
    tell("suspects", 1, 1)
    projection = None
    if method is not None:
        tell("map", 0, 1)
        projection = project(near, method, seed=seed)
        tell("map", 1, 1)
    looks = pictures(samples)
    return Findings(
        store=str(store.folder),
        kind=store.kind,
        split=split,
        n=total,
        n_bytes=_bytes_of(store),
        classes=list(classes),
        sizes={name: store.size(name) for name in ("train", "val", "test")},
        counts=tallies.counts,
        image_shape=(height, width, channels),
        look="drawing" if is_ink else "photo",
        countries=tallies.countries,
        recognised=tallies.recognised,
        samples=[looks[samples.labels == label] for label in range(len(classes))],
        means=tallies.means,
        intensities=tallies.intensities,
        distributions=tallies.distributions,
        image_sizes=sizes.sizes(),
        varied=vary(samples, classes, is_ink=is_ink, seed=seed),
        projection=projection,
        duplicates=duplicates,
        n_duplicates=n_duplicates,
        n_compared=len(near),
        suspects=suspects,
        judged_by=judged_by,
        skipped=dict(manifest.skipped),
    )


def _each(most: int, n_bytes: int, store: Store, longest: int | None) -> int:
    """Rows of each class, so that they are at most so many, in at most so many bytes."""
    if store.manifest.image_shape is not None:
        height, width, channels = store.manifest.image_shape
        scale = min(1.0, (longest or max(height, width)) / max(height, width))
        most = min(most, int(n_bytes / (height * width * channels * scale**2)))
    return max(2, most // len(store.classes))


def _suspects(
    rows: Rows, store: Store, classifier: Subject | None, *, is_ink: bool
) -> tuple[list[Suspect], str]:
    """The suspects, and what they were judged by; none where there is only one class."""
    if classifier is not None:
        shares, is_known = network_shares(classifier, store, rows)
        rows, shares = rows.take(np.flatnonzero(is_known)), shares[is_known]
        judge = f"the network {classifier.name}".rstrip() + f" on {len(rows):,} pictures"
    elif len(np.unique(rows.labels)) < 2:
        return [], ""
    else:
        side = GREY_SIDE if is_ink else PHOTO_SIDE
        shares = class_shares(rows, len(store.classes), side=side)
        judge = f"the outlines of {len(rows):,} pictures, each compared with all others"
    suspects = farthest(rows, shares, store.classes, is_network=classifier is not None)
    # A judge who is often wrong is not to be believed much.
    right = 100 * (shares.argmax(axis=1) == rows.labels).mean()
    return suspects, f"{judge} (right for {right:.0f} % of them)"


def _bytes_of(store: Store) -> int:
    files = [MANIFEST, *(shard.file for shard in store.manifest.shards)]
    return sum((store.folder / file).stat().st_size for file in files)
