"""Writing files so that nobody ever meets half of one, and saying why a disk will not."""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from .errors import DataError

try:
    import fcntl
except ImportError:  # Windows has no such lock
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""Disks of a network may have no locks; then nobody is held up."""
TRIES = 4
"""Looks at a lock before it counts as held: one who only asks holds it too, for a moment."""

__all__ = [
    "LOCK",
    "explain_os_errors",
    "is_locked",
    "locked",
    "replacing",
    "write_json",
    "write_text",
]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; it takes its place only if the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a small text file at once."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write a small JSON file at once, indented for people."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


@contextmanager
def locked(folder: Path, doing: str) -> Iterator[None]:
    """Hold a folder alone; the lock is gone with the process, however that ends.

    Args:
        folder: made if it is not there.
        doing: what is being done to it, such as "prepared".

    Raises:
        DataError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK
    with _lock(path, folder, doing):
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def is_locked(folder: Path) -> bool | None:
    """Whether a process holds a folder alone; None where that cannot be known.

    Nothing is written, and whoever wants the folder does not notice.
    """
    if fcntl is None:
        return None
    try:
        with (folder / LOCK).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    except OSError:
        return None
    return False


def _lock(path: Path, folder: Path, doing: str) -> IO[str]:
    """The open file that holds the lock."""
    tries = 0
    while True:
        file = path.open("a")
        if fcntl is None:
            return file
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno in NO_LOCKS:
                    return file
                raise
            # Whoever held it may have removed the file between the two lines above.
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except BlockingIOError:
            file.close()
            tries += 1
            if tries < TRIES:
                time.sleep(0.05)
                continue
            raise DataError(
                f"{folder} is being {doing} by another process. Wait until it is done, or choose"
                " another folder."
            ) from None
        file.close()


@contextmanager
def explain_os_errors(doing: str, afterwards: str) -> Iterator[None]:
    """Turn a full disk, a missing permission and their kin into a `DataError` that helps.

    Args:
        doing: what was going on, such as "writing stores/a10".
        afterwards: what to do when it is mended, such as "Run the same command again".
    """
    try:
        yield
    except OSError as error:
        causes = {
            errno.ENOSPC: "the disk is full. Free some space",
            errno.EDQUOT: "your disk quota is used up. Free some space",
            errno.EFBIG: "no file may be that large there. Choose another disk, or raise ulimit -f",
            errno.EACCES: "there is no permission. Choose another folder, or change its owner",
            errno.EPERM: "there is no permission. Choose another folder, or change its owner",
            errno.EROFS: "the file system is read-only. Choose another folder",
            errno.ENOENT: "there is no such file or folder. Check the path",
            errno.EEXIST: "a file is in the way of a folder. Choose another path",
            errno.ENOTDIR: "a file is in the way of a folder. Choose another path",
            errno.EISDIR: "a folder is in the way of a file. Choose another path",
        }
        cause = causes.get(error.errno or 0)
        if cause is None:
            raise
        where = f" ({error.filename})" if error.filename else ""
        raise DataError(f"While {doing}: {cause}{where}. {afterwards}.") from error
