"""What the name of a Quick, Draw! file says: its word, and the command that fetches it again."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from urllib.parse import unquote

__all__ = ["mend_command", "word_of"]

# The console of Google's storage puts the folders into the name: full/simplified/cat.ndjson is
# saved as full_simplified_cat.ndjson, or with %2F for the slashes.
_FOLDERS = re.compile(r"^(full[_/](raw|simplified|binary|numpy_bitmap)|sketchrnn)[_/]")

_FORMAT_OF_SUFFIX = {".bin": "binary", ".npy": "bitmap", ".npz": "sketchrnn"}


def word_of(path: Path) -> str:
    """The class a file is named after; "full_simplified_alarm%20clock.ndjson" is "alarm clock"."""
    name = path.stem
    if path.suffix == ".npz":
        # Of sketch-rnn there is cat.npz, a part, and cat.full.npz.
        name = name.removesuffix(".full")
    return _FOLDERS.sub("", unquote(name))


def mend_command(path: Path, format: str | None = None) -> str:
    """The command that downloads a file of Google's again.

    Args:
        path: the broken file.
        format: raw, simplified, binary, bitmap or sketchrnn; by default what the suffix stands for.
    """
    format = format or _FORMAT_OF_SUFFIX.get(path.suffix, "simplified")
    command = ["doodlewise", "data", "download", "--classes", word_of(path), "--format", format]
    return shlex.join(command)
