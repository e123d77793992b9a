"""What was found out about the rows of a store: numbers and small pictures, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..data.chunk import Kind
from ..image import Look

__all__ = ["Distribution", "Findings", "ImageSizes", "Pair", "Projection", "Suspect", "Varied"]

Method = Literal["pca", "tsne", "umap"]


@dataclass(frozen=True, slots=True)
class Distribution:
    """A quantity, counted by class in the same bins.

    Attributes:
        name: what is counted, in plain words, such as "strokes in a drawing".
        edges: float64 (bins + 1,); the first and the last bin hold what lies beyond.
        counts: int64 (classes, bins).
        medians: float64 (classes,), NaN for a class without rows.
        median: over all classes.
    """

    name: str
    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    medians: NDArray[np.float64]
    median: float


@dataclass(frozen=True, slots=True)
class Suspect:
    """A row that does not look like its class, is out of the common run, or both.

    Attributes:
        key_id: by which it is found again.
        name: file it came from, "" if it was none.
        word: the class it has.
        looks_like: the class it is nearest to; "" where that is not the point.
        score: how far out it is; larger is farther.
        why: in plain words, such as "1,023 x 768, 4 times the median area".
        image: uint8 (height, width, channels).
    """

    key_id: int
    name: str
    word: str
    looks_like: str
    score: float
    why: str
    image: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rows that are the same picture, or nearly.

    Attributes:
        first: one of them; `looks_like` is "", `score` 0.
        second: the other.
        distance: 0 for equal pixels, up to 1.
        is_exact: whether every pixel is equal.
    """

    first: Suspect
    second: Suspect
    distance: float
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Projection:
    """Rows laid out on a plane, so that similar ones lie together.

    Attributes:
        method: how.
        points: float32 (rows, 2).
        labels: int32 (rows,).
        images: uint8 (rows, height, width, channels), thumbnails.
        explained: share of the variance that the plane shows; None but for PCA.
    """

    method: Method
    points: NDArray[np.float32]
    labels: NDArray[np.int32]
    images: NDArray[np.uint8]
    explained: float | None


@dataclass(frozen=True, slots=True)
class ImageSizes:
    """Sizes of the picture files before they were brought to one size.

    Attributes:
        width: of all classes and by class, pixels.
        height: likewise.
        aspect: width divided by height, likewise.
        joint: int64 (height bins, width bins), pictures of all classes by both.
        smallest: width and height of the picture with the least area.
        largest: of that with the most.
        outliers: pictures far from the median size, farthest first.
    """

    width: Distribution
    height: Distribution
    aspect: Distribution
    joint: NDArray[np.int64]
    smallest: tuple[int, int]
    largest: tuple[int, int]
    outliers: list[Suspect]


@dataclass(frozen=True, slots=True)
class Varied:
    """What augmentation does.

    Attributes:
        labels: int32 (rows,).
        before: uint8 (rows, height, width, channels).
        after: uint8 (rows, versions, height, width, channels).
    """

    labels: NDArray[np.int32]
    before: NDArray[np.uint8]
    after: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Findings:
    """All that was found out. Classes are in the order of `classes` everywhere.

    Attributes:
        store: path, as it was given.
        kind: strokes or pixels.
        split: which rows were looked at, "all" or one split.
        n: how many.
        n_bytes: size of the store.
        classes: the words.
        sizes: rows of each split, of the whole store.
        counts: int64 (classes,), rows looked at.
        image_shape: height, width, channels of all pictures here.
        look: "drawing" if pixels are ink on paper (0 paper, 255 ink), "photo" if light.
        countries: rows by country, most first; "" for unknown.
        recognised: int64 (classes, 3), rows that are unknown, not recognised, recognised.
        samples: for each class uint8 (some, height, width, channels), picked at random.
        means: float32 (classes, height, width, channels), 0 to 255.
        intensities: int64 (classes, 256), pixels by value, channels together.
        distributions: of strokes, points, aspect and ink; those that the store knows.
        image_sizes: for stores of picture files.
        varied: before and after augmentation.
        projection: the map.
        duplicates: pairs, those of two words first, then the nearest.
        n_duplicates: rows that are a near copy of an earlier one, of `n_compared`.
        n_compared: rows that were compared with each other.
        suspects: rows far from their class, farthest first.
        judged_by: what "far" was measured with, in plain words.
        skipped: reasons, places and notes of `prepare`, as in the manifest.
    """

    store: str
    kind: Kind
    split: str
    n: int
    n_bytes: int
    classes: list[str]
    sizes: dict[str, int]
    counts: NDArray[np.int64]
    image_shape: tuple[int, int, int]
    look: Look
    countries: list[tuple[str, int]]
    recognised: NDArray[np.int64]
    samples: list[NDArray[np.uint8]]
    means: NDArray[np.float32]
    intensities: NDArray[np.int64]
    distributions: list[Distribution] = field(default_factory=list)
    image_sizes: ImageSizes | None = None
    varied: Varied | None = None
    projection: Projection | None = None
    duplicates: list[Pair] = field(default_factory=list)
    n_duplicates: int = 0
    n_compared: int = 0
    suspects: list[Suspect] = field(default_factory=list)
    judged_by: str = ""
    skipped: dict[str, Any] = field(default_factory=dict)
