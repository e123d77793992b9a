"""Pictures of what was found, for slides and handouts, in the look of all our pictures.

Every function returns a Matplotlib `Figure` that no window and no global state knows of.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingExtraError
from ..evaluation.look import BLUE, INK, LINE, MUTED, ORANGE, percent_axis, short, styled
from ..image import Look
from .charts import BINS, number, place_of, ticks_of
from .collage import class_colours, heat, mosaic, scatter_places, shown, tile_for
from .findings import Distribution, Findings, ImageSizes, Pair, Projection, Suspect
from .gallery import heat_scale, likeness
from .numbers import COUNTRIES, needs_log
from .pieces import featured, things

try:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator
except ImportError:
    raise MissingExtraError("matplotlib", "train") from None

__all__ = [
    "plot_classes",
    "plot_countries",
    "plot_distribution",
    "plot_intensities",
    "plot_map",
    "plot_means",
    "plot_pairs",
    "plot_sizes",
    "plot_suspects",
    "plot_varied",
]

_Line = tuple[str, str]
"""Text and colour."""


@styled
def plot_means(f: Findings) -> Figure:
    """The average picture of each class; of drawings a heatmap, one scale for all."""
    labels = featured(f)
    means = f.means[labels]
    if f.look == "drawing":
        images = heat(np.clip(means.mean(axis=3) / heat_scale(f.means), 0.0, 1.0))
        title = "Average drawings: bright where most people drew ink"
    else:
        images, title = means.round().astype(np.uint8), "Average pictures"
    captions = [[(f.classes[i], INK)] for i in labels]
    return _tiles(images, captions, title + _of_all(f), "photo", columns=6)


@styled
def plot_classes(f: Findings) -> Figure:
    """Rows of each class, and how many were recognised where that is known."""
    labels = featured(f)
    figure = Figure(figsize=(7.5, 1.3 + 0.3 * max(len(labels), 4)), layout="constrained")
    axes = figure.subplots()
    y = np.arange(len(labels))
    axes.barh(y, f.counts[labels], color=BLUE, alpha=0.85, height=0.66, label="all")
    if f.recognised[:, 1:].any():
        axes.barh(y, f.recognised[labels, 2], color=INK, height=0.2, label="recognised")
        figure.legend(loc="outside lower center", ncols=2)
    axes.axvline(float(np.median(f.counts)), color=ORANGE, linewidth=1.2, linestyle=(0, (4, 3)))
    _rows(axes, [f.classes[i] for i in labels], f"{things(f)} (dashed: median)")
    axes.set_title(f"How many {things(f)} of each class{_of_all(f)}")
    return figure


@styled
def plot_countries(f: Findings) -> Figure:
    """Rows by country, most first."""
    listed = [(code or "not known", n) for code, n in f.countries[:COUNTRIES]]
    rest = f.countries[COUNTRIES:]
    if rest:
        listed.append((f"{len(rest)} more", sum(n for _, n in rest)))
    figure = Figure(figsize=(7.0, 1.3 + 0.27 * max(len(listed), 4)), layout="constrained")
    axes = figure.subplots()
    shares = [n / max(f.n, 1) for _, n in listed]
    axes.barh(np.arange(len(listed)), shares, color=BLUE, alpha=0.85, height=0.66)
    axes.xaxis.set_major_formatter(percent_axis())
    _rows(axes, [code for code, _ in listed], f"of all {things(f)}")
    axes.set_title("Where they come from")
    return figure


@styled
def plot_intensities(f: Findings) -> Figure:
    """Pixels by value: a small histogram for each class, all classes as a line over it."""
    labels = featured(f)
    columns = min(6, max(len(labels), 2))
    rows = math.ceil(len(labels) / columns)
    figure = Figure(figsize=(max(1.75 * columns, 4.8), 1.35 * rows + 0.8), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    edges = np.linspace(0, 256, BINS + 1)
    overall = _shares(f.intensities.sum(axis=0))
    for axes, label in zip(panels, labels, strict=False):
        axes.stairs(_shares(f.intensities[label]), edges, fill=True, color=BLUE, alpha=0.85)
        axes.stairs(overall, edges, color=ORANGE, linewidth=1.0, baseline=None)
        axes.set_title(short(f.classes[label], 18), fontsize=9, pad=3)
        axes.set_xticks([0, 255])
        axes.tick_params(labelsize=8)
    if needs_log(f.intensities):
        panels[0].set_yscale("log")
        panels[0].set_ylim(bottom=max(overall[overall > 0].min() / 3, 1e-6))
    for axes in panels[len(labels) :]:
        axes.axis("off")
    ends = "0 paper, 255 ink" if f.look == "drawing" else "0 black, 255 white"
    figure.supxlabel(f"value of a pixel ({ends}); line: all classes", fontsize=9.5, color=MUTED)
    figure.suptitle(f"Shades of the pixels{_of_all(f)}", fontsize=11.5, weight="bold")
    figure.supylabel("share of pixels", fontsize=9.5, color=MUTED)
    return figure


@styled
def plot_distribution(d: Distribution, classes: Sequence[str]) -> Figure:
    """A histogram over all classes with its median, and the median of each class below."""
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes, strip = figure.subplots(2, 1, sharex=True, height_ratios=[6, 1])
    _histogram(axes, d)
    for label in range(len(classes)):
        if not math.isnan(d.medians[label]):
            strip.axvline(place_of(d, d.medians[label]), color=ORANGE, alpha=0.75)
    strip.set_yticks([])
    strip.spines["left"].set_visible(False)
    strip.set_xlabel("median of each class")
    return figure


@styled
def plot_sizes(sizes: ImageSizes) -> Figure:
    """Widths, heights and aspect ratios with their medians, and widths and heights together."""
    figure = Figure(figsize=(9.6, 7.0), layout="constrained")
    panels = figure.subplots(2, 2).ravel()
    for axes, d in zip(panels, (sizes.width, sizes.height, sizes.aspect), strict=False):
        _histogram(axes, d)
    joint = panels[3]
    joint.imshow(
        np.sqrt(sizes.joint),
        origin="lower",
        extent=(0, 1, 0, 1),
        cmap="Blues",
        aspect="auto",
        interpolation="nearest",
    )
    joint.axvline(place_of(sizes.width, sizes.width.median), color=ORANGE, linewidth=1.2)
    joint.axhline(place_of(sizes.height, sizes.height.median), color=ORANGE, linewidth=1.2)
    _scale(joint, sizes.width)
    marks = ticks_of(sizes.height)
    joint.set_yticks([place_of(sizes.height, mark) for mark in marks], map(number, marks))
    joint.set(title="Width and height together", xlabel="width", ylabel="height")
    return figure


@styled
def plot_varied(f: Findings) -> Figure:
    """Rows before augmentation, and what became of them."""
    assert f.varied is not None
    versions = f.varied.after.shape[1]
    images, captions = [], []
    for label, before, after in zip(f.varied.labels, f.varied.before, f.varied.after, strict=True):
        images += [before, *after]
        captions += [[(f.classes[label], INK)], *([[("changed", ORANGE)]] * versions)]
    title = "What augmentation does: the original, and what is made of it"
    return _tiles(np.stack(images), captions, title, f.look, columns=1 + versions)


@styled
def plot_map(f: Findings, projection: Projection) -> Figure:
    """Rows laid out on a plane, with as many pictures as there is room for."""
    figure = Figure(figsize=(10.5, 8.6), layout="constrained")
    axes = figure.subplots()
    side = 1100
    places = scatter_places(projection.points)
    plane = mosaic(
        places, projection.labels, projection.images, f.look,
        side=side, tile=tile_for(side, len(places)),
    )  # fmt: skip
    axes.imshow(plane, interpolation="antialiased")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color=LINE)
    colours = class_colours(len(f.classes))
    present = set(projection.labels.tolist())
    handles = [
        Line2D([], [], color=colours[i], marker="o", linestyle="", label=short(f.classes[i], 18))
        for i in featured(f)
        if i in present
    ]
    figure.legend(handles=handles, loc="outside right upper")
    name = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}[projection.method]
    share = projection.explained
    kept = "" if share is None else f", {100 * share:.0f} % of all differences"
    axes.set_title(f"A map of {len(projection.labels):,} {things(f)} ({name}{kept})")
    return figure


@styled
def plot_pairs(f: Findings, pairs: Sequence[Pair]) -> Figure:
    """Rows that are the same picture, or nearly, side by side."""
    both = [each for pair in pairs for each in (pair.first, pair.second)]
    captions: list[list[_Line]] = []
    for pair in pairs:
        said = "the same" if pair.is_exact else f"{likeness(pair)} alike"
        captions += [
            [(pair.first.word, INK), (_id(pair.first), MUTED), (said, ORANGE)],
            [(pair.second.word, INK), (_id(pair.second), MUTED), ("", ORANGE)],
        ]
    images = np.stack([each.image for each in both])
    return _tiles(images, captions, "Seen twice, in pairs", f.look, columns=6)


@styled
def plot_suspects(suspects: Sequence[Suspect], look: Look, title: str) -> Figure:
    """Rows out of the common run, and why."""
    captions = [
        [
            (each.word, INK),
            (f"like {each.looks_like}" if each.looks_like else each.why, ORANGE),
            (_id(each), MUTED),
        ]
        for each in suspects
    ]
    return _tiles(np.stack([each.image for each in suspects]), captions, title, look, columns=6)


def _tiles(
    images: NDArray[np.uint8],
    captions: Sequence[Sequence[_Line]],
    title: str,
    look: Look,
    *,
    columns: int,
) -> Figure:
    """Pictures in rows, each with a caption of a line or more below."""
    rows = math.ceil(len(images) / columns)
    lines = max(len(caption) for caption in captions)
    tile, below = 1.45, 0.14 + 0.16 * lines
    width, height = columns * tile + 0.3, rows * (tile - 0.14 + below) + 0.55
    figure = Figure(figsize=(max(width, 5.2), height))
    width = figure.get_figwidth()
    figure.text(0.22 / width, 1 - 0.16 / height, title, va="top", fontsize=11.5, weight="bold")
    side = tile - 0.14
    for index, (image, caption) in enumerate(zip(shown(images, look), captions, strict=True)):
        row, column = divmod(index, columns)
        left, bottom = 0.22 + column * tile, height - 0.5 - row * (side + below) - side
        axes = figure.add_axes((left / width, bottom / height, side / width, side / height))
        grey = image.shape[2] == 1
        axes.imshow(image[:, :, 0] if grey else image, cmap="gray", vmin=0, vmax=255)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(visible=True, color=LINE)
        for line, (text, colour) in enumerate(caption):
            axes.annotate(
                short(text, 23),
                (0.5, 0.0),
                xytext=(0, -4 - 11 * line),
                xycoords="axes fraction",
                textcoords="offset points",
                ha="center",
                va="top",
                fontsize=7.5,
                color=colour,
            )
    return figure


def _histogram(axes: Axes, d: Distribution) -> None:
    """All classes together, with the median; bins are equally wide, whatever they hold."""
    counts = d.counts.sum(axis=0)
    x = (np.arange(len(counts)) + 0.5) / len(counts)
    axes.bar(x, counts, 0.9 / len(counts), color=BLUE, alpha=0.85)
    axes.axvline(place_of(d, d.median), color=ORANGE, label=f"median {number(d.median)}")
    _scale(axes, d)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.set_title(d.name[:1].upper() + d.name[1:])
    axes.legend(loc="upper right")


def _scale(axes: Axes, d: Distribution) -> None:
    """Round numbers below an axis of equally wide bins."""
    marks = ticks_of(d)
    axes.set_xticks([place_of(d, mark) for mark in marks], [number(mark) for mark in marks])
    axes.set_xlim(0, 1)


def _rows(axes: Axes, names: Sequence[str], unit: str) -> None:
    """A bar for each name, from above."""
    axes.set_yticks(np.arange(len(names)), [short(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_xlabel(unit)


def _shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of 256 values, the share of pixels in each bar."""
    shares: NDArray[np.float64] = counts.reshape(BINS, -1).sum(axis=1) / max(int(counts.sum()), 1)
    return shares


def _id(suspect: Suspect) -> str:
    """By which it is found again; of a path, the end."""
    name = suspect.name or str(suspect.key_id)
    return name if len(name) <= 23 else "…" + name[-22:]


def _of_all(f: Findings) -> str:
    n, all_of_them = len(featured(f)), len(f.classes)
    return "" if n == all_of_them else f" ({n} of {all_of_them})"
