"""Google's drawings fetched to a folder: only the words, the format and the rows that are wanted.

`downloads.json` in the folder says what each file holds, so that files are fetched once, and
extended when more rows are wanted later. A file stands under its name only when it is complete.
"""

from __future__ import annotations

import threading
import time
import urllib.request
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError

import msgspec

from ..errors import ConfigError, DataError
from ..files import explain_os_errors, write_json
from .catalog import Format, file_name, remote_path, resolve_words
from .head import head_of
from .part import Version, forget_part, part_path, seed_part
from .transfer import CommonFaultError, Patience, Transfer

__all__ = [
    "BASE_URL",
    "DownloadReport",
    "DownloadedFile",
    "Patience",
    "Progress",
    "download",
    "is_reachable",
]

BASE_URL = "https://storage.googleapis.com/quickdraw_dataset"
"""Google's public bucket; a mirror has the same folders below its own address."""

MANIFEST = "downloads.json"

Progress = Callable[[str, int, int | None], None]
"""Called with a word, the bytes of its file that are here, and those wanted, None if unknown."""


@dataclass(frozen=True, slots=True)
class DownloadedFile:
    """One word's file.

    Attributes:
        word: the word.
        path: where the file lies.
        rows: how many drawings it holds; None where the format does not tell (sketchrnn).
        n_bytes: its size.
        n_fetched: bytes that came over the network for it this time; 0 if it was there already.
        whole: whether it is all that there is.
    """

    word: str
    path: Path
    rows: int | None
    n_bytes: int
    n_fetched: int
    whole: bool


@dataclass(frozen=True, slots=True)
class DownloadReport:
    """What a download brought.

    Attributes:
        folder: where the files lie.
        files: one for each word, in the order of the words.
        seconds: how long it took.
    """

    folder: Path
    files: list[DownloadedFile]
    seconds: float

    @property
    def n_fetched(self) -> int:
        """Bytes that came over the network."""
        return sum(file.n_fetched for file in self.files)


def download(
    words: str | Iterable[str],
    *,
    format: Format,
    to: Path,
    per_class: int | None = None,
    base_url: str = BASE_URL,
    jobs: int = 4,
    progress: Progress | None = None,
    patience: Patience | None = None,
) -> DownloadReport:
    """Fetch the drawings of some words, several files at a time.

    What is there already is not fetched again; what was interrupted goes on where it stopped.
    Ctrl-C keeps what has arrived. A fault of one file does not end the others.

    Args:
        words: names as `resolve_words` takes them.
        format: simplified, raw, binary, bitmap or sketchrnn.
        to: the folder, of its own for each format.
        per_class: the first so many drawings of each word; None: all. Files of the format
            sketchrnn cannot be cut and always come whole.
        base_url: the bucket, or a mirror of it.
        jobs: how many files at a time.
        progress: called from the threads that fetch, one call at a time.
        patience: how long to keep trying; by default some minutes.

    Raises:
        UnknownClassError: a word that Google does not have.
        ConfigError: an impossible format, number or address.
        DataError: no network, no such file, no room on the disk, or a file in the way.
        FormatError: the server keeps sending something else than the file.
    """
    chosen = resolve_words(words)
    if per_class is not None and per_class < 1:
        raise ConfigError(f"per_class is {per_class}; choose 1 or more, or nothing for all.")
    if jobs < 1:
        raise ConfigError(f"jobs is {jobs}; choose 1 or more.")
    base_url = _web_address(base_url)
    started = time.monotonic()
    with explain_os_errors(f"opening {to}", "Run the same command again"):
        to.mkdir(parents=True, exist_ok=True)
        manifest = _Manifest(to / MANIFEST)
    fetcher = _Fetcher(format, to, per_class, base_url, progress, patience or Patience(), manifest)
    files = _fetch_all(fetcher, chosen, jobs)
    return DownloadReport(to, files, time.monotonic() - started)


def is_reachable(base_url: str = BASE_URL, timeout_s: float = 3.0) -> bool:
    """Whether a server answers at this address, found out within `timeout_s`.

    Raises:
        ConfigError: this is no web address.
    """
    url = f"{_web_address(base_url)}/{remote_path('cat', 'simplified')}"
    answers: list[bool] = []

    def ask() -> None:
        request = urllib.request.Request(url, method="HEAD")
        try:
            with urllib.request.build_opener().open(request, timeout=timeout_s):
                answers.append(True)
        except HTTPError as error:
            with error:
                answers.append(error.code < 500)
        except (OSError, HTTPException):
            answers.append(False)

    # In a thread, since nothing limits how long the look-up of a name may take.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(timeout_s)
    return any(answers)


def _web_address(text: str) -> str:
    if not text.startswith(("https://", "http://")) or any(map(str.isspace, text)):
        raise ConfigError(f"'{text}' is no web address. Begin it with https:// or http://.")
    return text.rstrip("/")


