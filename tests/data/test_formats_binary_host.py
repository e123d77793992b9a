"""The compiled reading of a .bin file finds what the plain one finds."""

from __future__ import annotations

import struct

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from doodlewise.data.formats.binary import _points_plainly, _scan_plainly
from doodlewise.data.formats.binary_host import points_of, walk

RECORDS = st.lists(
    st.lists(st.integers(0, 300), min_size=0, max_size=5),
    min_size=0,
    max_size=6,
)


def record(lengths: list[int]) -> bytes:
    head = struct.pack("<Q2sbIH", 7, b"DE", 1, 1_500_000_000, len(lengths))
    return head + b"".join(
        struct.pack("<H", n) + bytes(i % 251 for i in range(2 * n)) for n in lengths
    )


def same(block: bytes) -> None:
    plain = _scan_plainly(block)
    starts, n_strokes, lengths, end, is_stopped = walk(block)
    np.testing.assert_array_equal(starts, plain.starts)
    np.testing.assert_array_equal(n_strokes, plain.n_strokes)
    np.testing.assert_array_equal(lengths, plain.lengths)
    assert (end, is_stopped) == (plain.end, plain.is_stopped)
    np.testing.assert_array_equal(
        points_of(block, starts, n_strokes, lengths), _points_plainly(block, plain)
    )


@settings(max_examples=300, deadline=None)
@given(RECORDS, st.integers(0, 60), st.binary(max_size=40))
def test_records_that_are_cut_and_followed_by_anything(
    records: list[list[int]], cut: int, after: bytes
) -> None:
    block = b"".join(record(lengths) for lengths in records)
    same(block[: len(block) - cut] + after)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(block: bytes) -> None:
    same(block)
