"""Killed, out of space or without permission: `prepare` says so, and goes on where it stopped."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from doodlewise.data import prepare as prepare_module
from doodlewise.data.prepare import prepare
from doodlewise.data.store import Store
from doodlewise.errors import DataError, StoreError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's signals and limits")

CHILD = """
import json, os, resource, signal, sys
from doodlewise.data.prepare import prepare
from doodlewise.errors import DataError

options = json.loads(sys.argv[1])
if "largest_file" in options:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (options["largest_file"], resource.RLIM_INFINITY))
if options.get("dies_of_it"):
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it otherwise

def tell(at):
    if [at.doing, at.done] == options.get("killed_at"):
        os.kill(os.getpid(), signal.SIGKILL)

try:
    prepare([options["source"]], options["out"], jobs=1, progress=tell)
except DataError as error:
    sys.exit(str(error))
"""


def run(source: Path, out: Path, **options: object) -> subprocess.CompletedProcess[str]:
    """A `prepare` in a process of its own."""
    arguments = json.dumps({"source": str(source), "out": str(out), **options})
    command = [sys.executable, "-c", CHILD, arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def source(doodles: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four files of 60 doodles, the last one of them four times."""
    folder = tmp_path_factory.mktemp("source")
    for word in ("apple", "car", "cat"):
        shutil.copy(doodles / f"{word}.ndjson", folder)
    star = (doodles / "star.ndjson").read_bytes()
    (folder / "star.ndjson").write_bytes(4 * star)
    return folder


@pytest.fixture(scope="module")
def whole(source: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of the store that an uninterrupted run makes of `source`."""
    out = tmp_path_factory.mktemp("whole") / "store"
    prepare([source], out, jobs=1)
    return files_of(out)


def assert_half_written(out: Path) -> None:
    with pytest.raises(StoreError, match=r"only half written\. Run the same"):
        Store(out)


def test_killed_between_files_and_shards(
    source: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    for doing, done in [("reading", 0), ("reading", 2), ("shuffling", 0), ("shuffling", 2)]:
        assert run(source, out, killed_at=[doing, done]).returncode == -signal.SIGKILL
        assert_half_written(out)
        assert len(list(out.glob(".prepare/part-*.json"))) == (done if doing == "reading" else 4)
        assert len(list(out.glob("*.arrow"))) == (done if doing == "shuffling" else 0)
    assert run(source, out).returncode == 0
    assert files_of(out) == whole


def test_what_was_done_is_not_done_again(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(source, out, killed_at=["shuffling", 1])
    before = {path: path.stat().st_mtime_ns for path in [out / "train-00000.arrow"]}
    first: list[tuple[str, int]] = []
    prepare([source], out, jobs=1, progress=lambda at: first.append((at.doing, at.done)))
    assert first[:2] == [("reading", 4), ("shuffling", 0)]
    assert {path: path.stat().st_mtime_ns for path in before} == before


# Bytes: the parts of the first three files are smaller, that of the last one is larger; and so is
# the train shard.
WITHIN_A_PART, WITHIN_A_SHARD = 15_000, 30_000


def test_killed_while_writing(source: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    """The kernel ends the process at a byte in the middle of a file, without any cleaning up."""
    out = tmp_path / "out"
    died = run(source, out, largest_file=WITHIN_A_PART, dies_of_it=True)
    assert died.returncode == -signal.SIGXFSZ, died.stderr
    (half,) = out.glob(".prepare/.part-00003.*.tmp")
    assert half.stat().st_size <= WITHIN_A_PART
    assert len(list(out.glob(".prepare/part-*.json"))) == 3
    assert_half_written(out)

    died = run(source, out, largest_file=WITHIN_A_SHARD, dies_of_it=True)
    assert died.returncode == -signal.SIGXFSZ, died.stderr
    assert not half.exists()
    (half,) = out.glob(".train-*.tmp")
    assert half.stat().st_size <= WITHIN_A_SHARD
    assert_half_written(out)

    assert run(source, out).returncode == 0
    assert files_of(out) == whole


@pytest.mark.parametrize("moment", ["begun", "emptied", "finished"])
def test_killed_while_the_folder_is_made_ready(
    source: Path, whole: dict[str, bytes], tmp_path: Path, moment: str
) -> None:
    """What a kill leaves at the moments between two files is made by hand."""
    out = tmp_path / "out"
    if moment == "begun":
        (out / ".prepare").mkdir(parents=True)
        assert_half_written(out)
    else:
        prepare([source], out, jobs=1, seed=1 if moment == "emptied" else 0)
        (out / ".prepare").mkdir()
        (out / ".prepare" / "part-00000.json").write_text("of an older plan")
        if moment == "emptied":
            (out / "manifest.json").unlink()
            assert_half_written(out)
        else:
            Store(out)
    prepare([source], out, jobs=1)
    assert files_of(out) == whole


def test_a_changed_source_begins_again(source: Path, tmp_path: Path) -> None:
    changing = Path(shutil.copytree(source, tmp_path / "source"))
    out = tmp_path / "out"
    run(changing, out, killed_at=["shuffling", 1])
    (changing / "apple.ndjson").unlink()
    run(changing, out, killed_at=["reading", 2])
    told: list[tuple[str, int]] = []
    manifest = prepare(
        [changing], out, jobs=1, progress=lambda at: told.append((at.doing, at.done))
    )
    assert told[0] == ("reading", 2)
    assert manifest.classes == ["car", "cat", "star"]
    again = prepare([changing], tmp_path / "again", jobs=1)
    assert again == manifest
    assert files_of(out) == files_of(tmp_path / "again")


def test_an_interrupted_overwriting_goes_on(
    source: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    prepare([source], out, jobs=1, seed=1)

    def stop(at: prepare_module.PrepareProgress) -> None:
        if (at.doing, at.done) == ("shuffling", 1):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare([source], out, jobs=1, overwrite=True, progress=stop)
    assert_half_written(out)
    told: list[str] = []
    prepare([source], out, jobs=1, overwrite=True, progress=lambda at: told.append(at.doing))
    assert told.count("reading") == 1
    assert files_of(out) == whole


def test_a_file_that_may_not_grow(source: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "out"
    for limit, doing in [(WITHIN_A_PART, "reading"), (WITHIN_A_SHARD, "writing")]:
        failed = run(source, out, largest_file=limit)
        assert failed.returncode == 1
        assert f"While {doing} " in failed.stderr
        assert "no file may be that large there. Choose another disk, or raise" in failed.stderr
        assert "un the same command again" in failed.stderr
        assert_half_written(out)
        assert not list(out.rglob("*.tmp"))
    assert run(source, out).returncode == 0
    assert files_of(out) == whole


@contextmanager
def small_disk(folder: Path, size: str, *options: str) -> Iterator[Path]:
    """A file system of this size at `folder`; skips the test where none may be mounted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", ",".join([f"size={size}", *options]), "none"]
    if os.geteuid() != 0 or subprocess.run([*command, str(folder)], stderr=-3).returncode != 0:
        pytest.skip("no file system may be mounted here")
    try:
        yield folder
    finally:
        # Lazily: a caught error keeps what it met, mapped files among it.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk(source: Path, whole: dict[str, bytes], tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "64k") as disk:
        out = disk / "out"
        for size, doing in [("60k", "reading"), ("100k", "writing")]:
            subprocess.run(["mount", "-o", f"remount,size={size}", disk], check=True)
            with pytest.raises(DataError) as caught:
                prepare([source], out, jobs=1)
            message = str(caught.value)
            assert message.startswith(f"While {doing} ")
            assert "the disk is full. Free some space" in message
            assert_half_written(out)
        subprocess.run(["mount", "-o", "remount,size=4m", disk], check=True)
        prepare([source], out, jobs=1)
        assert files_of(out) == whole


def test_a_disk_that_is_read_only(source: Path, tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "disk", "64k", "ro") as disk,
        pytest.raises(DataError, match=r"the file system is read-only\. Choose another folder"),
    ):
        prepare([source], disk / "out", jobs=1)


