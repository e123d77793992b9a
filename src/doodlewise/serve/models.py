"""The models that a server has: the one it was started with, and those that people taught."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import did_you_mean
from ..predict.classifier import Classifier
from ..version import __version__
from .errors import unknown_model

__all__ = ["Models", "Served", "version_of"]


@dataclass(frozen=True, eq=False, slots=True)
class Served:
    """A model that answers requests.

    Attributes:
        id: by which requests name it.
        name: for people.
        version: changes whenever its answers may.
        classifier: does the work.
        onnx: the file, for download; None where there is none.
        taught: whether people taught it here.
        means: a PNG with the mean drawing of each word, side x side tiles, 16 a row; None if none.
        extra: whatever else belongs to it, such as the drawings it was taught with.
    """

    id: str
    name: str
    version: str
    classifier: Classifier
    onnx: bytes | None = None
    taught: bool = False
    means: bytes | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


class Models:
    """Models by id. Safe to use from several threads.

    Args:
        default: the one that answers when none is named.
        most_taught: so many taught models are held; the oldest goes when there are more.
    """

    def __init__(self, default: Served, most_taught: int = 32) -> None:
        self.default = default
        self._most_taught = most_taught
        self._taught: OrderedDict[str, Served] = OrderedDict()
        self._lock = threading.Lock()

    def add(
        self,
        id: str,
        classifier: Classifier,
        onnx_bytes: bytes | None,
        info: Mapping[str, Any] | None = None,
    ) -> Served:
        """Register a taught model.

        Args:
            id: unused so far.
            classifier: the model.
            onnx_bytes: its file.
            info: kept as `Served.extra`; "name" is shown to people.
        """
        extra = dict(info or {})
        name = str(extra.get("name", id))
        version = version_of(onnx_bytes if onnx_bytes is not None else id.encode())
        served = Served(id, name, version, classifier, onnx_bytes, taught=True, extra=extra)
        with self._lock:
            self._taught[id] = served
            while len(self._taught) > self._most_taught:
                self._taught.popitem(last=False)
        return served

    def get(self, id: str | None = None) -> Served:
        """The model of this id; the default one for None.

        Raises:
            ApiError: there is none.
        """
        if id is None or id == self.default.id:
            return self.default
        with self._lock:
            served = self._taught.get(id)
        if served is not None:
            return served
        if id.startswith("taught-"):
            raise unknown_model(
                f"There is no model {id[:80]!r} (any more): a server keeps the newest"
                f" {self._most_taught}, until it stops. Teach it again, or serve its file."
            )
        known = [each.id for each in self.list()]
        raise unknown_model(
            f"There is no model {id[:80]!r}.{did_you_mean(id[:80], known)} See /v1/models."
        )

    def list(self) -> list[Served]:
        """All, the default one first, then the taught ones, the oldest first."""
        with self._lock:
            return [self.default, *self._taught.values()]


def version_of(content: bytes) -> str:
    """Of a model: this Doodlewise, and the beginning of the hash of its file."""
    return f"{__version__}+{hashlib.sha256(content).hexdigest()[:8]}"
