"""Kept drawings: whole lines, and none that was acknowledged is lost."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from doodlewise.data.formats import read_drawings
from doodlewise.drawing import Drawing
from doodlewise.errors import DataError
from doodlewise.predict.keep import BROKEN, KEPT, Keeper, as_line

HOUSE = Drawing.from_strokes([[[10, 90, 90, 10, 10], [10, 10, 90, 90, 10]], [[10, 50], [10, 0]]])

WRITER = """
import sys
from pathlib import Path
from doodlewise.drawing import Drawing
from doodlewise.predict.keep import Keeper

keeper = Keeper(Path(sys.argv[1]))
strokes = [[list(range(300)), [(7 * x) % 251 for x in range(300)]]] * 20
number = 0
while True:
    keeper.append(f"{sys.argv[2]}-{number}", Drawing.from_strokes(strokes))
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
    number += 1
"""


def lines_of(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / KEPT).read_bytes().splitlines()]


def test_a_line_is_googles_format(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "new")
    assert keeper.append("zorblax", HOUSE) == 1
    assert keeper.append("straße 猫", HOUSE) == 2
    assert keeper.count() == 2
    first, second = lines_of(tmp_path / "new")
    assert first["word"] == "zorblax"
    assert second["word"] == "straße 猫"
    assert (first["countrycode"], first["recognized"]) == ("", True)
    assert str(first["timestamp"]).endswith(" UTC")
    assert str(first["key_id"]).isdigit()
    assert first["key_id"] != second["key_id"]
    assert int(str(first["key_id"])) < 2**63
    (drawing, _) = read_drawings(tmp_path / "new" / KEPT)
    assert drawing.word == "zorblax"
    assert drawing.recognised is True
    assert drawing.timestamp is not None
    assert drawing.bounds == (0.0, 0.0, 227.0, 255.0)


def test_prepare_reads_it(tmp_path: Path) -> None:
    from doodlewise.data.prepare import prepare
    from doodlewise.data.store import Store

    keeper = Keeper(tmp_path)
    for number in range(40):
        keeper.append("ab"[number % 2] * 3, HOUSE)
    prepare([tmp_path / KEPT], tmp_path / "store", jobs=1)
    store = Store(tmp_path / "store")
    assert store.classes == ["aaa", "bbb"]
    assert sum(store.size(split) for split in ("train", "val", "test")) == 40


def test_a_half_line_is_set_aside_and_not_lost(tmp_path: Path) -> None:
    Keeper(tmp_path).append("first", HOUSE)
    half = as_line("half", HOUSE)[:-20]
    with (tmp_path / KEPT).open("ab") as file:
        file.write(half)
    keeper = Keeper(tmp_path)
    assert (tmp_path / BROKEN).read_bytes() == half + b"\n"
    assert keeper.append("second", HOUSE) == 2
    assert [line["word"] for line in lines_of(tmp_path)] == ["first", "second"]


def test_a_half_line_of_another_process_is_set_aside_too(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    keeper.append("first", HOUSE)
    with (tmp_path / KEPT).open("ab") as file:
        file.write(b'{"word":')
    assert keeper.append("second", HOUSE) == 2
    assert [line["word"] for line in lines_of(tmp_path)] == ["first", "second"]


def test_a_file_of_one_half_line(tmp_path: Path) -> None:
    (tmp_path / KEPT).write_bytes(b"x" * 200_000)
    assert Keeper(tmp_path).count() == 0
    assert (tmp_path / BROKEN).stat().st_size == 200_001


def test_a_full_disk_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = Keeper(tmp_path)
    keeper.append("first", HOUSE)
    whole = (tmp_path / KEPT).read_bytes()
    really = os.write

    def full(file: int, content: bytes) -> int:
        if len(content) > 20 and not getattr(full, "tried", False):
            full.tried = True  # type: ignore[attr-defined]
            return really(file, content[:20])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("doodlewise.predict.keep.os.write", full)
    with pytest.raises(DataError, match=r"the disk is full\. Free some space.*send the drawing"):
        keeper.append("second", HOUSE)
    assert (tmp_path / KEPT).read_bytes() == whole
    monkeypatch.undo()
    assert keeper.append("third", HOUSE) == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_a_file_that_cannot_grow(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from doodlewise.drawing import Drawing\n"
        "from doodlewise.errors import DataError\n"
        "from doodlewise.predict.keep import Keeper\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "keeper = Keeper(Path(sys.argv[1]))\n"
        "kept = 0\n"
        "try:\n"
        "    while True:\n"
        "        kept = keeper.append('house', Drawing.from_strokes([[[0, 9], [0, 9]]]))\n"
        "except DataError as error:\n"
        "    print(kept, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    kept, _, message = done.stdout.partition(" ")
    assert "no file may be that large" in message
    assert len(lines_of(tmp_path)) == int(kept) > 0


def test_a_folder_in_which_nothing_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="a file is in the way"):
        Keeper(tmp_path / "file")


def _append_many(folder: Path, name: str, n: int) -> None:
    keeper = Keeper(folder)
    threads = [
        threading.Thread(target=lambda t=t: [keeper.append(f"{name}{t}", HOUSE) for _ in range(n)])
        for t in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_threads_and_processes_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_append_many, args=(tmp_path, f"p{p}", 20)) for p in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    lines = lines_of(tmp_path)
    assert len(lines) == 2 * 3 * 20 == Keeper(tmp_path).count()
    assert len({line["key_id"] for line in lines}) == len(lines)


def test_nothing_acknowledged_is_lost_by_kill_9(tmp_path: Path) -> None:
    rng = random.Random(4)
    acknowledged: list[str] = []
    for turn in range(5):
        # Two at a time: one that is killed must not harm the other.
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, str(tmp_path), f"{turn}{side}"],
                stdout=subprocess.PIPE,
                text=True,
            )
            for side in "ab"
        ]
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "0\n"
        time.sleep(rng.uniform(0.0, 0.15))
        for writer, side in zip(writers, "ab", strict=True):
            writer.send_signal(signal.SIGKILL)
            assert writer.stdout is not None
            told = ["0", *writer.stdout.read().split()]
            writer.wait()
            acknowledged += [f"{turn}{side}-{number}" for number in told]
            writer.stdout.close()
    keeper = Keeper(tmp_path)
    words = [str(line["word"]) for line in lines_of(tmp_path)]
    assert len(words) == len(set(words)) == keeper.count()
    assert set(acknowledged) <= set(words)
    # Besides at most the one that each of the ten was writing when it was killed.
    assert len(words) - len(acknowledged) <= 10
    assert all(line["drawing"] for line in lines_of(tmp_path))
