"""Downloads against a server that misbehaves: the right file in the end, or a clear error."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from email.message import Message
from functools import cache
from pathlib import Path
from threading import Timer

import numpy as np
import pytest
from bucket import Bucket, Fault, serving

from doodlewise.data.catalog import Format, file_name, remote_path
from doodlewise.data.download import BASE_URL, DownloadReport, Patience, download, is_reachable
from doodlewise.data.part import hashes_of
from doodlewise.errors import ConfigError, DataError, FormatError, UnknownClassError

QUICK = Patience(
    attempts=4, first_delay_s=0.001, longest_delay_s=0.01, timeout_s=2.0, checkpoint_bytes=10_000
)
FORMATS: list[Format] = ["simplified", "raw", "binary", "bitmap", "sketchrnn"]
ROWS = 300


@cache
def content(format: Format, rows: int = ROWS, seed: int = 0) -> bytes:
    """The bytes of a file that is of the format as far as a download is concerned."""
    draw = np.random.default_rng(seed)
    if format in ("simplified", "raw"):
        lengths = draw.integers(20, 60 if format == "simplified" else 400, size=rows)
        return b"".join(b'{"drawing":[[[%s]]]}\n' % (b"7" * length) for length in lengths)
    if format == "binary":
        points = draw.integers(2, 30, size=rows)
        head = b"abcdefghUS\x01tttt\x01\x00"
        return b"".join(head + int(n).to_bytes(2, "little") + bytes([n] * 2 * n) for n in points)
    file = io.BytesIO()
    bitmaps = draw.integers(0, 256, size=(rows, 784), dtype=np.uint8)
    if format == "bitmap":
        np.save(file, bitmaps)
    else:
        np.savez_compressed(file, train=bitmaps)
    return file.getvalue()


def first_rows(format: Format, data: bytes, n: int) -> bytes:
    if format == "binary":
        end = 0
        for _ in range(n):
            end += 19 + 2 * data[end + 17]
        return data[:end]
    return b"".join(data.splitlines(keepends=True)[:n])


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    """A bucket with cats in every format, and dogs as simplified drawings."""
    with serving() as bucket:
        for format in FORMATS:
            bucket.files[path_of(format)] = content(format)
        bucket.files["full/simplified/dog.ndjson"] = content("simplified", seed=1)
        yield bucket


def path_of(format: Format) -> str:
    return remote_path("cat", format)


def fetch(
    bucket: Bucket,
    to: Path,
    format: Format = "simplified",
    words: str = "cat",
    per_class: int | None = None,
    patience: Patience = QUICK,
) -> DownloadReport:
    return download(
        words, format=format, to=to, per_class=per_class, base_url=bucket.url, patience=patience
    )


def assert_only(folder: Path, *names: str) -> None:
    """No leftovers lie in the folder."""
    assert {path.name for path in folder.iterdir()} == {*names, "downloads.json"}


# ---- Files as they should be


@pytest.mark.parametrize("format", FORMATS)
def test_whole_files_are_the_remote_ones(bucket: Bucket, tmp_path: Path, format: Format) -> None:
    report = fetch(bucket, tmp_path, format)
    data = bucket.files[path_of(format)]
    (file,) = report.files
    assert file.path == tmp_path / file_name("cat", format)
    assert file.path.read_bytes() == data
    assert file.rows == (None if format == "sketchrnn" else ROWS)
    assert (file.word, file.n_bytes, file.whole) == ("cat", len(data), True)
    assert report.n_fetched == len(data)
    assert len(bucket.requests) == 1
    assert_only(tmp_path, file.path.name)


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


def test_a_missing_last_line_feed_is_no_fault(bucket: Bucket, tmp_path: Path) -> None:
    bucket.files[path_of("simplified")] = content("simplified")[:-1]
    for n, folder in ((None, "a"), (ROWS, "b")):
        (file,) = fetch(bucket, tmp_path / folder, per_class=n).files
        assert (file.rows, file.n_bytes) == (ROWS, len(bucket.files[path_of("simplified")]))


def test_words_with_blanks_and_several_at_once(bucket: Bucket, tmp_path: Path) -> None:
    words = ["The Eiffel Tower", "t-shirt", "hot air balloon", "cat", "dog", "ice cream"]
    for seed, word in enumerate(words):
        bucket.files[f"full/binary/{word}.bin"] = content("binary", seed=seed)
    report = fetch(
        bucket, tmp_path, "binary", words="eiffel_tower,tshirt,Hot_Air_Balloon,cat,dog,ice_cream"
    )
    assert [file.word for file in report.files] == words
    for file in report.files:
        assert file.path.read_bytes() == bucket.files[f"full/binary/{file.word}.bin"]


# ---- What is there already


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


def test_an_interrupted_extension_goes_on_where_it_stopped(bucket: Bucket, tmp_path: Path) -> None:
    short = fetch(bucket, tmp_path, "bitmap", per_class=9).files[0].n_bytes
    bucket.faults[path_of("bitmap")] = [Fault(cut_after=50_000), *[Fault(status=503)] * 3]
    with pytest.raises(DataError, match="What has arrived is kept"):
        fetch(bucket, tmp_path, "bitmap")
    bucket.requests.clear()
    (file,) = fetch(bucket, tmp_path, "bitmap").files
    assert bucket.starts() == [short + 50_000]
    assert file.path.read_bytes() == bucket.files[path_of("bitmap")]


def test_a_file_that_was_damaged_is_fetched_again(bucket: Bucket, tmp_path: Path) -> None:
    path = fetch(bucket, tmp_path).files[0].path
    path.write_bytes(path.read_bytes()[:-100])
    fetch(bucket, tmp_path)
    assert path.read_bytes() == bucket.files[path_of("simplified")]
    path.unlink()
    fetch(bucket, tmp_path)
    assert path.read_bytes() == bucket.files[path_of("simplified")]


def test_foreign_files_are_not_overwritten(bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "cat.ndjson").write_text("mine")
    with pytest.raises(DataError, match=r"cat\.ndjson is in the way.* Move it"):
        fetch(bucket, tmp_path)
    assert (tmp_path / "cat.ndjson").read_text() == "mine"
    fetch(bucket, tmp_path / "other", "raw")
    with pytest.raises(DataError, match="in the format raw, not simplified"):
        fetch(bucket, tmp_path / "other", "simplified")


def test_a_damaged_manifest_is_named(bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "downloads.json").write_text('{"files": 3}')
    with pytest.raises(DataError, match=r"downloads\.json is damaged .* Move the folder"):
        fetch(bucket, tmp_path)


def test_the_manifest_says_what_the_files_hold(bucket: Bucket, tmp_path: Path) -> None:
    fetch(bucket, tmp_path, words="cat,dog", per_class=9)
    files = json.loads((tmp_path / "downloads.json").read_text())["files"]
    assert set(files) == {"cat.ndjson", "dog.ndjson"}
    data = bucket.files[path_of("simplified")]
    assert files["cat.ndjson"]["rows"] == 9
    assert files["cat.ndjson"]["n_bytes"] == len(first_rows("simplified", data, 9))
    assert files["cat.ndjson"]["version"]["url"] == f"{bucket.url}/full/simplified/cat.ndjson"
    assert files["cat.ndjson"]["version"]["length"] == len(data)
    assert files["cat.ndjson"]["version"]["validator"].startswith('"')


# ---- Faults that pass


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("format", FORMATS)
def test_cut_connections_are_resumed(
    bucket: Bucket, tmp_path: Path, format: Format, reset: bool
) -> None:
    data = bucket.files[path_of(format)]
    step = len(data) // 9 + 1
    # More often than a file may fail without any progress.
    bucket.always = Fault(cut_after=step, reset=reset)
    (file,) = fetch(bucket, tmp_path, format).files
    assert file.path.read_bytes() == data
    assert len(bucket.requests) >= 9 > QUICK.attempts
    if not reset:
        # With a reset, bytes on the way may be lost.
        assert bucket.starts() == [step * n for n in range(9)]
        assert file.n_fetched == len(data)


def test_cut_connections_are_resumed_within_the_first_rows(bucket: Bucket, tmp_path: Path) -> None:
    bucket.always = Fault(cut_after=5000)
    (file,) = fetch(bucket, tmp_path, "bitmap", per_class=40).files
    expected = np.load(io.BytesIO(bucket.files[path_of("bitmap")]))[:40]
    np.testing.assert_array_equal(np.load(file.path), expected)
    assert bucket.starts() == [5000 * n for n in range(7)]


def test_without_ranges_a_cut_download_begins_anew(bucket: Bucket, tmp_path: Path) -> None:
    bucket.ranges = False
    bucket.faults[path_of("bitmap")] = [Fault(cut_after=90_000)] * 2
    (file,) = fetch(bucket, tmp_path, "bitmap").files
    assert file.path.read_bytes() == bucket.files[path_of("bitmap")]
    bucket.always = Fault(cut_after=90_000)
    with pytest.raises(DataError, match=r"the connection was cut \(4 times in a row\)"):
        fetch(bucket, tmp_path / "never", "bitmap")


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


def test_a_server_that_hangs_up_is_asked_again(bucket: Bucket, tmp_path: Path) -> None:
    bucket.faults[path_of("simplified")] = [Fault(hang_up=True)] * 3
    fetch(bucket, tmp_path)
    bucket.always = Fault(hang_up=True)
    with pytest.raises(DataError, match="Remote end closed connection without response"):
        fetch(bucket, tmp_path / "raw", "raw")


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_overload_is_waited_for(bucket: Bucket, tmp_path: Path, status: int) -> None:
    bucket.faults[path_of("simplified")] = [Fault(status=status)] * (QUICK.attempts - 1)
    (file,) = fetch(bucket, tmp_path).files
    assert file.path.read_bytes() == bucket.files[path_of("simplified")]
    bucket.faults[path_of("raw")] = [Fault(status=status)] * QUICK.attempts
    with pytest.raises(DataError, match=rf"the server answered {status} .*\(4 times in a row\)"):
        fetch(bucket, tmp_path / "raw", "raw")


@pytest.mark.parametrize(
    ("retry_after", "cap_s", "least_s", "most_s"),
    [
        ("1", 9.0, 0.9, 4.0),
        ("3600", 0.2, 0.2, 2.0),
        ("Fri, 31 Dec 2199 23:59:59 GMT", 0.2, 0.2, 2.0),
    ],
)
def test_the_server_may_ask_for_a_pause_but_not_for_a_long_one(
    bucket: Bucket, tmp_path: Path, retry_after: str, cap_s: float, least_s: float, most_s: float
) -> None:
    bucket.faults[path_of("simplified")] = [Fault(429, headers={"Retry-After": retry_after})]
    started = time.monotonic()
    fetch(bucket, tmp_path, patience=Patience(first_delay_s=0.001, longest_delay_s=cap_s))
    assert least_s <= time.monotonic() - started < most_s


def test_a_silent_server_is_asked_again(bucket: Bucket, tmp_path: Path) -> None:
    hasty = Patience(attempts=2, first_delay_s=0.001, timeout_s=0.1)
    bucket.faults[path_of("simplified")] = [Fault(silent_s=0.3)]
    fetch(bucket, tmp_path, patience=hasty)
    bucket.faults[path_of("raw")] = [Fault(silent_s=0.3)] * 2
    with pytest.raises(DataError, match="the server was silent for too long"):
        fetch(bucket, tmp_path / "raw", "raw", patience=hasty)


# ---- Wrong bytes


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


# ---- Faults that do not pass


def test_a_missing_file_is_named_and_the_others_are_fetched(bucket: Bucket, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file at .*/full/simplified/ice%20cream\.ndjson .*404"):
        fetch(bucket, tmp_path, words="cat,ice cream,dog")
    assert_only(tmp_path, "cat.ndjson", "dog.ndjson")
    with pytest.raises(
        DataError, match=r"2 of 3 files .* \(ant, bee\)\. The first: .*/ant\.ndjson"
    ):
        fetch(bucket, tmp_path, words="cat,ant,bee")


def test_a_refusal_is_not_repeated(bucket: Bucket, tmp_path: Path) -> None:
    bucket.always = Fault(status=403)
    with pytest.raises(DataError, match=r"refuses .*HTTP 403 Forbidden.* proxy settings"):
        fetch(bucket, tmp_path)
    assert len(bucket.requests) == 1


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("trouble", ["refused", "no such name", "proxy"])
def test_offline_is_said_soon_and_in_one_sentence(
    tmp_path: Path, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://127.0.0.1:{free_port()}" if trouble == "refused" else "http://nowhere.invalid"
    if trouble == "proxy":
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    started = time.monotonic()
    with pytest.raises(DataError, match=r"cannot be reached \(.+\): check .*--base-url.*synthetic"):
        download("all", format="raw", to=tmp_path, base_url=url, patience=QUICK)
    assert time.monotonic() - started < 5
    assert not list(tmp_path.iterdir())
    assert not is_reachable(url)


def test_a_network_that_was_there_is_waited_for(tmp_path: Path) -> None:
    persistent = Patience(attempts=60, first_delay_s=0.01, longest_delay_s=0.02)
    with ExitStack() as first, ExitStack() as second:
        bucket = first.enter_context(serving())
        files = {f"full/simplified/{word}.ndjson": content("simplified") for word in ("cat", "dog")}
        bucket.files = files

        def serve_again() -> None:
            second.enter_context(serving(int(bucket.url.rpartition(":")[2]))).files = files

        timer = Timer(0.2, serve_again)

        def interrupt(word: str, here: int, wanted: int | None) -> None:
            if word == "cat" and here == wanted and not timer.is_alive():
                first.close()
                timer.start()

        download(
            "cat,dog",
            format="simplified",
            to=tmp_path,
            base_url=bucket.url,
            jobs=1,
            progress=interrupt,
            patience=persistent,
        )
        timer.join()
    assert_only(tmp_path, "cat.ndjson", "dog.ndjson")


def test_a_full_disk_is_named_and_the_part_is_kept(bucket: Bucket, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        done = False
    if not done:
        pytest.skip("a small disk cannot be mounted here")
    try:
        with pytest.raises(DataError, match=r"cat\.npy: the disk is full.* run the same command"):
            fetch(bucket, disk, "bitmap")
        kept = json.loads((disk / "cat.npy.part.json").read_text())["position"]
        assert 0 < kept <= (disk / "cat.npy.part").stat().st_size
        assert not (disk / "cat.npy").exists()
        bigger = ["mount", "-o", "remount,size=4m", str(disk)]
        subprocess.run(bigger, check=True)
        bucket.requests.clear()
        (file,) = fetch(bucket, disk, "bitmap").files
        assert bucket.starts() == [kept]
        assert file.path.read_bytes() == bucket.files[path_of("bitmap")]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_folder_that_cannot_be(bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="a file is in the way of a folder"):
        fetch(bucket, tmp_path / "file" / "folder")


def test_a_faulty_progress_ends_the_download(bucket: Bucket, tmp_path: Path) -> None:
    def faulty(word: str, here: int, wanted: int | None) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        download("cat,dog", format="simplified", to=tmp_path, base_url=bucket.url, progress=faulty)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"per_class": 0}, "choose 1 or more, or nothing for all"),
        ({"jobs": 0}, "choose 1 or more"),
        ({"format": "bitmaps"}, "Did you mean 'bitmap'"),
        ({"base_url": "file:///etc"}, "is no web address"),
        ({"base_url": "http://a b"}, "is no web address"),
    ],
)
def test_impossible_settings(tmp_path: Path, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        download(**{"words": "cat", "format": "raw", "to": tmp_path} | arguments)  # type: ignore[arg-type]


def test_unknown_words_are_found_before_anything_is_asked(bucket: Bucket, tmp_path: Path) -> None:
    with pytest.raises(UnknownClassError, match="Did you mean 'giraffe'"):
        fetch(bucket, tmp_path, words="cat,girafe")
    assert bucket.requests == []


# ---- Interrupted processes

SCRIPT = """
import sys
from pathlib import Path
from doodlewise.data.download import Patience, download
download("cat,dog", format="simplified", to=Path(sys.argv[1]), base_url=sys.argv[2], jobs=2,
         patience=Patience(checkpoint_bytes=2000))
