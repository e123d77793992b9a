"""Findings made by hand: of synthetic doodles, and of pictures somewhat like photos."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from doodlewise.data.formats.synthetic import SYNTHETIC_WORDS, draw
from doodlewise.exploration.findings import (
    Distribution,
    Findings,
    ImageSizes,
    Pair,
    Projection,
    Suspect,
    Varied,
)
from doodlewise.image import Look
from doodlewise.ragged import Ragged
from doodlewise.raster import RenderSpec
from doodlewise.raster_host import render_rows

KEY = 5_641_082_730_250_240


def doodle_findings(
    words: Sequence[str] = SYNTHETIC_WORDS[:10], *, per_class: int = 40, side: int = 48
) -> Findings:
    """Of a store of strokes: some doodles of each word, and all that is known of such a store.

    A word after the synthetic ones is drawn as one of them.
    """
    rng = np.random.default_rng(3)
    spec = RenderSpec(side=side, line_width=8.0)
    drawings = [
        [draw(SYNTHETIC_WORDS[index % len(SYNTHETIC_WORDS)], rng) for _ in range(per_class)]
        for index in range(len(words))
    ]
    images = np.stack(
        [render_rows(Ragged.from_drawings(each), spec).transpose(0, 2, 3, 1) for each in drawings]
    )
    strokes = [np.array([len(d.strokes) for d in each], float) for each in drawings]
    ink = [each.mean(axis=(1, 2, 3)) / 255.0 for each in images]
    made = _findings("stores/made", "strokes", "drawing", list(words), images, rng)
    others = [
        _distribution("strokes in a drawing", strokes, np.arange(0.5, 16.5)),
        _distribution("share of the picture that is ink", ink, np.linspace(0.0, 0.4, 41)),
    ]
    made.distributions.extend(others)
    return made


def photo_findings(*, per_class: int = 40) -> Findings:
    """Of a store of picture files: cats and dogs of a kind."""
    rng = np.random.default_rng(4)
    images = np.stack([[_photo(hue, rng) for _ in range(per_class)] for hue in (0, 1)])
    made = _findings("stores/pets", "pixels", "photo", ["cat", "dog"], images, rng)
    widths = [rng.normal(370, 90, 3000).clip(60), rng.normal(410, 80, 2800).clip(60)]
    heights = [rng.normal(340, 80, 3000).clip(60), rng.normal(380, 90, 2800).clip(60)]
    edges = np.linspace(0, 1000, 51)
    sizes = ImageSizes(
        width=_distribution("width, pixels", widths, edges),
        height=_distribution("height, pixels", heights, edges),
        aspect=_distribution(
            "width divided by height",
            [w / h for w, h in zip(widths, heights, strict=True)],
            np.geomspace(0.25, 4.0, 41),
        ),
        joint=np.histogram2d(np.concatenate(heights), np.concatenate(widths), (edges, edges))[
            0
        ].astype(np.int64),
        smallest=(60, 61),
        largest=(1050, 768),
        outliers=[
            _suspect(images[label, row], ("cat", "dog")[label], row, why=why)
            for label, row, why in (
                (1, 3, "1,050 x 768, 5.8 times the median area"),
                (0, 5, "60 x 61, a 38th of the median area"),
            )
        ],
    )
    return Findings(
        **{
            **{name: getattr(made, name) for name in Findings.__slots__},
            "image_sizes": sizes,
            "skipped": {
                "counts": {"not a picture, or damaged": 3, "no pixels": 1},
                "examples": {
                    "not a picture, or damaged": ["cat/666.jpg", "dog/11702.jpg", "dog/<b>.jpg"],
                    "no pixels": ["dog/empty.png"],
                },
                "notes": {"pictures were turned as their EXIF data says": 12},
            },
        }
    )


def _findings(
    store: str,
    kind: str,
    look: Look,
    words: list[str],
    images: NDArray[np.uint8],
    rng: np.random.Generator,
) -> Findings:
    """What both have. images: uint8 (classes, rows, height, width, channels)."""
    n, per_class = images.shape[:2]
    counts = np.array([900 + 13 * (i % 7) for i in range(n)], np.int64)
    counts[-1] = 310
    labels = np.repeat(np.arange(n, dtype=np.int32), per_class)
    flat = images.reshape(-1, *images.shape[2:])
    order = rng.permutation(len(flat))[:400]
    coarse = flat[order, ::2, ::2].reshape(len(order), -1) / np.float32(255.0)
    u, s, _ = np.linalg.svd(coarse - coarse.mean(axis=0), full_matrices=False)
    is_ink = look == "drawing"
    recognised = np.zeros((n, 3), np.int64)
    if is_ink:
        recognised[:, 2] = (counts * np.linspace(0.8, 0.98, n)).astype(np.int64)
        recognised[:, 1] = counts - recognised[:, 2]
    else:
        recognised[:, 0] = counts
    turned = np.stack(
        [np.rot90(flat, 1, (1, 2)), flat[:, :, ::-1], np.roll(flat, 4, 2), flat[:, ::-1]], axis=1
    )
    varied = np.array([label * per_class for label in range(min(n, 8))])
    aspects = [rng.normal(1.1, 0.2, 500).clip(0.2, 3) for _ in words]
    total = int(counts.sum())
    return Findings(
        store=store,
        kind="strokes" if kind == "strokes" else "pixels",
        split="all",
        n=total,
        n_bytes=119 * total,
        classes=words,
        sizes={"train": total - 2 * (total // 10), "val": total // 10, "test": total // 10},
        counts=counts,
        image_shape=(images.shape[2], images.shape[3], images.shape[4]),
        look=look,
        countries=_countries(total) if is_ink else [("", total)],
        recognised=recognised,
        samples=[each[:24] for each in images],
        means=images.mean(axis=1, dtype=np.float32),
        intensities=np.stack([np.bincount(each.ravel(), minlength=256) for each in images]),
        distributions=[_distribution("width divided by height", aspects, np.linspace(0, 3, 31))]
        if is_ink
        else [],
        varied=Varied(labels=labels[varied], before=flat[varied], after=turned[varied]),
        projection=Projection(
            method="pca",
            points=u[:, :2] * s[:2],
            labels=labels[order],
            images=flat[order],
            explained=float((s[:2] ** 2).sum() / (s**2).sum()),
        ),
        duplicates=[
            Pair(
                first=_suspect(images[0, 1], words[0], 1),
                second=_suspect(images[0, 1], words[-1], 2),
                distance=0.0,
                is_exact=True,
            ),
            Pair(
                first=_suspect(images[-1, -1], words[-1], 3),
                second=_suspect(np.roll(images[-1, -1], 1, 1), words[-1], 4),
                distance=0.021,
                is_exact=False,
            ),
        ],
        n_duplicates=17,
        n_compared=4000,
        suspects=[
            _suspect(
                images[(label + 1) % n, row % per_class],
                words[label],
                row,
                looks_like=words[(label + 1) % n],
                why="2.9 times as far from its class as is usual",
            )
            for label in range(min(n, 6))
            for row in (2, 9)
        ],
        judged_by="distance to the average picture of each class",
        skipped={"counts": {"a line that is not JSON": 2}, "examples": {}, "notes": {}},
    )


def _countries(total: int) -> list[tuple[str, int]]:
    codes = ["US", "GB", "CA", "DE", "RU", "AU", "BR", "SE", "FI", "CZ", "IT", "TH", "KR"]
    codes += ["PL", "JP", "SA", "FR", "VN", "RO", "PH", "AE", "ID", "NL", "HU"]
    shares = 0.7 ** np.arange(len(codes)) * 0.3 * total
    listed = [(code, int(share)) for code, share in zip(codes, shares, strict=True) if share >= 1]
    return sorted([*listed, ("", 140)], key=lambda each: -each[1])


def _suspect(
    image: NDArray[np.uint8], word: str, row: int, *, looks_like: str = "", why: str = ""
) -> Suspect:
    return Suspect(
        key_id=KEY + row,
        name="" if image.shape[2] == 1 else f"{word}/{row}.jpg",
        word=word,
        looks_like=looks_like,
        score=2.9,
        why=why,
        image=image,
    )


def _distribution(
    name: str, values: Sequence[NDArray[np.float64]], edges: NDArray[np.float64]
) -> Distribution:
    inside = [each.clip(edges[0], edges[-1]) for each in values]
    return Distribution(
        name=name,
        edges=edges.astype(np.float64),
        counts=np.stack([np.histogram(each, edges)[0] for each in inside]).astype(np.int64),
        medians=np.array([np.median(each) for each in values]),
        median=float(np.median(np.concatenate(values))),
    )


def _photo(kind: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Something with fur on something green: uint8 (64, 64, 3)."""
    sky, ground = rng.integers(120, 230, 3), rng.integers(40, 130, 3)
    picture = Image.new("RGB", (64, 64), tuple(sky.tolist()))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, int(rng.integers(30, 52)), 64, 64), fill=tuple(ground.tolist()))
    x, y = rng.integers(22, 42, 2)
    fur = tuple((np.array([(200, 140, 80), (110, 80, 60)][kind]) + rng.integers(-40, 40)).tolist())
    pen.ellipse((x - 14, y - 4, x + 14, y + 22), fill=fur)
    pen.ellipse((x - 9, y - 16, x + 9, y + 2), fill=fur)
    for ear in (-6, 6):
        top = -24 if kind == 0 else -12
        pen.polygon([(x + ear - 4, y - 12), (x + ear + 4, y - 12), (x + ear, y + top)], fill=fur)
    blurred = picture.filter(ImageFilter.GaussianBlur(1.2))
    noisy = np.asarray(blurred, np.int64) + rng.normal(0, 6, (64, 64, 3)).astype(np.int64)
    return noisy.clip(0, 255).astype(np.uint8)
