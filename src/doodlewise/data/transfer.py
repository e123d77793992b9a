"""One file over HTTP: only the part that is wanted, resumed after any interruption, verified.

What has arrived survives a cut connection, Ctrl-C and a killed process. The next attempt asks only
for the bytes after it, and begins anew if the remote file is no longer the same.
"""

from __future__ import annotations

import http.client
import os
import random
import re
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from threading import Event
from typing import BinaryIO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from ..errors import DataError, FormatError
from .head import Head
from .part import (
    Version,
    forget_part,
    hashes_of,
    load_version,
    part_path,
    save_version,
    verify,
)

__all__ = ["CommonFaultError", "Patience", "StoppedError", "Transfer"]

_CHUNK = 1 << 18
_ROOM_FOR_NOTE = 1 << 14
_TRIES_AT_RIGHT_BYTES = 3
_TRIES_AT_FIRST_CONTACT = 2
"""Who is offline wants to know soon, not after all attempts."""

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP statuses after which it is worth while to ask again."""

_KEPT = "What has arrived is kept; run the same command again to go on."


class CommonFaultError(DataError):
    """A fault that every other file would meet as well: no network, no room on the disk."""


class StoppedError(Exception):
    """The transfer ended because `stop` was set; what has arrived is kept."""


class _InterruptedError(Exception):
    """An attempt failed in a way that may pass; the message is the reason."""

    def __init__(self, reason: str, *, wait_s: float = 0.0, no_contact: bool = False) -> None:
        super().__init__(reason)
        self.wait_s, self.no_contact = wait_s, no_contact


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a transfer keeps trying.

    Attributes:
        attempts: how many in a row may fail without bringing a byte that was not there before.
        first_delay_s: the pause after the first failure; it doubles with each further one.
        longest_delay_s: no pause is longer, even if the server asks for it (Retry-After).
        timeout_s: how long the server may be silent.
        checkpoint_bytes: what a killed process may have to fetch again.
    """

    attempts: int = 6
    first_delay_s: float = 0.5
    longest_delay_s: float = 60.0
    timeout_s: float = 20.0
    checkpoint_bytes: int = 4 << 20