def _fetch_all(fetcher: _Fetcher, words: list[str], jobs: int) -> list[DownloadedFile]:
    """Fetch all files; raise the gravest error once no thread is at work any more."""
    files: dict[str, DownloadedFile] = {}
    faults: dict[str, DataError] = {}
    with ThreadPoolExecutor(jobs, thread_name_prefix="download") as pool:
        word_of = {pool.submit(fetcher.fetch, word): word for word in words}
        try:
            for future in as_completed(word_of):
                word = word_of[future]
                try:
                    files[word] = future.result()
                except CommonFaultError:
                    raise
                except DataError as error:
                    faults[word] = error
        except BaseException:
            fetcher.stop.set()
            raise
    failed = [word for word in words if word in faults]
    if len(failed) == 1:
        raise faults[failed[0]]
    if failed:
        raise DataError(
            f"{len(failed)} of {len(words)} files could not be fetched ({', '.join(failed)})."
            f" The first: {faults[failed[0]]}"
        ) from faults[failed[0]]
    return [files[word] for word in words]


class _Fetcher:
    """What the files of one download have in common."""

    def __init__(
        self,
        format: Format,
        folder: Path,
        per_class: int | None,
        base_url: str,
        progress: Progress | None,
        patience: Patience,
        manifest: _Manifest,
    ) -> None:
        self.format, self.folder, self.per_class = format, folder, per_class
        self.base_url, self.progress, self.patience = base_url, progress, patience
        self.manifest = manifest
        self.stop, self.contact = threading.Event(), threading.Event()
        self._one_call = threading.Lock()

    def fetch(self, word: str) -> DownloadedFile:
        """Bring one word's file to hold what is wanted."""
        path = self.folder / file_name(word, self.format)
        try:
            with explain_os_errors(
                f"downloading {path}", "What has arrived is kept; then run the same command again"
            ):
                record = self._usable_record(path)
                if record is None or not record.holds(self.per_class):
                    return self._transfer(word, path, record)
        except DataError as error:
            if isinstance(error.__cause__, OSError):
                raise CommonFaultError(str(error)) from error
            raise
        self._report(word, record.n_bytes, record.n_bytes)
        return DownloadedFile(word, path, record.rows, record.n_bytes, 0, record.whole)

    def _usable_record(self, path: Path) -> _Record | None:
        """What the manifest says of a file that is there as it was left; else None."""
        record = self.manifest.files.get(path.name)
        if not path.exists():
            return None
        if record is None:
            raise DataError(
                f"{path} is in the way: {MANIFEST} does not mention it. Move it, or choose another"
                " folder."
            )
        if record.format != self.format:
            raise DataError(
                f"{path} holds drawings in the format {record.format}, not {self.format}. Choose"
                " another folder."
            )
        return record if path.stat().st_size == record.n_bytes else None

    def _transfer(self, word: str, path: Path, record: _Record | None) -> DownloadedFile:
        url = f"{self.base_url}/{remote_path(word, self.format)}"
        if record and record.version.url == url:
            seed_part(path, record.version)
        transfer = Transfer(
            url,
            path,
            lambda: head_of(self.format, self.per_class),
            self.patience,
            self.stop,
            self.contact,
            lambda here, wanted: self._report(word, here, wanted),
        )
        version, head = transfer.run()
        record = _Record(self.format, head.rows, head.end, head.end == version.length, version)
        # First the manifest: if only this is done before a crash, the sizes do not agree, and the
        # part, which is complete, is taken over next time.
        self.manifest.record(path.name, record)
        part_path(path).replace(path)
        forget_part(path)
        return DownloadedFile(word, path, head.rows, head.end, transfer.fetched, record.whole)

    def _report(self, word: str, here: int, wanted: int | None) -> None:
        if self.progress is not None:
            with self._one_call:
                self.progress(word, here, wanted)


class _Record(msgspec.Struct):
    """What a file of the folder holds."""

    format: str
    rows: int | None
    n_bytes: int
    whole: bool
    version: Version

    def holds(self, per_class: int | None) -> bool:
        """Whether these are rows enough."""
        return self.whole or (per_class is not None and (self.rows or 0) >= per_class)


class _Manifest:
    """`downloads.json`: what the files of a folder hold, by their names.

    Raises:
        DataError: it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.files: dict[str, _Record] = {}
        with suppress(FileNotFoundError):
            self._read()

    def record(self, name: str, record: _Record) -> None:
        """Note what a file holds; what another process noted meanwhile stays."""
        with self._lock:
            with suppress(FileNotFoundError):
                self._read()
            self.files[name] = record
            write_json(self._path, {"files": msgspec.to_builtins(self.files)})

    def _read(self) -> None:
        try:
            read = msgspec.json.decode(self._path.read_bytes(), type=dict[str, dict[str, _Record]])
            self.files = read["files"]
        except (msgspec.DecodeError, KeyError) as error:
            raise DataError(
                f"{self._path} is damaged ({error}). Move the folder away, or choose another."
            ) from error
