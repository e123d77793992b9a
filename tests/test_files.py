from __future__ import annotations

import errno
import json
import os
import threading
from pathlib import Path

import pytest

from doodlewise.errors import DataError
from doodlewise.files import (
    LOCK,
    explain_os_errors,
    is_locked,
    locked,
    replacing,
    write_json,
    write_text,
)


def test_the_file_appears_when_the_block_succeeds(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "cat.txt"
    with replacing(path) as temporary:
        assert temporary.parent == path.parent
        assert temporary.name.startswith(".")
        temporary.write_text("cat")
        assert not path.exists()
    assert path.read_text() == "cat"
    assert list(path.parent.iterdir()) == [path]


def test_the_old_file_stays_when_the_block_fails(tmp_path: Path) -> None:
    path = tmp_path / "cat.txt"
    path.write_text("old")

    def fail() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half of the n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_text_and_json_are_utf_8(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "héllo\n")
    assert (tmp_path / "a.txt").read_bytes() == "héllo\n".encode()
    write_json(tmp_path / "a.json", {"word": "é", "n": [1, 2]})
    assert json.loads((tmp_path / "a.json").read_bytes()) == {"word": "é", "n": [1, 2]}
    assert "é" in (tmp_path / "a.json").read_text(encoding="utf-8")
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"n": object()})
    assert "é" in (tmp_path / "a.json").read_text(encoding="utf-8")
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("number", "cause"),
    [
        (errno.ENOSPC, "the disk is full. Free some space"),
        (errno.EDQUOT, "your disk quota is used up. Free"),
        (errno.EFBIG, "no file may be that large there. Choose another disk, or raise ulimit -f"),
        (errno.EACCES, "there is no permission. Choose"),
        (errno.EPERM, "there is no permission. Choose"),
        (errno.EROFS, "the file system is read-only. Choose"),
    ],
)
def test_os_errors_are_explained(number: int, cause: str) -> None:
    with (
        pytest.raises(DataError) as caught,
        explain_os_errors("writing stores/a10", "Run the same command again"),
    ):
        raise OSError(number, os.strerror(number), "stores/a10/x.arrow")
    message = str(caught.value)
    assert message.startswith(f"While writing stores/a10: {cause}")
    assert message.endswith(" (stores/a10/x.arrow). Run the same command again.")


def test_real_errors_of_paths_are_explained(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with (
        pytest.raises(DataError, match=r"a file is in the way of a folder.*file/x\.txt\)\. Try\.$"),
        explain_os_errors("writing", "Try"),
    ):
        (file / "x.txt").write_text("")
    with (
        pytest.raises(DataError, match="a folder is in the way of a file"),
        explain_os_errors("writing", "Try"),
    ):
        tmp_path.write_text("")
    with (
        pytest.raises(DataError, match="there is no such file or folder"),
        explain_os_errors("reading", "Try"),
    ):
        (tmp_path / "nothing").read_text()


def test_other_errors_pass(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Interrupted"), explain_os_errors("writing", "Try"):
        raise OSError(errno.EINTR, "Interrupted")
    with pytest.raises(ValueError, match="not ours"), explain_os_errors("writing", "Try"):
        raise ValueError("not ours")
    with explain_os_errors("writing", "Try"):
        (tmp_path / "fine").touch()


def test_who_asks_sees_a_lock_and_does_not_take_it(tmp_path: Path) -> None:
    assert is_locked(tmp_path) is False
    with locked(tmp_path, "used"):
        assert is_locked(tmp_path) is True
        with (
            pytest.raises(DataError, match="is being used by another process"),
            locked(tmp_path, "used"),
        ):
            pass
    assert is_locked(tmp_path) is False
    (tmp_path / LOCK).touch()  # of a process that was killed
    assert is_locked(tmp_path) is False
    with locked(tmp_path, "used"):
        assert is_locked(tmp_path) is True


def test_one_who_only_asks_is_waited_for(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    (tmp_path / LOCK).touch()
    with (tmp_path / LOCK).open("rb") as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        timer = threading.Timer(0.06, fcntl.flock, (asking, fcntl.LOCK_UN))
        timer.start()
        with locked(tmp_path, "used"):
            pass
        timer.join()


def test_a_disk_without_locks_is_used_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")

    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with locked(tmp_path, "used"):
        assert is_locked(tmp_path) is None
