"""What was found, on disk: report.html, stats.json, and each picture as a PNG."""

from __future__ import annotations

import re
from pathlib import Path

from matplotlib.figure import Figure

from ..evaluation.look import to_png
from ..evaluation.sheet import contact_sheet
from ..files import explain_os_errors, replacing, write_json
from .findings import Findings
from .pieces import featured, things
from .plots import (
    plot_classes,
    plot_countries,
    plot_distribution,
    plot_intensities,
    plot_map,
    plot_means,
    plot_pairs,
    plot_sizes,
    plot_suspects,
    plot_varied,
)
from .report import write_page
from .stats import to_stats

__all__ = ["write_exploration"]

SAMPLES = 12
"""Of each class on the sheet of samples."""


def write_exploration(findings: Findings, out: Path) -> list[Path]:
    """Write report.html, stats.json and pictures/*.png into a folder.

    Each file is replaced at once; pictures of an earlier exploration that there are none of now
    are left as they are.

    Args:
        findings: of `gather`.
        out: made if need be.

    Returns:
        The files, report.html first.

    Raises:
        DataError: the disk is full, or the folder cannot be written.
    """
    page, stats = out / "report.html", out / "stats.json"
    written = [page, stats]
    with explain_os_errors(f"writing {out}", "Then explore again"):
        for name, figure in _figures(findings).items():
            path = out / "pictures" / f"{name}.png"
            with replacing(path) as temporary:
                temporary.write_bytes(figure if isinstance(figure, bytes) else to_png(figure))
            written.append(path)
        write_json(stats, to_stats(findings))
        # Last, so that a page is never there without its numbers.
        write_page(page, findings)
    return written


def _figures(f: Findings) -> dict[str, Figure | bytes]:
    """Name to figure, or to the content of a PNG."""
    figures: dict[str, Figure | bytes] = {
        "samples": _samples(f),
        "average_pictures": plot_means(f),
        "classes": plot_classes(f),
        "ink_intensity" if f.look == "drawing" else "brightness": plot_intensities(f),
    }
    if any(code for code, _ in f.countries):
        figures["countries"] = plot_countries(f)
    for d in f.distributions:
        figures[f"distribution_{_slug(d.name)}"] = plot_distribution(d, f.classes)
    if f.image_sizes is not None:
        figures["image_sizes"] = plot_sizes(f.image_sizes)
        if f.image_sizes.outliers:
            title = "Sizes out of the common run"
            figures["image_size_outliers"] = plot_suspects(f.image_sizes.outliers, f.look, title)
    if f.varied is not None and len(f.varied.labels):
        figures["augmentation"] = plot_varied(f)
    if f.projection is not None and len(f.projection.labels):
        figures[f"map_{f.projection.method}"] = plot_map(f, f.projection)
    if f.duplicates:
        figures["near_duplicates"] = plot_pairs(f, f.duplicates)
    if f.suspects:
        figures["labels_to_check"] = plot_suspects(f.suspects, f.look, "Labels to check")
    return figures


def _samples(f: Findings) -> bytes:
    labels = featured(f)
    named = {f.classes[i]: f.samples[i][:SAMPLES] for i in labels if len(f.samples[i])}
    return contact_sheet(
        named,
        title=f"{things(f).capitalize()} of {Path(f.store).name}",
        subtitle=f"{f.n:,} {things(f, f.n)} of {len(f.classes)} classes, some at random",
        is_ink=f.look == "drawing",
    )


def _slug(name: str) -> str:
    """A name of a file that says what it is."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
