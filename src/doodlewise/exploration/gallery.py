"""Sections of the page that are pictures: samples, averages, the map, doubles, odd ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from ..evaluation.page import data_uri
from .collage import class_colours, encode, heat, mosaic, scatter_places, sheet, shown, tile_for
from .findings import Findings, Pair
from .pieces import (
    by_class,
    explained,
    featured,
    fold,
    grid,
    grid_of_first,
    img_of,
    suspect_img,
    suspect_tile,
    things,
    tile_of,
    uri_of,
    where,
)

__all__ = [
    "averages_section",
    "duplicates_section",
    "heat_scale",
    "likeness",
    "map_section",
    "samples_section",
    "suspects_section",
    "varied_section",
]

COLUMNS = 6
"""Of the pictures of a class."""
FOLDED = 8
"""Pictures of a class that is folded away."""
MAP_SIDE = 1600
PAIRS, SUSPECTS = 9, 15
"""Shown at once; the others are folded away."""


def samples_section(f: Findings) -> str:
    def tile(index: int, is_folded: bool) -> str:
        images = f.samples[index]
        if len(images) == 0:
            return ""
        if is_folded:
            images = images[:FOLDED]
        columns = FOLDED if is_folded else COLUMNS
        whole = sheet(images, columns, f.look)
        alt = f"{len(images)} {things(f)} of {f.classes[index]}"
        picture = img_of(whole, alt, f, at_most=360 if is_folded else 900)
        return tile_of(f.classes[index], f"{int(f.counts[index]):,}", picture)

    return explained(
        f"Some {things(f)} of every class, picked at random: nobody chose the nice ones."
    ) + by_class(f, tile, "19rem", "few" if len(f.classes) > 1 else "")


def averages_section(f: Findings) -> str:
    top = heat_scale(f.means)

    def tile(index: int, is_folded: bool) -> str:
        mean = f.means[index]
        if f.look == "drawing":
            image = heat(np.clip(mean.mean(axis=2) / top, 0.0, 1.0))
        else:
            image = mean.round().astype(np.uint8)
        alt = f"average of all {things(f)} of {f.classes[index]}"
        picture = img_of(image, alt, f, is_paper=False, at_most=96 if is_folded else 256)
        return tile_of(f.classes[index], "", picture)

    if f.look == "photo":
        return explained(
            "Each square is the average of all pictures of this class: where it is sharp, the"
            " pictures agree; where it is a blur, they do not."
        ) + by_class(f, tile, "10rem")
    stops = ", ".join(
        f"rgb({red} {green} {blue})" for red, green, blue in heat(np.linspace(0, 1, 9)).tolist()
    )
    legend = (
        '<p class="scale">nobody drew here'
        f'<i style="background:linear-gradient(90deg, {stops})"></i>'
        f"{100 * top / 255:.0f} of 100 drew here</p>"
    )
    return (
        explained(
            "Each square is the average of all drawings of this word: where it is bright, most"
            " people drew ink. A clear shape means that people draw this word alike."
        )
        + legend
        + by_class(f, tile, "9rem")
    )


def heat_scale(means: NDArray[np.float32]) -> float:
    """The mean that is brightest in the heatmaps, 0 to 255: the same for all classes."""
    return max(float(np.percentile(means.max(axis=(1, 2, 3)), 90)), 1.0)


def varied_section(f: Findings) -> str:
    if f.varied is None or len(f.varied.labels) == 0:
        return ""
    tiles = []
    for label, before, after in zip(f.varied.labels, f.varied.before, f.varied.after, strict=True):
        word = f.classes[label]
        changed = sheet(after[:4], 2, f.look)
        tiles.append(
            tile_of(
                word,
                "",
                '<div class="aug">'
                + img_of(shown(before, f.look), f"{word}, as it is", f)
                + '<span aria-hidden="true">→</span>'
                + img_of(changed, f"{word}, changed at random", f)
                + "</div>",
            )
        )
    return explained(
        f"While it learns, the network never sees the same {things(f, 1)} twice: each is turned,"
        " moved and stretched a little at random. Left the original, right what it is given. If you"
        " could not tell what they are, the network could not either."
    ) + grid(tiles, "19rem")


def map_section(f: Findings) -> str:
    projection = f.projection
    if projection is None or len(projection.labels) == 0:
        return ""
    places = scatter_places(projection.points)
    plane, kind = encode(
        mosaic(
            places,
            projection.labels,
            projection.images,
            f.look,
            side=MAP_SIDE,
            tile=tile_for(MAP_SIDE, len(places)),
        )
    )
    n, height, width = projection.images.shape[:3]
    columns = int(np.ceil(np.sqrt(n)))
    atlas = sheet(projection.images, columns, f.look, gap=0)
    present = [int(label) for label in np.unique(projection.labels)]
    colours = class_colours(len(f.classes))
    rows = {
        "x": [round(float(x), 4) for x in places[:, 0]],
        "y": [round(float(1 - y), 4) for y in places[:, 1]],
        "labels": projection.labels.tolist(),
        "classes": f.classes,
        "colours": colours,
        "tile": [width, height],
        "columns": columns,
    }
    kind_of = ' class="ink"' if f.look == "drawing" else ""
    first = set(featured(f))
    return (
        explained(_map_words(f))
        + '<p class="muted">Move over the map to see each one; with the keyboard, use the left and'
        " right arrows. A click on a class shows it alone.</p>"
        + '<figure class="map"><div class="plane" tabindex="0" aria-label="the map: arrow keys walk'
        f' through it"><img src="{data_uri(plane, kind)}" alt="{n:,} {things(f)} laid out so that'
        ' similar ones lie together, coloured by class"><canvas></canvas></div>'
        f'<div class="tip" hidden><canvas{kind_of}></canvas><output></output></div>'
        f'<img class="atlas" hidden alt="" src="{uri_of(atlas)}">'
        f"{_legend([i for i in present if i in first], colours, f)}"
        + fold([i for i in present if i not in first], lambda i: _legend(i, colours, f))
        + '<script type="application/json" id="map-rows">'
        + json.dumps(rows, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
        + "</script></figure>"
    )


def _map_words(f: Findings) -> str:
    assert f.projection is not None
    rows = f"{len(f.projection.labels):,} {things(f)}"
    if f.projection.method != "pca":
        name = {"tsne": "t-SNE", "umap": "UMAP"}[f.projection.method]
        return (
            f"{rows}, laid out so that similar ones are neighbours ({name}). Who is near to whom"
            " means something; how far apart two groups lie does not."
        )
    share = 100 * (f.projection.explained or 0.0)
    return (
        f"{rows}, laid out by the two directions in which they differ most (PCA): similar ones lie"
        f" together. This flat map shows {share:.0f} % of all their differences; the rest is lost,"
        " as when a globe becomes a flat map. Classes that overlap here are harder to tell apart."
    )


def _legend(labels: Sequence[int], colours: Sequence[str], f: Findings) -> str:
    items = "".join(
        f'<li><span data-label="{i}" style="--c:{colours[i]}">{escape(f.classes[i])}</span></li>'
        for i in labels
    )
    return f'<ul class="legend" aria-label="Classes">{items}</ul>'


def duplicates_section(f: Findings) -> str:
    if f.n_compared == 0:
        return ""
    said = f"{f.n_compared:,} {things(f)} were compared with each other. " + (
        f"{f.n_duplicates:,} of them {'is' if f.n_duplicates == 1 else 'are'} a copy of another,"
        " or nearly. A copy in the exam of one that was learned from makes the exam too easy;"
        " a copy with another word is a wrong label."
        if f.n_duplicates
        else "None is a copy of another: nothing is learned twice."
    )
    tiles = [
        '<div class="tile"><div class="pair">'
        + "".join(
            f"<div>{suspect_img(each, f)}<p><b>{escape(each.word)}</b><br>{where(each)}</p></div>"
            for each in (pair.first, pair.second)
        )
        + "</div><p>"
        + ("The same to the last pixel." if pair.is_exact else f"{likeness(pair)} alike.")
        + (" <b>Two different words.</b>" if pair.first.word != pair.second.word else "")
        + "</p></div>"
        for pair in f.duplicates
    ]
    return explained(said) + (grid_of_first(tiles, "18rem", PAIRS) if tiles else "")


def likeness(pair: Pair) -> str:
    """In per cent; 100 only where nothing differs."""
    return f"{min(100 * (1 - pair.distance), 99.9):.1f} %"


def suspects_section(f: Findings) -> str:
    if not f.suspects:
        return ""
    return explained(
        f"The {things(f)} that look least like their class, the oddest first. Some are just"
        f" unusual; some have the wrong label. Judged by {f.judged_by}: a hint, not a verdict."
    ) + grid_of_first([suspect_tile(each, f) for each in f.suspects], "10rem", SUSPECTS)
