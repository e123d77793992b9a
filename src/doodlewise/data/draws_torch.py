"""The random numbers of `augment`, on any device, any of them at once.

`augment` takes one number after the other from a state that goes up by a constant (splitmix64). So
the n-th number of a drawing follows from its seed and n alone, and a device draws all numbers of
all drawings of a batch side by side, and the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

__all__ = ["Draws", "mix"]

_STEP = 0x9E3779B97F4A7C15 - 2**64
_FIRST, _SECOND = 0xBF58476D1CE4E5B9 - 2**64, 0x94D049BB133111EB - 2**64
"""Of splitmix64, as 64 bits with a sign, which wrap around as those without one do."""


@dataclass(frozen=True, slots=True)
class Draws:
    """Random numbers of many seeds.

    Attributes:
        seeds: int64 (n,), any bits.
    """

    seeds: torch.Tensor

    def uniform(self, number: torch.Tensor | int, of: torch.Tensor | None = None) -> torch.Tensor:
        """Even from 0 to 1, 1 excluded, float32: the numbers (from 1) of these seeds, or of all."""
        bits = self._bits(number, of)
        return _down(bits, 40).to(torch.float32) * 2.0**-24

    def either_side(
        self, number: torch.Tensor | int, of: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Even from -1 to 1."""
        return 2.0 * self.uniform(number, of) - 1.0

    def normal(self, number: torch.Tensor | int, of: torch.Tensor | None = None) -> torch.Tensor:
        """Mean 0, standard deviation 1, as `augment` makes them."""
        bits = self._bits(number, of)
        parts = sum(((bits >> shift) & 0xFFFF for shift in (16, 32, 48)), bits & 0xFFFF)
        return (parts.to(torch.float32) * 2.0**-16 - 2.0) * 1.7320508

    def _bits(self, number: torch.Tensor | int, of: torch.Tensor | None) -> torch.Tensor:
        seeds = self.seeds if of is None else self.seeds[of]
        if isinstance(number, int):
            number = torch.full((), number, dtype=torch.int64, device=seeds.device)
        return _scrambled(seeds + number * _STEP)


def mix(values: torch.Tensor, salt: int) -> torch.Tensor:
    """What `split.mix` does: int64 (n,) to the same, any bits."""
    for constant in (salt & 0xFFFF_FFFF_FFFF_FFFF, 0x9E3779B97F4A7C15):
        signed = constant - 2**64 if constant >= 2**63 else constant
        values = _scrambled(values + signed)
    return values


def _scrambled(z: torch.Tensor) -> torch.Tensor:
    z = (z ^ _down(z, 30)) * _FIRST
    z = (z ^ _down(z, 27)) * _SECOND
    return z ^ _down(z, 31)


def _down(z: torch.Tensor, bits: int) -> torch.Tensor:
    """Shifted to the right, with zeros coming in from the left."""
    return (z >> bits) & ((1 << (64 - bits)) - 1)
