from __future__ import annotations

import math

import numpy as np
import pytest

from doodlewise.data.split import SPLITS, Fractions, mix, order_of, split_of
from doodlewise.errors import ConfigError


def ids(n: int, seed: int = 0) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.random.default_rng(seed).integers(0, 2**64, n, dtype=np.uint64)


@pytest.mark.parametrize("keys", [ids(50_000), np.arange(50_000, dtype=np.uint64)])
@pytest.mark.parametrize("fractions", [Fractions(), Fractions(0.1, 0.3), Fractions(0.0, 0.5)])
def test_each_side_has_its_fraction(
    keys: np.ndarray[tuple[int], np.dtype[np.uint64]], fractions: Fractions
) -> None:
    counts = np.bincount(split_of(keys, fractions), minlength=3)
    shares = (1 - fractions.val - fractions.test, fractions.val, fractions.test)
    for n, share in zip(counts, shares, strict=True):
        deviation = math.sqrt(len(keys) * share * (1 - share))
        assert abs(n - len(keys) * share) <= 4 * deviation


def test_the_side_follows_from_the_id_alone() -> None:
    keys = ids(1000)
    order = np.random.default_rng(1).permutation(1000)
    fractions = Fractions(0.2, 0.2)
    assert np.array_equal(split_of(keys, fractions)[order], split_of(keys[order], fractions))
    twice = np.concatenate([keys, keys])
    assert np.array_equal(split_of(twice, fractions)[:1000], split_of(twice, fractions)[1000:])


def test_more_held_out_moves_nothing_back_to_training() -> None:
    keys = ids(5000)
    before, after = split_of(keys, Fractions(0.1, 0.1)), split_of(keys, Fractions(0.2, 0.1))
    assert np.array_equal(before == 2, after == 2)
    assert set(after[before == 1]) == {1}


def test_nobody_changes_the_hash_unknowingly() -> None:
    """Every store, and every accuracy that was ever measured, depends on these."""
    keys = np.array([1, 5152802093400064, 2**63, 2**64 - 1], np.uint64)
    assert mix(keys, 0).tolist() == [
        13830413928045401970,
        12523042210778860739,
        7568450554649527987,
        11923130667873509210,
    ]
    assert order_of(keys, 0).tolist()[0] == 5780483042211641643
    sides = split_of(np.arange(40, dtype=np.uint64), Fractions(val=0.2, test=0.2))
    assert "".join(map(str, sides)) == "0112100020110002100020000220202210022010"


def test_a_hash_has_no_doubles_and_even_bits() -> None:
    hashes = mix(np.arange(100_000), 3)
    assert len(np.unique(hashes)) == 100_000
    bits = np.unpackbits(hashes.view(np.uint8)).reshape(-1, 64).mean(axis=0)
    assert np.abs(bits - 0.5).max() < 0.01
    assert not np.array_equal(hashes, mix(np.arange(100_000), 4))


def test_order_does_not_depend_on_the_side() -> None:
    keys = ids(20_000)
    order = order_of(keys, seed=0).astype(np.float64) / 2.0**64
    sides = split_of(keys, Fractions(0.3, 0.3))
    for side in range(len(SPLITS)):
        assert order[sides == side].mean() == pytest.approx(0.5, abs=0.02)
    assert not np.array_equal(order_of(keys, 0), order_of(keys, 1))


def test_signed_keys_are_hashed_as_they_are() -> None:
    assert mix(np.array([-1], np.int64), 0) == mix(np.array([2**64 - 1], np.uint64), 0)


@pytest.mark.parametrize(
    ("val", "test"), [(-0.1, 0.1), (0.1, -0.1), (0.5, 0.5), (float("nan"), 0.1), (0.1, math.nan)]
)
def test_something_must_be_left_to_train_on(val: float, test: float) -> None:
    with pytest.raises(
        ConfigError, match=r"leaves nothing to train on\. Choose shares that add up"
    ):
        Fractions(val, test)
