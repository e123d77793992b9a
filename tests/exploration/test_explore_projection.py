"""Maps: the plane of PCA is that of the definition, and neighbours on the others are alike."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from doodlewise.data.rows import Rows
from doodlewise.data.store import Store
from doodlewise.errors import ConfigError, MissingExtraError
from doodlewise.exploration import projection
from doodlewise.exploration.findings import Method, Projection
from doodlewise.exploration.projection import project
from doodlewise.exploration.sample import grey_thumbnails


@pytest.fixture
def rows(strokes_store: Path, all_rows: Callable[[Store], Rows]) -> Rows:
    return all_rows(Store(strokes_store))


def alike(found: Projection) -> float:
    """Share of the points whose nearest neighbour is of their class."""
    away = np.linalg.norm(found.points[:, None] - found.points[None], axis=2)
    np.fill_diagonal(away, np.inf)
    return float((found.labels[away.argmin(axis=1)] == found.labels).mean())


def test_pca_is_the_plane_of_most_variance(rows: Rows) -> None:
    found = project(rows, "pca")
    grey = grey_thumbnails(rows).reshape(len(rows), -1) / 255.0
    centred = grey - grey.mean(axis=0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    for axis in range(2):
        theirs = u[:, axis] * s[axis]
        sign = np.sign(theirs @ found.points[:, axis])
        np.testing.assert_allclose(found.points[:, axis], sign * theirs, atol=1e-3)
    assert found.explained == pytest.approx((s[:2] ** 2).sum() / (s**2).sum(), abs=1e-5)
    assert found.images.shape == (360, 28, 28, 1)
    np.testing.assert_array_equal(found.labels, rows.labels)


def test_only_so_many_points_are_kept(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = project(rows, "pca")
    monkeypatch.setattr(projection, "MOST_POINTS", 60)
    found = project(rows, "pca")
    assert len(found.points) == len(found.images) == 60
    assert np.bincount(found.labels).tolist() == [10] * 6
    assert found.explained == everything.explained


def test_tsne_puts_like_to_like_and_repeats_itself(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection, "MOST_POINTS", 240)
    found = project(rows, "tsne", seed=3)
    assert found.explained is None
    assert found.points.dtype == np.float32
    assert alike(found) > 0.9
    np.testing.assert_array_equal(found.points, project(rows, "tsne", seed=3).points)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("umap") is None, reason="needs umap-learn: doodlewise[explore]")
def test_umap_puts_like_to_like(rows: Rows) -> None:
    assert alike(project(rows, "umap")) > 0.9


@pytest.mark.skipif(find_spec("umap") is not None, reason="umap-learn is installed")
def test_umap_says_how_to_install_it(rows: Rows) -> None:
    with pytest.raises(MissingExtraError, match=r"pip install 'doodlewise\[explore\]'"):
        project(rows, "umap")


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_a_handful_of_rows_has_a_map(rows: Rows, method: Method) -> None:
    for n in (1, 2, 5):
        assert project(rows.take(np.arange(n)), method).points.shape == (n, 2)


def test_an_unknown_map_is_refused(rows: Rows) -> None:
    with pytest.raises(ConfigError, match="Choose pca, tsne or umap"):
        project(rows, cast("Method", "mds"))
