"""What has arrived of a remote file, of which version of it, and whether it is right.

The bytes lie in `<name>.part`; `<name>.part.json` holds their `Version`, whose position is moved on
only when the bytes before it are safely on the disk.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
from email.message import Message
from pathlib import Path

import msgspec

from ..errors import FormatError
from ..files import write_json
from .crc32c import crc32c

__all__ = [
    "Version",
    "forget_part",
    "hashes_of",
    "load_version",
    "part_path",
    "save_version",
    "seed_part",
    "verify",
]


class Version(msgspec.Struct):
    """Which version of a remote file this is, and how much of it is here.

    Attributes:
        url: where it lies.
        validator: its ETag, or else its Last-Modified; "" where the server gives none.
        length: its size in bytes; None until known.
        hashes: base64 checksums of the whole remote file, "md5" or "crc32c".
        position: how many of its bytes, from the first, are here.
    """

    url: str
    validator: str = ""
    length: int | None = None
    hashes: dict[str, str] = {}
    position: int = 0


def part_path(path: Path) -> Path:
    """Where a file lies until it is complete."""
    return path.with_name(path.name + ".part")


def seed_part(path: Path, version: Version) -> None:
    """Begin the next transfer to `path` with the bytes that are there already.

    A part of the same version is left alone: it began with these bytes, and has got further.
    """
    part = part_path(path)
    begun = load_version(part)
    if begun and part.exists() and (begun.url, begun.validator) == (version.url, version.validator):
        return
    _version_path(part).unlink(missing_ok=True)
    shutil.copyfile(path, part)
    save_version(part, version)


def forget_part(path: Path) -> None:
    """Remove what has arrived for `path`, and the note about it."""
    part = part_path(path)
    part.unlink(missing_ok=True)
    note = _version_path(part)
    note.unlink(missing_ok=True)
    # A process that is killed while it writes the note leaves what `files.replacing` writes to.
    for leftover in path.parent.glob(f".{note.name}.*.tmp"):
        leftover.unlink(missing_ok=True)


def load_version(part: Path) -> Version | None:
    """The note about a part file; None where there is none that can be read."""
    try:
        return msgspec.json.decode(_version_path(part).read_bytes(), type=Version)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def save_version(part: Path, version: Version) -> None:
    """Write the note about a part file at once, or not at all."""
    write_json(_version_path(part), msgspec.to_builtins(version))


def hashes_of(headers: Message) -> dict[str, str]:
    """The checksums in Google's x-goog-hash headers: "crc32c=n03x6A==,md5=Ojk9...=="."""
    pairs = [pair for line in headers.get_all("x-goog-hash", []) for pair in line.split(",")]
    return {name.strip(): value for name, _, value in (pair.partition("=") for pair in pairs)}


def verify(path: Path, hashes: dict[str, str]) -> None:
    """Compare a whole file with the best checksum that is known for it.

    Source of the layout: https://cloud.google.com/storage/docs/xml-api/reference-headers
    """
    md5, crc = hashlib.md5(usedforsecurity=False), 0
    wanted = hashes.get("md5") or hashes.get("crc32c")
    if wanted is None:
        return
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            if "md5" in hashes:
                md5.update(chunk)
            else:
                crc = crc32c(chunk, crc)
    digest = md5.digest() if "md5" in hashes else crc.to_bytes(4, "big")
    if base64.b64encode(digest).decode() != wanted.strip():
        raise FormatError("its checksum is not the one that the server gives")


def _version_path(part: Path) -> Path:
    return part.with_name(part.name + ".json")
