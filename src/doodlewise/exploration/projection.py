"""Rows on a plane, similar ones close together: by PCA, t-SNE or UMAP."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from ..data.rows import Rows
from ..errors import ConfigError, MissingExtraError
from .findings import Method, Projection
from .likeness import outlines, principal
from .sample import grey_thumbnails, pictures, shrunk

__all__ = ["MOST_POINTS", "project"]

MOST_POINTS = 3_000
"""As many can be told apart on a page, and t-SNE takes about half a minute for them."""
_THUMBNAIL = 28
_AXES = 50
"""Of the outlines, before t-SNE and UMAP: what is beyond is noise."""
_PERPLEXITY = 30.0
_NEIGHBOURS = 15


def project(rows: Rows, method: Method, *, seed: int = 0) -> Projection:
    """Lay rows out on a plane.

    PCA is of the pixels of all rows: the plane on which they vary most. t-SNE (van der Maaten and
    Hinton, JMLR 2008) and UMAP (McInnes, Healy and Melville 2018) are of the outlines: neighbours
    stay neighbours, distances between far groups mean nothing. At most 3,000 points are kept.

    Args:
        rows: by class; at least one.
        method: "pca", "tsne" or "umap".
        seed: of t-SNE and UMAP.

    Raises:
        MissingExtraError: scikit-learn or umap-learn is not installed.
        ConfigError: no such method.
    """
    kept = np.unique(np.linspace(0, len(rows) - 1, MOST_POINTS).astype(np.int64))
    explained = None
    shown = rows.take(kept)
    if method == "pca":
        grey = grey_thumbnails(rows).reshape(len(rows), -1).astype(np.float32) / 255.0
        every, shares = principal(grey, 2)
        points, explained = every[kept], float(shares.sum())
    elif method in ("tsne", "umap"):
        features = outlines(grey_thumbnails(shown))
        axes, _ = principal(features, min(_AXES, features.shape[1]))
        # Neither method has anything to do for a handful of points.
        enough = len(shown) > 4
        points = (_tsne if method == "tsne" else _umap)(axes, seed) if enough else axes[:, :2]
    else:
        raise ConfigError(f"There is no map '{method}'. Choose pca, tsne or umap.")
    return Projection(
        method=method,
        points=np.ascontiguousarray(points, np.float32),
        labels=shown.labels,
        images=shrunk(pictures(shown, _THUMBNAIL), _THUMBNAIL),
        explained=explained,
    )


def _tsne(axes: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    try:
        from sklearn.manifold import TSNE
    except ImportError:
        raise MissingExtraError("scikit-learn", "train") from None
    perplexity = min(_PERPLEXITY, (len(axes) - 1) / 3)
    tsne = TSNE(perplexity=perplexity, init="pca", random_state=seed)
    return np.asarray(tsne.fit_transform(axes), np.float32)


def _umap(axes: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    try:
        # It warns that without TensorFlow there is no map by a network, which nobody asked for.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ImportWarning)
            from umap import UMAP
    except ImportError:
        raise MissingExtraError("umap-learn", "explore") from None
    # One thread, or the map would differ from run to run.
    umap = UMAP(n_neighbors=min(_NEIGHBOURS, len(axes) - 1), random_state=seed, n_jobs=1)
    return np.asarray(umap.fit_transform(axes), np.float32)
