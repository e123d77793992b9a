"""What is taken for what on the validation split, epoch by epoch: the content of confusion.npz.

    classes   (classes,)                     the words
    epochs    (kept,)                        epochs whose whole matrix is kept, from 1
    confusion (kept, classes, classes)       row is the true class, column the guess
    all       (epochs,)                      all epochs
    right     (epochs, classes)              right guesses of each class

The size is bounded: when there are more than `KEPT` matrices, every second one is dropped. The
first and the last one stay.
"""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ..files import replacing

__all__ = ["KEPT", "ConfusionLog"]

KEPT = 32
"""Matrices at most. For 345 words that is 15 MB of memory, and some 2 MB on disk."""


class ConfusionLog:
    """Keeps the confusion of the epochs, and their file up to date.

    Args:
        path: of confusion.npz.
        classes: the words.
        last_epoch: of the run so far; what the file says of later ones is forgotten.
    """

    def __init__(self, path: Path, classes: list[str], last_epoch: int) -> None:
        self._path, self.classes = path, classes
        self._kept: dict[int, NDArray[np.integer]] = {}
        self._right: dict[int, NDArray[np.integer]] = {}
        if last_epoch:
            self._read(last_epoch)

    def add(self, epoch: int, confusion: NDArray[np.int64]) -> None:
        """Add an epoch, and write the file."""
        self._right[epoch] = confusion.diagonal().astype(np.int32)
        self._kept[epoch] = confusion.astype(np.int32)
        self._thin()
        self._write()

    @property
    def epochs(self) -> list[int]:
        """Whose matrices are kept."""
        return sorted(self._kept)

    @property
    def confusion(self) -> NDArray[np.integer]:
        """(kept, classes, classes)."""
        return np.stack([self._kept[epoch] for epoch in self.epochs])

    @property
    def all_epochs(self) -> list[int]:
        """That are known."""
        return sorted(self._right)

    @property
    def right(self) -> NDArray[np.integer]:
        """(all epochs, classes)."""
        return np.stack([self._right[epoch] for epoch in self.all_epochs])

    def _thin(self) -> None:
        last = max(self._kept)
        stride = 1
        # Those that lie on ever wider strides; the last one is only passing, unless it does too.
        while len(self._kept) > KEPT:
            stride *= 2
            self._kept = {
                epoch: matrix
                for epoch, matrix in self._kept.items()
                if epoch in (1, last) or epoch % stride == 0
            }

    def _read(self, last_epoch: int) -> None:
        try:
            with self._path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                if file["classes"].tolist() != self.classes:
                    return
                kept = dict(zip(file["epochs"].tolist(), file["confusion"], strict=True))
                right = dict(zip(file["all"].tolist(), file["right"], strict=True))
        except (OSError, ValueError, KeyError, BadZipFile):
            # Of a run that was begun before there was such a file, or damaged: begin anew.
            return
        self._kept = {epoch: matrix for epoch, matrix in kept.items() if epoch <= last_epoch}
        self._right = {epoch: counts for epoch, counts in right.items() if epoch <= last_epoch}

    def _write(self) -> None:
        with replacing(self._path) as temporary, temporary.open("wb") as stream:
            np.savez_compressed(
                stream,
                classes=np.array(self.classes),
                epochs=np.array(self.epochs),
                confusion=_small(self.confusion),
                all=np.array(self.all_epochs),
                right=_small(self.right),
            )


def _small(counts: NDArray[np.integer]) -> NDArray[np.integer]:
    """In the smallest type that holds them."""
    return counts.astype(np.min_scalar_type(int(counts.max(initial=0))))