@dataclass(slots=True)
class Transfer:
    """One file on its way.

    Attributes:
        url: where it comes from.
        path: where it will lie; the bytes go to `part_path(path)`.
        make_head: makes what knows which rows are wanted.
        patience: how long to keep trying.
        stop: set it from another thread to end the transfer soon.
        contact: set as soon as the server has answered, to this transfer or to another.
        report: called with the bytes that are here and those wanted (None if unknown).
        fetched: bytes that came over the network, those in vain included.
    """

    url: str
    path: Path
    make_head: Callable[[], Head]
    patience: Patience
    stop: Event
    contact: Event
    report: Callable[[int, int | None], None]
    fetched: int = 0
    _version: Version = field(init=False)
    _head: Head = field(init=False)
    _file: BinaryIO = field(init=False)
    _saved: int = field(init=False, default=0)

    def run(self) -> tuple[Version, Head]:
        """Bring the part file to hold exactly the wanted rows of the remote file, verified.

        Raises:
            DataError: there is no such file, or the server went on failing.
            FormatError: wrong bytes came, again and again.
            CommonFaultError: the server cannot be reached.
            StoppedError: `stop` was set.
            OSError: the disk is full, or cannot be written to.
        """
        part = part_path(self.path)
        # Unbuffered, so that a full disk is met here and not when the file is closed.
        self._file = part.open("r+b" if part.exists() else "w+b", buffering=0)
        with self._file:
            self._resume()
            try:
                self._attempt_until_done()
            finally:
                # If it cannot be written, the last one still holds.
                with suppress(OSError):
                    self._save()
                if self._version.position == 0:
                    forget_part(self.path)
        return self._version, self._head

    def _attempt_until_done(self) -> None:
        failures = rejections = 0
        farthest = self._version.position
        while True:
            try:
                self._fetch()
                self._complete()
                return
            except FormatError as error:
                self._discard()
                farthest = 0
                rejections += 1
                if rejections == _TRIES_AT_RIGHT_BYTES:
                    raise FormatError(
                        f"{self.url} is not what it should be ({rejections} times in a row): "
                        f"{error}. Try again later, or name another mirror with --base-url."
                    ) from error
                self._pause(rejections, 0.0)
            except _InterruptedError as error:
                failures = 1 if self._version.position > farthest else failures + 1
                farthest = max(farthest, self._version.position)
                self._give_up_after(failures, error)
                self._pause(failures, error.wait_s)

    def _give_up_after(self, failures: int, error: _InterruptedError) -> None:
        kept = f" {_KEPT}" if self._version.position else ""
        attempts = self.patience.attempts
        if error.no_contact and not self.contact.is_set():
            attempts = min(attempts, _TRIES_AT_FIRST_CONTACT)
        if failures < attempts:
            return
        if error.no_contact:
            raise CommonFaultError(
                f"{urlsplit(self.url).netloc} cannot be reached ({error}): check the network and"
                " the proxy settings, name a mirror with --base-url, or begin with the synthetic"
                f" doodles, which need no network.{kept}"
            ) from None
        advice = kept or " Try again later, or name another mirror with --base-url."
        raise DataError(
            f"{self.url} could not be fetched: {error} ({failures} times in a row).{advice}"
        ) from None

    def _pause(self, failures: int, asked_s: float) -> None:
        """Wait, longer after each failure, and not in step with the other transfers."""
        delay_s = self.patience.first_delay_s * 2.0 ** (failures - 1) * random.uniform(0.5, 1.0)
        if self.stop.wait(min(max(delay_s, asked_s), self.patience.longest_delay_s)):
            raise StoppedError

    # ---- What is here

    def _resume(self) -> None:
        """Take over what an earlier attempt left, if it is of this remote file."""
        part = part_path(self.path)
        self._version, self._head = Version(self.url), self.make_head()
        version = load_version(part)
        if version is None or version.url != self.url:
            self._discard()
            return
        here = min(version.position, part.stat().st_size)
        self._file.truncate(here)
        self._file.seek(0)
        try:
            while chunk := self._file.read(_CHUNK):
                self._head.feed(chunk)
        except FormatError:
            self._discard()
            return
        self._version = version
        self._version.position = self._saved = here
        self._report()

    def _discard(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._version, self._head = Version(self.url), self.make_head()
        self._save()

    def _save(self) -> None:
        os.fsync(self._file.fileno())
        save_version(part_path(self.path), self._version)
        self._saved = self._version.position

    def _complete(self) -> None:
        """Cut the part after the last row that is wanted, and look whether it is right."""
        version, head, part = self._version, self._head, part_path(self.path)
        if not head.done:
            head.close()
        self._file.truncate(head.end)
        self._file.seek(head.end)
        version.position = head.end
        head.mend(part)
        if head.end == version.length:
            verify(part, version.hashes)
        self.report(head.end, head.end)

    def _report(self) -> None:
        length, goal = self._version.length, self._head.goal
        if self._head.limit is None:
            goal = length
        elif goal is not None and length is not None:
            goal = min(goal, length)
        self.report(self._version.position, goal)

    # ---- What comes

    def _fetch(self) -> None:
        """Ask for bytes until all that are wanted are here."""
        while not self._head.done and self._version.position != self._version.length:
            with self._ask(self._head.next_stop()) as response:
                self.contact.set()
                self._receive(response, self._accept(response))

    def _ask(self, stop: int | None) -> http.client.HTTPResponse:
        if self.stop.is_set():
            raise StoppedError
        position, validator = self._version.position, self._version.validator
        request = urllib.request.Request(
            self.url, headers={"User-Agent": "doodlewise", "Accept-Encoding": "identity"}
        )
        if position or stop is not None:
            request.add_header("Range", f"bytes={position}-{'' if stop is None else stop - 1}")
        # A weak ETag never matches in If-Range; what comes is compared in any case.
        if position and validator and not validator.startswith("W/"):
            request.add_header("If-Range", validator)
        try:
            # Not urlopen, which would keep the proxy settings of its first call.
            opener = urllib.request.build_opener()
            response: http.client.HTTPResponse = opener.open(
                request, timeout=self.patience.timeout_s
            )
            return response
        except HTTPError as error:
            with error:
                self.contact.set()
                raise _meaning_of(error) from None
        except URLError as error:
            raise _InterruptedError(_plain(error.reason), no_contact=True) from None
        except (OSError, http.client.HTTPException) as error:
            raise _InterruptedError(_plain(error)) from None

    def _accept(self, response: http.client.HTTPResponse) -> int | None:
        """Look at what the server is about to send; return how many bytes, None if unknown."""
        headers, version = response.headers, self._version
        if headers.get_content_type() == "text/html":
            raise FormatError("a web page came instead of data (a login page of the network?)")
        if headers.get("Content-Encoding", "identity") != "identity":
            raise FormatError("it was compressed on the way")
        validator = headers.get("ETag") or headers.get("Last-Modified") or ""
        size = headers.get("Content-Length", "")
        expected = length = int(size) if size.isdecimal() else None
        if response.status == 206:
            found = re.fullmatch(
                r"bytes (\d+)-(\d+)/(\d+)", headers.get("Content-Range", "").strip()
            )
            if not found:
                raise FormatError("the server does not say which bytes it sends")
            first, last, total = (int(number) for number in found.groups())
            same = (validator, total) == (version.validator, version.length)
            if first != version.position or (version.position and not same):
                raise FormatError("the remote file was changed meanwhile")
            expected, length = last + 1 - first, total
        else:
            # The server knows no ranges, or it has another version by now: from the start, then.
            if version.position:
                self._discard()
        self._version = Version(
            self.url, validator, length, hashes_of(headers), self._version.position
        )
        return expected

    def _receive(self, response: http.client.HTTPResponse, expected: int | None) -> None:
        received = 0
        while not self._head.done and (expected is None or received < expected):
            if self.stop.is_set():
                raise StoppedError
            try:
                data = response.read1(
                    _CHUNK if expected is None else min(_CHUNK, expected - received)
                )
            except (OSError, http.client.HTTPException) as error:
                raise _InterruptedError(_plain(error)) from None
            if not data:
                break
            received += len(data)
            self._write(data)
        if self._head.done:
            return
        if expected is None:
            self._version.length = self._version.position
        elif received < expected:
            raise _InterruptedError("the connection was cut")

    def _write(self, data: bytes) -> None:
        self.fetched += len(data)
        self._head.feed(data)
        rest = memoryview(data)
        try:
            while rest:
                written = self._file.write(rest)
                self._version.position += written
                rest = rest[written:]
        except OSError:
            # On a full disk, the note about what has arrived needs room, too.
            here = max(self._saved, self._version.position - _ROOM_FOR_NOTE)
            self._version.position = self._file.truncate(here)
            raise
        if self._version.position - self._saved >= self.patience.checkpoint_bytes:
            self._save()
        self._report()


def _meaning_of(error: HTTPError) -> Exception:
    """What an HTTP error status means for the transfer."""
    if error.code in _PASSING:
        asked_s = _retry_after_s(error.headers.get("Retry-After", ""))
        return _InterruptedError(f"the server answered {error.code} {error.reason}", wait_s=asked_s)
    if error.code == 416:
        return FormatError("the remote file is shorter than it was said to be")
    if error.code == 404:
        return DataError(
            f"There is no file at {error.url} (HTTP 404)."
            " Check the word, the format and --base-url."
        )
    return DataError(
        f"The server refuses {error.url} (HTTP {error.code} {error.reason})."
        " Check the proxy settings and --base-url, or name another mirror."
    )


def _retry_after_s(text: str) -> float:
    """Seconds to wait as the header says it, in seconds or as a date; 0 if it says nothing."""
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return 0.0


def _plain(reason: object) -> str:
    """A network error in words, without its number."""
    if isinstance(reason, TimeoutError):
        return "the server was silent for too long"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return str(reason) or type(reason).__name__
