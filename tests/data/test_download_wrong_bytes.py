"""Wrong bytes, false lengths and changed files are found, and never left under the right name."""

from __future__ import annotations

import io
import zipfile
from email.message import Message
from pathlib import Path

import numpy as np
import pytest
from bucket import Bucket, Fault
from fetching import FORMATS, ROWS, assert_only, content, fetch, first_rows, path_of

from doodlewise.data.catalog import Format
from doodlewise.data.part import hashes_of
from doodlewise.errors import DataError, FormatError


def flipped(body: bytes) -> bytes:
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]


@pytest.mark.parametrize("hashes", [("md5",), ("crc32c",), ("crc32c", "md5")])
def test_wrong_bytes_are_found_by_their_checksum(
    bucket: Bucket, tmp_path: Path, hashes: tuple[str, ...]
) -> None:
    bucket.hashes = hashes
    bucket.faults[path_of("binary")] = [Fault(wrong=flipped)] * 2
    (file,) = fetch(bucket, tmp_path, "binary").files
    assert file.path.read_bytes() == bucket.files[path_of("binary")]
    bucket.always = Fault(wrong=flipped)
    with pytest.raises(FormatError, match=r"\(3 times in a row\): its checksum is not"):
        fetch(bucket, tmp_path / "never", "binary")
    assert_only(tmp_path, "cat.bin", "never")
    assert not list((tmp_path / "never").iterdir())


def test_checksums_come_in_one_header_or_in_two() -> None:
    one, two = Message(), Message()
    one["x-goog-hash"] = "crc32c=n03x6A==,md5=Ojk9c3dhfxgoKVVHYwFbHQ=="
    two["X-Goog-Hash"] = "crc32c=n03x6A=="
    two["X-Goog-Hash"] = "md5=Ojk9c3dhfxgoKVVHYwFbHQ=="
    assert hashes_of(one) == hashes_of(two)
    assert hashes_of(one) == {"crc32c": "n03x6A==", "md5": "Ojk9c3dhfxgoKVVHYwFbHQ=="}


def test_wrong_bytes_before_a_cut_are_found_after_it(bucket: Bucket, tmp_path: Path) -> None:
    bucket.faults[path_of("binary")] = [Fault(wrong=flipped, cut_after=8000)]
    (file,) = fetch(bucket, tmp_path, "binary").files
    assert file.path.read_bytes() == bucket.files[path_of("binary")]
    assert bucket.starts() == [0, 8000, 0]


def test_a_damaged_archive_is_found_without_a_checksum(bucket: Bucket, tmp_path: Path) -> None:
    bucket.hashes = ()
    bucket.faults[path_of("sketchrnn")] = [Fault(wrong=flipped), Fault(wrong=lambda b: b[:-500])]
    (file,) = fetch(bucket, tmp_path, "sketchrnn").files
    with zipfile.ZipFile(file.path) as archive:
        assert archive.testzip() is None


@pytest.mark.parametrize("format", FORMATS)
def test_without_a_length_the_content_tells_what_is_whole(
    bucket: Bucket, tmp_path: Path, format: Format
) -> None:
    bucket.hashes = ()
    # Not the end of any row.
    cut = (
        len(first_rows("binary", bucket.files[path_of(format)], 9)) if format == "binary" else 3333
    )
    bucket.faults[path_of(format)] = [Fault(no_length=True, cut_after=cut + 1)]
    bucket.always = Fault(no_length=True)
    (file,) = fetch(bucket, tmp_path, format).files
    assert file.path.read_bytes() == bucket.files[path_of(format)]
    assert file.whole


