"""The store: a folder of shuffled rows that training reads in order, at any size.

    stores/a10/
      manifest.json         what is in it; written last, so a folder with one is whole
      train-00000.arrow     Arrow IPC files, one record batch each
      val-00000.arrow  test-00000.arrow

Rows are shuffled once, when written: reading in order is already random. There are two kinds:
*strokes* (points and stroke lengths, and pen times where the sources had them) and *pixels* (images
of one size). Any Arrow library reads the shards without our code.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..errors import StoreError, UnknownClassError, did_you_mean
from ..files import write_json
from ..image import ImageSpec
from ..raster import RenderSpec
from .chunk import Kind
from .rows import Rows, rows_of, schema_of
from .split import SPLITS, Fractions, Split

__all__ = ["MANIFEST", "VERSION", "Manifest", "Shard", "Store", "read_table"]

VERSION = 1
MANIFEST = "manifest.json"
WORK = ".prepare"
"""Folder within the store where `prepare` works; it is gone when the store is whole."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One Arrow file of a store."""

    file: str
    split: Split
    rows: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in a store.

    Attributes:
        kind: "strokes" or "pixels".
        classes: the words; a row's label is an index into them.
        counts: drawings by split, then by class.
        shards: the files, in reading order.
        image_shape: height, width, channels (pixels only).
        render: how the images were drawn, where it is known (pixels only).
        image: how picture files became the images (pixels only).
        has_origins: whether each image has the name and size of the file it was.
        has_times: whether there are pen times, of some drawings at least.
        fractions: the shares held out.
        seed: of the shuffling.
        sources: path, bytes, sha256 and rows of each file read.
        skipped: rows left out: counts by reason, examples, notes.
        settings: what `prepare` was asked for.
        version: of this format.
    """

    kind: Kind
    classes: list[str]
    counts: dict[str, dict[str, int]]
    shards: list[Shard]
    image_shape: list[int] | None = None
    render: RenderSpec | None = None
    image: ImageSpec | None = None
    has_origins: bool = False
    has_times: bool = False
    fractions: Fractions = field(default_factory=Fractions)
    seed: int = 0
    sources: list[dict[str, Any]] = field(default_factory=list)
    skipped: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    version: int = VERSION

    def size(self, split: Split) -> int:
        """How many drawings a split has."""
        return sum(self.counts[split].values())

    @property
    def holds_ink(self) -> bool:
        """Whether rows are drawings: strokes, or pixels that are 0 for paper and 255 for ink."""
        if self.image is not None:
            return self.image.look == "drawing"
        return self.kind == "strokes" or self.render is not None or self.image_shape == [28, 28, 1]

    @property
    def things(self) -> str:
        """What rows are called when people read of them."""
        return "drawings" if self.holds_ink else "photos"

    def write(self, folder: Path) -> None:
        write_json(folder / MANIFEST, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read and check the manifest of a store.

        Raises:
            StoreError: no store, half a store, another version, or a damaged manifest.
        """
        path = folder / MANIFEST
        if not path.exists():
            if not folder.exists():
                raise StoreError(
                    f"There is no store at {folder}. Make one: doodlewise data prepare SOURCE --out"
                    f" {folder}"
                )
            if (folder / WORK).exists():
                raise StoreError(
                    f"The store {folder} is only half written. Run the same `doodlewise data"
                    " prepare` command again; it goes on where it stopped."
                )
            raise StoreError(
                f"{folder} is not a store: it has no {MANIFEST}. Make one: doodlewise data prepare"
                " SOURCE --out DIR"
            )
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            version = values["version"]
            if version == VERSION:
                values["shards"] = [Shard(**shard) for shard in values["shards"]]
                values["fractions"] = Fractions(**values["fractions"])
                if values["render"] is not None:
                    values["render"] = RenderSpec.from_dict(values["render"])
                if values.get("image") is not None:
                    values["image"] = ImageSpec.from_dict(values["image"])
                return cls(**values)
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{path} is damaged ({error}). Prepare the store again with --overwrite."
            ) from error
        raise StoreError(
            f"{folder} is a store of version {version}; this Doodlewise reads version {VERSION}."
            " Prepare it again with --overwrite, or use the Doodlewise that wrote it."
        )


