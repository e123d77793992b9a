"""Downloads that were cut, stopped or killed go on where they stopped."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from bucket import Bucket, Fault
from fetching import FORMATS, QUICK, assert_only, content, fetch, path_of

from doodlewise.data.catalog import Format
from doodlewise.errors import DataError


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


def test_an_interrupted_extension_goes_on_where_it_stopped(bucket: Bucket, tmp_path: Path) -> None:
    short = fetch(bucket, tmp_path, "bitmap", per_class=9).files[0].n_bytes
    bucket.faults[path_of("bitmap")] = [Fault(cut_after=50_000), *[Fault(status=503)] * 3]
    with pytest.raises(DataError, match="What has arrived is kept"):
        fetch(bucket, tmp_path, "bitmap")
    bucket.requests.clear()
    (file,) = fetch(bucket, tmp_path, "bitmap").files
    assert bucket.starts() == [short + 50_000]
    assert file.path.read_bytes() == bucket.files[path_of("bitmap")]


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


def test_a_file_that_was_damaged_is_fetched_again(bucket: Bucket, tmp_path: Path) -> None:
    path = fetch(bucket, tmp_path).files[0].path
    path.write_bytes(path.read_bytes()[:-100])
    fetch(bucket, tmp_path)
    assert path.read_bytes() == bucket.files[path_of("simplified")]
    path.unlink()
    fetch(bucket, tmp_path)
    assert path.read_bytes() == bucket.files[path_of("simplified")]


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
