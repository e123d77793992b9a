"""CRC-32C against the published test vectors, and piece by piece against itself."""

from __future__ import annotations

import random

import pytest

from doodlewise.data.crc32c import crc32c


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        # RFC 3720, section B.4
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(reversed(range(32))), 0x113FDB5C),
    ],
)
def test_published_vectors(data: bytes, expected: int) -> None:
    assert crc32c(data) == expected


def test_large_files_equal_the_bitwise_definition() -> None:
    data = random.Random(0).randbytes((1 << 20) + 12_345)
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    state = 0xFFFFFFFF
    for byte in data:
        state = table[(state ^ byte) & 0xFF] ^ (state >> 8)
    assert crc32c(data) == state ^ 0xFFFFFFFF


def test_pieces_give_the_sum_of_the_whole() -> None:
    data = random.Random(1).randbytes(300_000)
    summed = 0
    for start in range(0, len(data), 70_001):
        summed = crc32c(data[start : start + 70_001], summed)
    assert summed == crc32c(data)
