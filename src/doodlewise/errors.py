"""Every error that Doodlewise raises on purpose, in one tree.

    DoodlewiseError
    ├── DrawingError            a drawing that cannot be used: empty, NaN, wrong shape
    ├── DataError
    │   ├── FormatError         a source file that cannot be read: broken, truncated, unknown
    │   ├── UnknownClassError   a word that is not among the classes
    │   └── StoreError          a store that is half written, of another version or kind
    ├── PictureError            an image without ink, too large, or not an image
    ├── ModelError
    │   ├── UnknownModelError   no network is registered under this name
    │   └── BundleError         a model folder or checkpoint that does not fit
    ├── ConfigError             a setting that does not exist or has an impossible value
    ├── TrainingError
    │   ├── DivergedError       the loss became NaN or infinite
    │   ├── Interrupted         someone pressed Ctrl-C; everything is saved
    │   └── MemoryExhaustedError   the batch does not fit into memory
    ├── RunError                a run folder that is missing, or in the way
    └── MissingExtraError       an optional dependency is not installed

Libraries raise these; only the command line prints them. Every message ends with what to do next.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "BundleError",
    "ConfigError",
    "DataError",
    "DivergedError",
    "DoodlewiseError",
    "DrawingError",
    "FormatError",
    "Interrupted",
    "MemoryExhaustedError",
    "MissingExtraError",
    "ModelError",
    "PictureError",
    "RunError",
    "StoreError",
    "TrainingError",
    "UnknownClassError",
    "UnknownModelError",
    "did_you_mean",
]


class DoodlewiseError(Exception):
    """Base of all errors that are meant to be read by a person."""


class DrawingError(DoodlewiseError, ValueError):
    """A drawing that cannot be used: empty, with NaN, or of the wrong shape."""


class DataError(DoodlewiseError):
    """Something is wrong with the data."""


class FormatError(DataError, ValueError):
    """A source file that cannot be read."""


class UnknownClassError(DataError, ValueError):
    """A word that is not among the classes."""


class StoreError(DataError):
    """A store that is missing, half written, or of another version or kind."""


class PictureError(DoodlewiseError, ValueError):
    """An image that cannot be used: no ink, too large, or not an image.

    Attributes:
        reason: in two or three words, to count by, such as "truncated picture".
    """

    def __init__(self, message: str, reason: str = "unusable picture") -> None:
        super().__init__(message)
        self.reason = reason


class ModelError(DoodlewiseError):
    """Something is wrong with a network or its files."""


class UnknownModelError(ModelError, ValueError):
    """No network is registered under this name."""


class BundleError(ModelError):
    """A model folder or checkpoint that is missing, damaged, or belongs to another network."""


class ConfigError(DoodlewiseError, ValueError):
    """A setting that does not exist, or has an impossible value."""


class TrainingError(DoodlewiseError):
    """Training cannot go on."""


class DivergedError(TrainingError):
    """The loss became NaN or infinite."""


class Interrupted(TrainingError):  # noqa: N818 - not an error, but it ends training like one
    """Training was asked to stop, and has saved where it stands."""


class MemoryExhaustedError(TrainingError):
    """The batch does not fit into the memory of the device."""


class RunError(DoodlewiseError):
    """A run folder that is missing, unfinished, or in the way."""


class MissingExtraError(DoodlewiseError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"This needs {package}, which is not installed. Run: pip install 'doodlewise[{extra}]'"
        )
        self.package, self.extra = package, extra

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        """An error of a worker process arrives by pickle, which knows only the message."""
        return type(self), (self.package, self.extra)


def did_you_mean(wrong: str, known: Iterable[str], *, n: int = 3) -> str:
    """Return " Did you mean 'cat'?" for the nearest known names, or an empty string."""
    names = list(known)
    lower = {name.lower(): name for name in names}
    near = difflib.get_close_matches(wrong.lower(), lower, n=n, cutoff=0.6)
    if not near:
        return ""
    quoted = [f"'{lower[name]}'" for name in near]
    return f" Did you mean {' or '.join(quoted)}?"
