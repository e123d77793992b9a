"""Drawings kept on disk, a line each, so that what was acknowledged is never lost.

The file is in the simplified format of Google, with key_ids, which `doodlewise data prepare` reads.
A line is written by one call that appends, and is on the disk before anyone is told so. Threads and
processes may write to the same file.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ..drawing import Drawing
from ..errors import DataError
from ..files import explain_os_errors

try:
    import fcntl
except ImportError:  # Windows has no such lock
    fcntl = None  # type: ignore[assignment]

__all__ = ["BROKEN", "KEPT", "Keeper", "as_line"]

KEPT, BROKEN = "drawings.ndjson", "drawings.ndjson.broken"
"""The file, and where the half lines of crashes are moved."""
_BLOCK = 1 << 16
_PRIVATE = 0o600
"""Drawings of people are nobody else's business."""


class Keeper:
    """Appends drawings to a file.

    Args:
        folder: made if it is not there.

    Raises:
        DataError: the folder or its file cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / KEPT
        self._broken = folder / BROKEN
        self._lock = threading.Lock()
        with self._explained():
            folder.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, _PRIVATE)
            with self._alone():
                self._mend()
                os.fsync(self._file)
                _sync_folder(folder)

    def append(self, word: str, drawing: Drawing) -> int:
        """Keep a drawing; when this returns, it is on the disk.

        Returns:
            How many lines the file has now.

        Raises:
            DataError: the disk is full, or will not have it; nothing of the drawing stays.
        """
        line = as_line(word, drawing)
        with self._explained(), self._alone():
            # Another process may have been killed in the middle of a line.
            end = self._mend()
            try:
                _write(self._file, line)
                os.fsync(self._file)
            except OSError:
                os.ftruncate(self._file, end)
                raise
            return self._count()

    def count(self) -> int:
        """How many drawings are kept."""
        with self._explained(), self._alone():
            return self._count()

    def close(self) -> None:
        """Give the file back."""
        os.close(self._file)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other thread and no other process writes."""
        with self._lock:
            if fcntl is not None:
                fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                if fcntl is not None:
                    fcntl.flock(self._file, fcntl.LOCK_UN)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        doing, afterwards = f"keeping drawings in {self.path}", "Then send the drawing again"
        try:
            with explain_os_errors(doing, afterwards):
                yield
        except OSError as error:
            reason = error.strerror or str(error)
            raise DataError(f"While {doing}: {reason}. Check the disk. {afterwards}.") from error

    def _mend(self) -> int:
        """Move a half line at the end to `BROKEN`; where the file ends then."""
        end = os.fstat(self._file).st_size
        whole = _end_of_last_line(self._file, end)
        if whole == end:
            return end
        half = _read(self._file, whole, end)
        with self._broken.open("ab") as broken:
            broken.write(half + b"\n")
            broken.flush()
            os.fsync(broken.fileno())
        os.ftruncate(self._file, whole)
        return whole

    _counted = (0, 0)
    """Lines up to a place in the file; what is before never changes."""

    def _count(self) -> int:
        lines, place = self._counted
        end = os.fstat(self._file).st_size
        if place > end:  # someone emptied it
            lines, place = 0, 0
        while place < end:
            block = _read(self._file, place, min(place + _BLOCK, end))
            if not block:
                break
            lines += block.count(b"\n")
            place += len(block)
        self._counted = (lines, place)
        return lines


def as_line(word: str, drawing: Drawing) -> bytes:
    """A drawing as a line of Google's simplified format, in the frame, with a fresh key_id."""
    framed = drawing.simplified()
    now = datetime.now(UTC)
    row = {
        "word": word,
        "countrycode": drawing.country,
        "timestamp": f"{now:%Y-%m-%d %H:%M:%S.%f} UTC",
        "recognized": True,
        # 63 bits, as Google's keys have; 0 would be none.
        "key_id": str(secrets.randbits(63) or 1),
        "drawing": framed.to_strokes(),
    }
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _write(file: int, line: bytes) -> None:
    """All of it by one call, or an error."""
    written = os.write(file, line)
    if written < len(line):
        # A disk that is almost full takes a part; the next call says what is wrong with it.
        written += os.write(file, line[written:])
    if written < len(line):
        raise OSError(0, "the disk took only a part of the drawing")


def _read(file: int, first: int, last: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(file, last - first, first)
    os.lseek(file, first, os.SEEK_SET)
    return os.read(file, last - first)


def _end_of_last_line(file: int, end: int) -> int:
    """Where the last whole line ends."""
    place = end
    while place > 0:
        first = max(place - _BLOCK, 0)
        at = _read(file, first, place).rfind(b"\n")
        if at >= 0:
            return first + at + 1
        place = first
    return 0


def _sync_folder(folder: Path) -> None:
    """So that the name of a new file is on the disk too."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    opened = os.open(folder, os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
