"""Where the first rows of a file end, whatever the pieces in which it arrives."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from doodlewise.data.catalog import Format
from doodlewise.data.head import Head, head_of
from doodlewise.errors import FormatError


def lines(n: int) -> list[bytes]:
    return [b'{"drawing":[[[%d],[%s]]]}\n' % (row, b"7" * (row % 5 + 1)) for row in range(n)]


def records(n: int) -> list[bytes]:
    rows = []
    for row in range(n):
        strokes = b"".join(
            struct.pack("<H", 2 + stroke) + bytes(2 * (2 + stroke)) for stroke in range(row % 4 + 1)
        )
        rows.append(struct.pack("<Q2sbIH", row, b"US", 1, 1_500_000_000, row % 4 + 1) + strokes)
    return rows


def array(n: int) -> bytes:
    file = io.BytesIO()
    np.save(file, np.arange(n * 784, dtype=np.uint32).astype(np.uint8).reshape(n, 784))
    return file.getvalue()


def fed(format: Format, limit: int | None, data: bytes, size: int) -> Head:
    head = head_of(format, limit)
    for start in range(0, len(data), size):
        head.feed(data[start : start + size])
    return head


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
@pytest.mark.parametrize("format", ["simplified", "binary"])
@pytest.mark.parametrize("limit", [1, 6, 20])
def test_rows_end_at_the_same_place_in_pieces_of_any_size(
    format: Format, limit: int, size: int
) -> None:
    rows = lines(20) if format == "simplified" else records(20)
    head = fed(format, limit, b"".join(rows), size)
    assert (head.done, head.rows, head.end) == (True, limit, len(b"".join(rows[:limit])))


@pytest.mark.parametrize("size", [1, 100, 100_000])
def test_rows_of_an_array_follow_from_its_header(size: int) -> None:
    data = array(9)
    head = fed("bitmap", 4, data, size)
    header = len(data) - 9 * 784
    assert (head.done, head.rows, head.end, head.goal) == (True, 4, header + 4 * 784, head.end)


@pytest.mark.parametrize(("first", "then"), [(5, 12), (12, 123)])
def test_an_array_is_mended_to_any_number_of_rows_and_back(
    tmp_path: Path, first: int, then: int
) -> None:
    data, path = array(then), tmp_path / "cat.npy"
    head = fed("bitmap", first, data, 1000)
    path.write_bytes(data[: head.end])
    head.mend(path)
    short = np.load(path, mmap_mode="r")
    assert short.shape == (first, 784)
    assert short.tobytes() == data[head.end - first * 784 : head.end]
    assert path.stat().st_size == head.end
    longer = fed("bitmap", None, path.read_bytes() + data[head.end :], 1000)
    longer.close()
    path.write_bytes(path.read_bytes() + data[head.end :])
    longer.mend(path)
    assert path.read_bytes() == data


def test_a_last_line_without_line_feed_counts_only_if_it_is_whole() -> None:
    text = b"".join(lines(3))
    head = fed("raw", None, text[:-1], 5)
    head.close()
    assert (head.rows, head.end) == (3, len(text) - 1)
    with pytest.raises(FormatError, match="ends in the middle of a row"):
        fed("raw", None, text[:-3], 5).close()


@pytest.mark.parametrize(
    ("format", "data", "reason"),
    [
        ("binary", b"".join(records(3))[:-1], "in the middle of a row"),
        ("binary", b"", "it is empty"),
        ("simplified", b"", "it is empty"),
        ("bitmap", array(5)[:-784], "ends after 4 of 5 rows"),
        ("bitmap", array(5)[:-1], "in the middle of a row"),
    ],
)
def test_a_file_that_ends_too_soon_is_found_out(format: Format, data: bytes, reason: str) -> None:
    head = fed(format, None, data, 1000)
    with pytest.raises(FormatError, match=reason):
        head.close()


@pytest.mark.parametrize(
    ("format", "data"),
    [
        ("simplified", b"<!DOCTYPE html>"),
        ("binary", b"<!DOCTYPE html><html></html>"),
        ("bitmap", b"<!DOCTYPE html>"),
        ("bitmap", b"\x93NUMPY\x02\x00\xff\xff\xff\xff"),
        ("bitmap", b"\x93NUMPY\x01\x00\x04\x00nope"),
        ("sketchrnn", b"<!DOCTYPE html>"),
        # One record of 65,535 long strokes: not a drawing.
        ("binary", struct.pack("<Q2sbIH", 1, b"US", 1, 0, 65_535) + b"\xff" * (1 << 25)),
    ],
)
@pytest.mark.parametrize("size", [5, 1 << 26])
def test_other_bytes_are_refused(format: Format, data: bytes, size: int) -> None:
    with pytest.raises(FormatError):
        fed(format, None, data, max(size, len(data) // 100))


@pytest.mark.parametrize(
    "content",
    [np.array([None, 1]), np.asfortranarray(np.zeros((3, 4))), np.float64(1.0), np.zeros((3, 0))],
    ids=["objects", "columns first", "no rows", "empty rows"],
)
def test_arrays_that_cannot_be_cut_are_refused(content: NDArray[Any]) -> None:
    file = io.BytesIO()
    np.save(file, content, allow_pickle=True)
    with pytest.raises(FormatError, match="cannot be cut"):
        fed("bitmap", 1, file.getvalue(), 1000)


def test_a_header_without_room_is_not_overrun(tmp_path: Path) -> None:
    text = b"{'descr':'|u1','fortran_order':False,'shape':(12,2)}\n"
    path = tmp_path / "cat.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(24))
    head = fed("bitmap", 7, path.read_bytes(), 1000)
    with pytest.raises(FormatError, match="no room"):
        head.mend(path)


def test_the_next_stop_follows_the_rows_seen() -> None:
    head = head_of("simplified", 1000)
    assert head.next_stop() == 660_000
    head.feed((b"{" + b" " * 1998 + b"\n") * 100)
    assert head.next_stop() == 200_000 + 1.1 * 2000 * 900
    assert head_of("bitmap", 10).next_stop() == 128 + 7840
    assert head_of("simplified", None).next_stop() is None
    assert head_of("sketchrnn", 5).next_stop() is None
