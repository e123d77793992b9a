"""Pictures gathered into a chunk: what the readers of folders and of the Doodle Dataset share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...image import Picture
from ..chunk import Chunk, Origins, codes_of

__all__ = ["PictureRows"]

CHUNK_PICTURES = 512
CHUNK_BYTES = 16 << 20


class PictureRows:
    """The rows of a chunk in the making."""

    def __init__(self) -> None:
        self._pixels: list[NDArray[np.uint8]] = []
        self._names: list[str] = []
        self._sizes: list[tuple[int, int]] = []
        self._words: dict[str, int] = {}
        self._labels: list[int] = []
        self._key_ids: list[int] = []
        self._countries: list[str] = []
        self._recognised: list[int] = []

    def __len__(self) -> int:
        return len(self._labels)

    def add(
        self,
        picture: Picture,
        name: str,
        word: str,
        key_id: int,
        country: str = "",
        recognised: int = -1,
    ) -> None:
        """Add a picture; `name` says where it was, the others are as `Chunk` has them."""
        self._pixels.append(picture.pixels)
        self._names.append(name)
        self._sizes.append((picture.width, picture.height))
        self._labels.append(self._words.setdefault(word, len(self._words)))
        self._key_ids.append(key_id)
        self._countries.append(country)
        self._recognised.append(recognised)

    @property
    def is_full(self) -> bool:
        n_bytes = len(self) * self._pixels[0].nbytes if self._pixels else 0
        return len(self) >= CHUNK_PICTURES or n_bytes >= CHUNK_BYTES

    def chunk(self) -> Chunk:
        """The rows so far, not none."""
        return Chunk(
            names=list(self._words),
            labels=np.array(self._labels, np.int32),
            key_ids=np.array(self._key_ids, np.uint64),
            codes=codes_of(self._countries),
            recognised=np.array(self._recognised, np.int8),
            images=np.stack(self._pixels),
            origins=Origins(self._names, np.array(self._sizes, np.uint32)),
        )
