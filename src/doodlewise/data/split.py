"""Which side a drawing is on: training, validation or test.

The side follows from a hash of the drawing's id alone, so the same drawing is on the same side in
every store, whatever else is in it, and more data never moves a drawing from one side to another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError

__all__ = ["SPLITS", "Fractions", "Split", "mix", "order_of", "split_of"]

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")

_SIDE_SALT = 0x0D00D1E5
_ORDER_SALT = 0x5C2A7C4


@dataclass(frozen=True, slots=True)
class Fractions:
    """Shares of the drawings that are held out.

    Raises:
        ConfigError: shares that are negative, or leave nothing to train on.
    """

    val: float = 0.06
    test: float = 0.06

    def __post_init__(self) -> None:
        # NaN fails this too.
        if not (self.val >= 0 and self.test >= 0 and self.val + self.test < 1):
            raise ConfigError(
                f"Holding out {self.val:g} for validation and {self.test:g} for test leaves nothing"
                " to train on. Choose shares that add up to less than 1."
            )


def split_of(key_ids: NDArray[np.uint64], fractions: Fractions) -> NDArray[np.uint8]:
    """Index into SPLITS for each id: uint8 (n,)."""
    share = (mix(key_ids, _SIDE_SALT) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    sides = np.zeros(len(key_ids), np.uint8)
    sides[share < fractions.test + fractions.val] = 1
    sides[share < fractions.test] = 2
    return sides


def order_of(key_ids: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """A random number for each id: sorted by it, drawings are shuffled."""
    return mix(key_ids, _ORDER_SALT + seed)


def mix(values: NDArray[Any], salt: int) -> NDArray[np.uint64]:
    """Hash 64-bit integers to 64 even bits (the finaliser of splitmix64, twice)."""
    z = np.asarray(values).astype(np.uint64)
    with np.errstate(over="ignore"):
        for constant in (salt & 0xFFFF_FFFF_FFFF_FFFF, 0x9E3779B97F4A7C15):
            z = z + np.uint64(constant)
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z = z ^ (z >> np.uint64(31))
    return z