@pytest.fixture
def nobody() -> Iterator[None]:
    """The rest of the test runs without the rights of root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that others may look into, unlike pytest's."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def locked(open_folder: Path, source: Path) -> Path:
    shutil.copy(source / "cat.ndjson", open_folder / "cat.ndjson")
    shutil.copy(source / "cat.ndjson", open_folder / "secret.ndjson")
    (open_folder / "secret.ndjson").chmod(0)
    (open_folder / "locked").mkdir(0o555)
    (open_folder / "open").mkdir()
    (open_folder / "open").chmod(0o777)
    return open_folder


def test_no_permission_to_write(locked: Path, nobody: None) -> None:
    with pytest.raises(DataError, match=r"there is no permission\. Choose another folder, or"):
        prepare([locked / "cat.ndjson"], locked / "locked" / "out", jobs=1)


def test_no_permission_to_read(locked: Path, nobody: None) -> None:
    with pytest.raises(DataError, match=r"While reading .*secret\.ndjson: there is no permission"):
        prepare([locked / "secret.ndjson"], locked / "open" / "out", jobs=1)


PEAK = """
import resource, sys
from doodlewise.data.prepare import prepare
manifest = prepare([sys.argv[1]], sys.argv[2], jobs=1)
print(sum(manifest.size(split) for split in ("train", "val", "test")))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_data(doodles: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (doodles / "cat.ndjson").read_text().splitlines()]
    lines = [json.dumps(row | {"key_id": "KEY"}) + "\n" for row in rows]
    peaks = []
    for n in (20_000, 200_000, 400_000):
        source = tmp_path / "cat.ndjson"
        with source.open("w") as file:
            for index in range(n):
                file.write(lines[index % len(lines)].replace("KEY", str(index + 1)))
        command = [sys.executable, "-c", PEAK, str(source), str(tmp_path / f"{n}")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
        total, peak = map(int, done.stdout.split())
        assert total == n
        peaks.append(peak)
    few, many, most = peaks
    # The first store does not fill a shard; sorting one takes several times its size.
    assert many - few < 100, peaks
    assert most - many < 40, peaks