class Store:
    """A store, opened for reading.

    Args:
        folder: where it is.

    Raises:
        StoreError: see `Manifest.read`; or a shard is missing.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.manifest = Manifest.read(self.folder)
        missing = [s.file for s in self.manifest.shards if not (self.folder / s.file).exists()]
        if missing:
            raise StoreError(
                f"The store {self.folder} has lost {', '.join(missing[:3])}"
                f"{' and more' if len(missing) > 3 else ''}. Prepare it again with --overwrite."
            )

    def __repr__(self) -> str:
        sizes = ", ".join(f"{split} {self.manifest.size(split):,}" for split in SPLITS)
        return f"Store({str(self.folder)!r}, {self.kind}, {len(self.classes)} classes, {sizes})"

    @property
    def kind(self) -> Kind:
        return self.manifest.kind

    @property
    def classes(self) -> list[str]:
        return self.manifest.classes

    def size(self, split: Split | str) -> int:
        """How many drawings a split has; "all" means every split."""
        return sum(self.manifest.size(part) for part in splits_of(split))

    def shards(self, split: Split | str) -> list[Shard]:
        """The files of a split, in reading order."""
        parts = splits_of(split)
        return [shard for shard in self.manifest.shards if shard.split in parts]

    @cached_property
    def schema(self) -> pa.Schema:
        """Arrow schema of the shards."""
        manifest = self.manifest
        return schema_of(
            manifest.kind,
            manifest.image_shape,
            has_origins=manifest.has_origins,
            has_times=manifest.has_times,
        )

    def read(self, shard: Shard, first: int = 0, last: int | None = None) -> Rows:
        """Rows first to last of a shard, copied out of the file.

        Nothing of the file stays mapped, so a pass over a store of any size takes the memory of
        the rows that are being used.

        Raises:
            StoreError: the shard is damaged.
        """
        path = self.folder / shard.file
        last = shard.rows if last is None else last
        table = read_table(path)
        try:
            if table.schema != self.schema or table.num_rows != shard.rows:
                raise ValueError(f"{table.num_rows} rows of another kind, not {shard.rows}")
            table = table.slice(first, last - first)
            # Compiled code will follow the offsets wherever they lead.
            table.validate(full=True)
            return rows_of(table, self.manifest.image_shape, len(self.classes))
        except (pa.ArrowException, ValueError) as error:
            raise _damaged(path, error) from error

    def indices_of(self, classes: Sequence[str]) -> list[int]:
        """Labels of these words.

        Raises:
            UnknownClassError: a word is not in the store.
        """
        for word in classes:
            if word not in self.classes:
                raise UnknownClassError(
                    f"The store {self.folder} has no class '{word}'."
                    f"{did_you_mean(word, self.classes)} See: doodlewise data stats {self.folder}"
                )
        return [self.classes.index(word) for word in classes]


def splits_of(split: str) -> tuple[Split, ...]:
    """The splits that a name stands for: itself, or all three.

    Raises:
        StoreError: no such split.
    """
    if split == "all":
        return SPLITS
    for known in SPLITS:
        if split == known:
            return (known,)
    raise StoreError(f"There is no split '{split}'. Choose train, val, test or all.")


def read_table(path: Path) -> pa.Table:
    """Map an Arrow IPC file; its pages are let go with the last reference.

    Raises:
        StoreError: the file is not whole.
    """
    try:
        with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as reader:
            return reader.read_all()
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> StoreError:
    return StoreError(f"{path} is damaged ({error}). Prepare the store again with --overwrite.")
