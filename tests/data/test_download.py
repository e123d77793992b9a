"""Downloads as they should be: the right files, reported, and nothing else."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from threading import Barrier

import pytest
from bucket import Bucket, Fault
from fetching import FORMATS, QUICK, ROWS, assert_only, content, fetch, first_rows, path_of

from doodlewise.data.catalog import Format, file_name
from doodlewise.data.download import BASE_URL, download, is_reachable
from doodlewise.errors import ConfigError, DataError, UnknownClassError


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


@pytest.mark.parametrize("jobs", [1, 3])
def test_so_many_files_are_fetched_at_once(bucket: Bucket, tmp_path: Path, jobs: int) -> None:
    words = ["cat", "dog", "bee", "ant", "cow", "owl"]
    for word in words:
        bucket.files[f"full/binary/{word}.bin"] = content("binary")
    begun: list[str] = []
    done: set[str] = set()
    on_the_way: list[int] = []
    together = Barrier(jobs, timeout=10)

    def before(path: str) -> None:
        begun.append(path)
        on_the_way.append(len(begun) - len(done))
        # The server answers none before so many have asked.
        together.wait()

    def progress(word: str, here: int, wanted: int | None) -> None:
        if here == wanted:
            done.add(word)

    bucket.before = before
    download(words, format="binary", to=tmp_path, base_url=bucket.url, jobs=jobs, progress=progress)
    assert_only(tmp_path, *(f"{word}.bin" for word in words))
    assert max(on_the_way) == jobs


def test_a_missing_last_line_feed_is_no_fault(bucket: Bucket, tmp_path: Path) -> None:
    bucket.files[path_of("simplified")] = content("simplified")[:-1]
    for n, folder in ((None, "a"), (ROWS, "b")):
        (file,) = fetch(bucket, tmp_path / folder, per_class=n).files
        assert (file.rows, file.n_bytes) == (ROWS, len(bucket.files[path_of("simplified")]))


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


def test_a_faulty_progress_ends_the_download(bucket: Bucket, tmp_path: Path) -> None:
    def faulty(word: str, here: int, wanted: int | None) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        download("cat,dog", format="simplified", to=tmp_path, base_url=bucket.url, progress=faulty)


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


def test_a_folder_that_cannot_be(bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="a file is in the way of a folder"):
        fetch(bucket, tmp_path / "file" / "folder")


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
