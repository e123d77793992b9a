"""The first rows of remote files: only what is needed, and more of them later."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from bucket import Bucket, Fault, serving
from fetching import FORMATS, ROWS, assert_only, content, fetch, first_rows, path_of

from doodlewise.data.catalog import Format
from doodlewise.data.download import download
from doodlewise.errors import DataError


@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "no ranges"])
@pytest.mark.parametrize("format", ["simplified", "raw", "binary"])
@pytest.mark.parametrize("n", [1, 17, ROWS - 1])
def test_the_first_rows_are_cut_at_a_whole_row(
    bucket: Bucket, tmp_path: Path, format: Format, n: int, ranges: bool
) -> None:
    bucket.ranges = ranges
    (file,) = fetch(bucket, tmp_path, format, per_class=n).files
    data = bucket.files[path_of(format)]
    assert file.path.read_bytes() == first_rows(format, data, n)
    assert (file.rows, file.whole) == (n, False)
    assert_only(tmp_path, file.path.name)


@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "no ranges"])
def test_the_first_bitmaps_are_an_array_of_their_own(
    bucket: Bucket, tmp_path: Path, ranges: bool
) -> None:
    bucket.ranges = ranges
    report = fetch(bucket, tmp_path, "bitmap", per_class=17)
    data = bucket.files[path_of("bitmap")]
    bitmaps = np.load(report.files[0].path, mmap_mode="r")
    np.testing.assert_array_equal(bitmaps, np.load(io.BytesIO(data))[:17])
    if ranges:
        assert report.n_fetched <= 128 + 17 * 784
        assert len(bucket.requests) == 1


def test_only_what_is_needed_is_fetched(bucket: Bucket, tmp_path: Path) -> None:
    bucket.files[path_of("raw")] = (b"{" + b" " * 9998 + b"\n") * ROWS
    report = fetch(bucket, tmp_path, "raw", per_class=30)
    size = report.files[0].n_bytes
    # The drawings are twice as long as usual, so a second block is asked for.
    assert len(bucket.requests) == 2
    assert bucket.starts() == [0, 165_000]
    assert size == 300_000 <= report.n_fetched < 400_000


def test_more_rows_than_there_are_is_the_whole_file(bucket: Bucket, tmp_path: Path) -> None:
    for format in FORMATS:
        (file,) = fetch(bucket, tmp_path / format, format, per_class=10_000).files
        assert file.whole
        assert file.path.read_bytes() == bucket.files[path_of(format)]


def test_exactly_as_many_rows_as_there_are_is_the_whole_file(
    bucket: Bucket, tmp_path: Path
) -> None:
    for format in FORMATS[:4]:
        (file,) = fetch(bucket, tmp_path / format, format, per_class=ROWS).files
        assert (file.rows, file.whole) == (ROWS, True)


def test_complete_files_are_not_fetched_again(bucket: Bucket, tmp_path: Path) -> None:
    fetch(bucket, tmp_path, per_class=20)
    bucket.requests.clear()
    calls: list[tuple[str, int, int | None]] = []
    for per_class in (20, 7):
        report = download(
            "cat",
            format="simplified",
            to=tmp_path,
            per_class=per_class,
            base_url=bucket.url,
            progress=lambda *call: calls.append(call),
        )
        assert (report.files[0].rows, report.n_fetched) == (20, 0)
    assert bucket.requests == []
    assert calls == [("cat", report.files[0].n_bytes, report.files[0].n_bytes)] * 2


@pytest.mark.parametrize("format", ["simplified", "binary", "bitmap"])
def test_files_are_extended_from_where_they_end(
    bucket: Bucket, tmp_path: Path, format: Format
) -> None:
    data = bucket.files[path_of(format)]
    sizes = []
    for n in (9, 120, None):
        (file,) = fetch(bucket, tmp_path, format, per_class=n).files
        sizes.append(file.n_bytes)
        assert file.rows == (n or ROWS)
        if format == "bitmap":
            np.testing.assert_array_equal(np.load(file.path), np.load(io.BytesIO(data))[:n])
    assert file.path.read_bytes() == data
    assert bucket.starts() == [0, sizes[0], sizes[1]]
    assert_only(tmp_path, file.path.name)


def test_an_extension_of_a_changed_file_begins_anew(bucket: Bucket, tmp_path: Path) -> None:
    fetch(bucket, tmp_path, "bitmap", per_class=9)
    bucket.files[path_of("bitmap")] = content("bitmap", seed=5)
    (file,) = fetch(bucket, tmp_path, "bitmap", per_class=30).files
    expected = np.load(io.BytesIO(bucket.files[path_of("bitmap")]))[:30]
    np.testing.assert_array_equal(np.load(file.path), expected)


def test_an_extension_from_another_mirror_begins_anew(bucket: Bucket, tmp_path: Path) -> None:
    fetch(bucket, tmp_path, per_class=9)
    with serving() as mirror:
        mirror.files = bucket.files
        (file,) = fetch(mirror, tmp_path).files
        assert mirror.starts() == [0]
    assert file.path.read_bytes() == bucket.files[path_of("simplified")]


def test_a_failed_extension_leaves_the_shorter_file(bucket: Bucket, tmp_path: Path) -> None:
    before = fetch(bucket, tmp_path, per_class=9).files[0].path.read_bytes()
    bucket.always = Fault(status=503)
    with pytest.raises(DataError, match="answered 503"):
        fetch(bucket, tmp_path)
    assert (tmp_path / "cat.ndjson").read_bytes() == before
    bucket.requests.clear()
    assert fetch(bucket, tmp_path, per_class=9).n_fetched == 0
    assert bucket.requests == []
