"""Findings as plain numbers, for stats.json: everything but the pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .findings import Distribution, Findings, ImageSizes, Pair, Suspect

__all__ = ["to_stats"]


def to_stats(findings: Findings) -> dict[str, Any]:
    """All numbers of the findings, as JSON has them; what is not a number is null."""
    f = findings
    values = {
        "store": f.store,
        "kind": f.kind,
        "look": f.look,
        "split": f.split,
        "rows": f.n,
        "bytes": f.n_bytes,
        "classes": f.classes,
        "sizes": f.sizes,
        "counts": _by_class(f.counts.tolist(), f.classes),
        "image_shape": list(f.image_shape),
        "countries": dict(f.countries),
        "recognised": _by_class(
            [
                dict(zip(("unknown", "not_recognised", "recognised"), row, strict=True))
                for row in f.recognised.tolist()
            ],
            f.classes,
        ),
        "mean_intensity": _by_class(f.means.mean(axis=(1, 2, 3)).tolist(), f.classes),
        "intensities": _by_class(f.intensities.tolist(), f.classes),
        "distributions": {d.name: _distribution(d, f.classes) for d in f.distributions},
        "image_sizes": None if f.image_sizes is None else _sizes(f.image_sizes, f.classes),
        "map": None
        if f.projection is None
        else {
            "method": f.projection.method,
            "explained": f.projection.explained,
            "points": f.projection.points.tolist(),
            "labels": f.projection.labels.tolist(),
        },
        "compared": f.n_compared,
        "copies": f.n_duplicates,
        "duplicates": [_pair(pair) for pair in f.duplicates],
        "suspects": [_suspect(each) for each in f.suspects],
        "judged_by": f.judged_by,
        "skipped": f.skipped,
    }
    return {name: _plain(value) for name, value in values.items()}


def _by_class(values: Sequence[Any], classes: Sequence[str]) -> dict[str, Any]:
    return dict(zip(classes, values, strict=True))


def _distribution(d: Distribution, classes: Sequence[str]) -> dict[str, Any]:
    return {
        "edges": d.edges.tolist(),
        "counts": _by_class(d.counts.tolist(), classes),
        "median": d.median,
        "medians": _by_class(d.medians.tolist(), classes),
    }


def _sizes(sizes: ImageSizes, classes: Sequence[str]) -> dict[str, Any]:
    return {
        "width": _distribution(sizes.width, classes),
        "height": _distribution(sizes.height, classes),
        "aspect": _distribution(sizes.aspect, classes),
        "joint": sizes.joint.tolist(),
        "smallest": list(sizes.smallest),
        "largest": list(sizes.largest),
        "outliers": [_suspect(each) for each in sizes.outliers],
    }


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "first": _named(pair.first),
        "second": _named(pair.second),
        "distance": pair.distance,
        "is_exact": pair.is_exact,
    }


def _suspect(each: Suspect) -> dict[str, Any]:
    return {
        **_named(each),
        "looks_like": each.looks_like,
        "score": each.score,
        "why": each.why,
    }


def _named(each: Suspect) -> dict[str, Any]:
    # JavaScript, and what else reads numbers as doubles, would round 64 bits.
    return {"key_id": str(each.key_id), "name": each.name, "word": each.word}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