"""


@pytest.mark.parametrize("how", ["SIGKILL", "SIGINT"])
def test_a_stopped_process_is_taken_up_again(bucket: Bucket, tmp_path: Path, how: str) -> None:
    data = content("simplified", rows=5000)
    bucket.files[path_of("simplified")] = data
    bucket.chunk, bucket.pause_s = 2000, 0.005
    command = [sys.executable, "-c", SCRIPT, str(tmp_path), bucket.url]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 30
        while bucket.sent[path_of("simplified")] < 60_000:
            assert time.monotonic() < deadline, "the process did not begin to download"
            time.sleep(0.005)
        os.kill(process.pid, getattr(signal, how))
        process.communicate(timeout=30)
        assert process.returncode != 0
    assert not (tmp_path / "cat.ndjson").exists()
    bucket.requests.clear()
    bucket.pause_s = 0.0
    (file, dog) = fetch(bucket, tmp_path, words="cat,dog").files
    resumed = [wanted for path, wanted in bucket.requests if path == path_of("simplified")]
    assert len(resumed) == 1
    assert resumed[0] is not None
    start = int(resumed[0].removeprefix("bytes=").removesuffix("-"))
    assert start >= 50_000
    assert file.n_fetched == len(data) - start
    assert file.path.read_bytes() == data
    assert dog.path.read_bytes() == bucket.files["full/simplified/dog.ndjson"]
    assert_only(tmp_path, "cat.ndjson", "dog.ndjson")


def test_a_part_of_unknown_origin_is_not_trusted(bucket: Bucket, tmp_path: Path) -> None:
    part, note = tmp_path / "cat.ndjson.part", tmp_path / "cat.ndjson.part.json"
    (tmp_path / ".cat.ndjson.part.json.4711.tmp").write_text("half a no")
    for text in ("not JSON", '{"url": "https://elsewhere/cat.ndjson", "position": 50}'):
        part.write_bytes(b'{"drawing":[]}\n' * 20)
        note.write_text(text)
        (file,) = fetch(bucket, tmp_path).files
        assert file.path.read_bytes() == bucket.files[path_of("simplified")]
        file.path.unlink()
    assert bucket.starts() == [0, 0]
    assert_only(tmp_path)


def test_a_part_that_is_not_of_the_format_is_discarded(bucket: Bucket, tmp_path: Path) -> None:
    url = f"{bucket.url}/full/simplified/cat.ndjson"
    (tmp_path / "cat.ndjson.part").write_bytes(bytes(100))
    (tmp_path / "cat.ndjson.part.json").write_text(json.dumps({"url": url, "position": 100}))
    (file,) = fetch(bucket, tmp_path).files
    assert bucket.starts() == [0]
    assert file.path.read_bytes() == bucket.files[path_of("simplified")]


def test_a_crash_before_the_last_step_costs_nothing(bucket: Bucket, tmp_path: Path) -> None:
    path = fetch(bucket, tmp_path, "bitmap", per_class=9).files[0].path
    version = json.loads((tmp_path / "downloads.json").read_text())["files"]["cat.npy"]["version"]
    path.rename(tmp_path / "cat.npy.part")
    (tmp_path / "cat.npy.part.json").write_text(json.dumps(version))
    bucket.requests.clear()
    assert np.load(fetch(bucket, tmp_path, "bitmap", per_class=9).files[0].path).shape == (9, 784)
    assert bucket.requests == []


# ---- Progress and reach


@pytest.mark.parametrize("per_class", [None, 40])
def test_progress_grows_to_the_size(bucket: Bucket, tmp_path: Path, per_class: int | None) -> None:
    bucket.always = Fault(cut_after=10_000)
    calls: list[tuple[str, int, int | None]] = []
    (file,) = download(
        "cat",
        format="bitmap",
        to=tmp_path,
        per_class=per_class,
        base_url=bucket.url,
        progress=lambda *call: calls.append(call),
        patience=QUICK,
    ).files
    here = [done for _, done, _ in calls]
    assert here == sorted(here)
    assert {10_000, 20_000, 30_000, file.n_bytes} <= set(here)
    assert {wanted for _, _, wanted in calls} == {file.n_bytes}
    assert calls[-1] == ("cat", file.n_bytes, file.n_bytes)


def test_reachable_is_who_answers_in_time(bucket: Bucket) -> None:
    assert is_reachable(bucket.url, timeout_s=2.0)
    del bucket.files[path_of("simplified")]
    assert is_reachable(bucket.url, timeout_s=2.0)
    bucket.always = Fault(status=503)
    assert not is_reachable(bucket.url, timeout_s=2.0)
    with pytest.raises(ConfigError, match="is no web address"):
        is_reachable("no address")
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        started = time.monotonic()
        assert not is_reachable(f"http://127.0.0.1:{mute.getsockname()[1]}", timeout_s=0.2)
        assert time.monotonic() - started < 1.0


def test_the_bucket_is_google_s() -> None:
    assert BASE_URL == "https://storage.googleapis.com/quickdraw_dataset"