@pytest.mark.parametrize("per_class", [None, 5])
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("content_type", ["text/html; charset=utf-8", "application/octet-stream"])
def test_a_web_page_is_no_data(
    bucket: Bucket, tmp_path: Path, format: Format, per_class: int | None, content_type: str
) -> None:
    def page(body: bytes) -> bytes:
        return b"<!DOCTYPE html><title>Log in</title>" + bytes(40)

    bucket.hashes = ()
    portal = Fault(headers={"Content-Type": content_type, "Content-Length": "76"}, wrong=page)
    bucket.faults[path_of(format)] = [portal]
    (file,) = fetch(bucket, tmp_path, format, per_class=per_class).files
    assert file.path.stat().st_size > 100
    bucket.always = portal
    with pytest.raises(FormatError, match=r"is not what it should be.* Try again later"):
        fetch(bucket, tmp_path / "never", format, per_class=per_class)
    assert not list((tmp_path / "never").iterdir())


def test_bytes_compressed_on_the_way_are_refused(bucket: Bucket, tmp_path: Path) -> None:
    bucket.always = Fault(headers={"Content-Encoding": "gzip"})
    with pytest.raises(FormatError, match="it was compressed on the way"):
        fetch(bucket, tmp_path)


@pytest.mark.parametrize("lie", [-700, 700], ids=["shorter", "longer"])
@pytest.mark.parametrize("format", FORMATS)
def test_a_false_content_length_does_not_pass(
    bucket: Bucket, tmp_path: Path, format: Format, lie: int
) -> None:
    bucket.hashes = ("md5",) if format == "simplified" else ()
    # A record is shorter than that, and its end must not fall on the end of another.
    lie = lie + 1 if format == "binary" else lie
    bucket.faults[path_of(format)] = [Fault(extra_length=lie)]
    (file,) = fetch(bucket, tmp_path, format).files
    assert file.path.read_bytes() == bucket.files[path_of(format)]
    bucket.always = Fault(extra_length=lie)
    bucket.ranges = False
    with pytest.raises(DataError):
        fetch(bucket, tmp_path / "never", format)
    assert not (tmp_path / "never" / file.path.name).exists()


def test_a_range_that_was_not_asked_for_is_refused(bucket: Bucket, tmp_path: Path) -> None:
    bucket.always = Fault(headers={"Content-Range": "bytes 1-9/30"})
    with pytest.raises(FormatError, match="changed meanwhile"):
        fetch(bucket, tmp_path, per_class=3)
    bucket.always = Fault(headers={"Content-Range": "bytes"})
    with pytest.raises(FormatError, match="does not say which bytes"):
        fetch(bucket, tmp_path, per_class=3)


@pytest.mark.parametrize("if_range", [True, False], ids=["If-Range", "no If-Range"])
@pytest.mark.parametrize("rows", [ROWS, 40], ids=["same size", "shorter"])
@pytest.mark.parametrize("per_class", [None, 250])
def test_a_file_that_changes_while_it_is_fetched(
    bucket: Bucket, tmp_path: Path, rows: int, if_range: bool, per_class: int | None
) -> None:
    bucket.if_range = if_range
    bucket.faults[path_of("bitmap")] = [Fault(cut_after=100_000)]

    def change(path: str) -> None:
        if len(bucket.requests) == 2:
            bucket.files[path] = content("bitmap", rows, seed=9)

    bucket.before = change
    (file,) = fetch(bucket, tmp_path, "bitmap", per_class=per_class).files
    assert bucket.starts()[1] == 100_000
    # Without If-Range, the bytes of the new version come in vain at first.
    assert len(bucket.requests) == (2 if if_range else 3)
    expected = np.load(io.BytesIO(content("bitmap", rows, seed=9)))[:per_class]
    np.testing.assert_array_equal(np.load(file.path), expected)


def test_a_file_that_never_stays_the_same_is_given_up(bucket: Bucket, tmp_path: Path) -> None:
    bucket.always, bucket.if_range = Fault(cut_after=100_000), False

    def change(path: str) -> None:
        bucket.files[path] = content("bitmap", seed=len(bucket.requests))

    bucket.before = change
    with pytest.raises(FormatError, match="the remote file was changed meanwhile"):
        fetch(bucket, tmp_path, "bitmap")
