"""Labels that were changed on purpose come out on top."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from doodlewise.data.prepare import prepare
from doodlewise.data.rows import Rows
from doodlewise.data.store import Store
from doodlewise.exploration import suspects
from doodlewise.exploration.suspects import AHEAD, class_shares, farthest

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "quickdraw" / "simplified"
ANIMALS = ("bear", "bee", "camel", "cat", "cow", "crab", "crocodile", "dog", "dolphin", "duck")

AllRows = Callable[[Store], Rows]


def mislabelled(rows: Rows, n_classes: int, share: float) -> tuple[Rows, np.ndarray]:
    """The same rows, some with another label, and which."""
    random = np.random.default_rng(4)
    wrong = random.permutation(len(rows))[: round(share * len(rows))]
    labels = rows.labels.copy()
    labels[wrong] = (labels[wrong] + random.integers(1, n_classes, len(wrong))) % n_classes
    return replace(rows, labels=labels), wrong


def ranked(rows: Rows, shares: np.ndarray) -> np.ndarray:
    """Rows by how far another class is ahead of their own."""
    others = shares.copy()
    own = others[np.arange(len(rows)), rows.labels].copy()
    others[np.arange(len(rows)), rows.labels] = -np.inf
    return np.argsort(own - others.max(axis=1))


def test_wrong_labels_of_synthetic_doodles_are_found(
    strokes_store: Path, all_rows: AllRows
) -> None:
    store = Store(strokes_store)
    rows, wrong = mislabelled(all_rows(store), 6, 0.03)
    shares = class_shares(rows, 6, side=28)
    first = ranked(rows, shares)[: len(wrong)]
    assert np.isin(first, wrong).sum() >= len(wrong) - 1
    named = farthest(rows, shares, store.classes, is_network=False)
    assert [each.key_id for each in named[: len(wrong)]] == rows.key_ids[first].tolist()
    right = all_rows(store).labels
    meant = {int(rows.key_ids[row]): store.classes[right[row]] for row in wrong}
    found = [each for each in named if each.key_id in meant]
    assert len(found) == len(wrong)
    assert all(each.looks_like == meant[each.key_id] for each in found)
    scores = [each.score for each in named]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) >= AHEAD


def test_a_row_is_judged_by_others_alone(strokes_store: Path, all_rows: AllRows) -> None:
    """The short way to leave a row out is the long way: its label does not matter to it."""
    rows = all_rows(Store(strokes_store)).take(np.arange(0, 360, 4))
    labels = rows.labels.copy()
    labels[11] = (labels[11] + 3) % 6
    one = class_shares(rows, 6, side=28)
    other = class_shares(replace(rows, labels=labels), 6, side=28)
    np.testing.assert_allclose(one[11], other[11], atol=2e-3)
    assert np.abs(one[12] - other[12]).max() > 2e-3


def test_fewer_landmarks_do_nearly_as_well(
    strokes_store: Path, all_rows: AllRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = all_rows(Store(strokes_store))
    monkeypatch.setattr(suspects, "MOST_LANDMARKS", 90)
    right = class_shares(rows, 6, side=28).argmax(axis=1) == rows.labels
    assert right.mean() > 0.95


@pytest.mark.skipif(not REAL.exists(), reason="needs the real data in ../shared/data")
def test_wrong_labels_of_real_drawings_are_found(tmp_path: Path, all_rows: AllRows) -> None:
    prepare([REAL / f"{word}.ndjson" for word in ANIMALS], tmp_path / "s", per_class=340, jobs=1)
    rows, wrong = mislabelled(all_rows(Store(tmp_path / "s")), 10, 0.02)
    order = ranked(rows, class_shares(rows, 10, side=28))
    k = len(wrong)
    assert np.isin(order[:k], wrong).mean() > 0.5
    assert np.isin(wrong, order[: 2 * k]).mean() > 0.7
