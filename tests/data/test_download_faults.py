"""Servers and networks that fail: waited for, or named in one sentence."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from pathlib import Path
from threading import Timer

import numpy as np
import pytest
from bucket import Bucket, Fault, serving
from fetching import QUICK, assert_only, content, fetch, path_of

from doodlewise.data.download import Patience, download, is_reachable
from doodlewise.errors import DataError


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


def test_pauses_double_up_to_the_longest(bucket: Bucket, tmp_path: Path) -> None:
    moments: list[float] = []
    bucket.before = lambda path: moments.append(time.monotonic())
    bucket.always = Fault(status=500)
    growing = Patience(attempts=6, first_delay_s=0.04, longest_delay_s=0.25)
    with pytest.raises(DataError, match=r"answered 500 .*\(6 times in a row\)"):
        fetch(bucket, tmp_path, patience=growing)
    # Each pause is cut by chance, to half of it at most, so that transfers do not ask in step.
    least = [0.02, 0.04, 0.08, 0.16, 0.25]
    most = [0.04, 0.08, 0.16, 0.25, 0.25]
    for pause, low, high in zip(np.diff(moments), least, most, strict=True):
        assert low <= pause < high + 0.2


def test_a_slow_server_is_not_a_silent_one(bucket: Bucket, tmp_path: Path) -> None:
    data = bucket.files[path_of("simplified")]
    bucket.chunk, bucket.pause_s = len(data) // 20, 0.02
    hasty = Patience(attempts=1, timeout_s=0.2)
    started = time.monotonic()
    (file,) = fetch(bucket, tmp_path, patience=hasty).files
    assert time.monotonic() - started > 0.3, "it took no longer than the server may be silent"
    assert file.path.read_bytes() == data
    assert len(bucket.requests) == 1


def test_a_silent_server_is_asked_again(bucket: Bucket, tmp_path: Path) -> None:
    hasty = Patience(attempts=2, first_delay_s=0.001, timeout_s=0.1)
    bucket.faults[path_of("simplified")] = [Fault(silent_s=0.3)]
    fetch(bucket, tmp_path, patience=hasty)
    bucket.faults[path_of("raw")] = [Fault(silent_s=0.3)] * 2
    with pytest.raises(DataError, match="the server was silent for too long"):
        fetch(bucket, tmp_path / "raw", "raw", patience=hasty)


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
