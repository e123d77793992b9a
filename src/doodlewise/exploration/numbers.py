"""Sections of the page that are numbers: how many, how large, where from, and what was left out."""

from __future__ import annotations

from html import escape

import numpy as np
from numpy.typing import NDArray

from ..evaluation.page import card_grid, count_cell, row, share_cell, table, word_cell
from ..evaluation.result import percent
from .charts import histogram, intensity, joint_histogram, number, split_bar
from .findings import Findings, ImageSizes
from .pieces import by_class, explained, grid, plural, suspect_tile, things, tile_of

__all__ = [
    "classes_section",
    "countries_section",
    "distributions_section",
    "distributions_title",
    "facts_section",
    "intensities_section",
    "intensity_title",
    "needs_log",
    "sizes_section",
    "skipped_section",
]

LOPSIDED = 2.0
"""Largest class by the smallest, from which training is told to mind it."""
COUNTRIES = 20
PLACES = 12
"""Of rows left out, before the rest is folded away."""


def facts_section(f: Findings) -> str:
    height, width, channels = f.image_shape
    colour = "in colour" if channels == 3 else "of ink" if f.look == "drawing" else "of grey"
    is_pixels = f.kind == "pixels"
    left_out = sum(f.skipped.get("counts", {}).values())
    cards = [
        (f"{things(f)} looked at", f"{f.n:,}", ""),
        ("classes (words)", f"{len(f.classes):,}", ""),
        (f"pixels {colour}", f"{width} x {height}", "")
        if is_pixels
        else ("kept as", "strokes", ""),
        ("size on disk", _bytes(f.n_bytes), ""),
        ("left out", f"{left_out:,}", ""),
    ]
    reasons = _reasons(f)
    more = f'<p class="after">Left out: {reasons}. <a href="#skipped">Which?</a></p>'
    return (
        card_grid("facts", cards)
        + "<p>Before learning, they are dealt into three heaps: most to learn from, some to choose"
        " the best try with, and some for a fair exam at the very end.</p>"
        + split_bar(f.sizes)
        + (more if reasons else "")
    )


def classes_section(f: Findings) -> str:
    largest, smallest = int(f.counts.argmax()), int(f.counts.argmin())
    ratio = f.counts[largest] / max(int(f.counts[smallest]), 1)
    known = f.recognised[:, 1:].sum(axis=1)
    if ratio >= LOPSIDED:
        note = (
            f'<p class="note">Lopsided: <b>{escape(f.classes[largest])}</b> has'
            f" {f.counts[largest]:,} {things(f)}, <b>{escape(f.classes[smallest])}</b> only"
            f" {f.counts[smallest]:,}. A network learns to guess what it has seen most; take the"
            " same number of each (<code>--per-class</code>), or get more of the rare ones.</p>"
        )
    else:
        said = (
            f"every class has {f.counts[largest]:,} {things(f)}."
            if f.counts[largest] == f.counts[smallest]
            else f"{escape(f.classes[largest])} has the most, {f.counts[largest]:,};"
            f" {escape(f.classes[smallest])} the fewest, {f.counts[smallest]:,}."
        )
        note = f'<p class="note good">Well balanced: {said}</p>'
    has_known = bool(known.any())
    rows = [
        row(
            word_cell(word),
            _count(int(f.counts[index]), int(f.counts[largest])),
            *(
                [share_cell(f.recognised[index, 2] / known[index] if known[index] else None)]
                if has_known
                else []
            ),
        )
        for index, word in enumerate(f.classes)
    ]
    recognised = (
        " “Recognised” is the share that a computer guessed while they were drawn."
        if has_known
        else ""
    )
    heads = [things(f), *(["recognised"] if has_known else [])]
    return (
        explained(
            f"How many {things(f)} there are of each class.{recognised} A click on a heading sorts."
        )
        + note
        + f'<div class="card">{table(["class"], heads, rows, is_long=True)}</div>'
    )


def countries_section(f: Findings) -> str:
    if not [code for code, _ in f.countries if code]:
        return ""
    listed = [(code or "not known", n) for code, n in f.countries[:COUNTRIES]]
    rest = f.countries[COUNTRIES:]
    if rest:
        name = plural(len(rest), "more country", "more countries")
        listed.append((name, sum(n for _, n in rest)))
    most = max(n for code, n in f.countries if code)
    rows = [
        row(word_cell(name), _count(n, most), f"<td>{percent(n / max(f.n, 1), 1)}</td>")
        for name, n in listed
    ]
    half = (len(rows) + 1) // 2 if len(rows) > 6 else len(rows)
    cards = "".join(
        f'<div class="card">{table(["country"], [things(f), "of all"], part)}</div>'
        for part in (rows[:half], rows[half:])
        if part
    )
    return (
        explained(
            "People of different countries draw differently: a network that has seen few drawings"
            " from a country may guess worse there."
        )
        + f'<div class="tiles few" style="--least:21rem">{cards}</div>'
    )


def intensity_title(f: Findings) -> str:
    return "Paper, grey and ink" if f.look == "drawing" else "Dark and bright"


def intensities_section(f: Findings) -> str:
    is_log = needs_log(f.intensities)
    overall = f.intensities.sum(axis=0)
    ends = ("white paper", "full ink") if f.look == "drawing" else ("black", "white")

    def tile(index: int) -> str:
        counts = f.intensities[index]
        chart = intensity(counts, overall, is_log=is_log)
        words = f'<div class="ends"><span>{ends[0]}</span><span>{ends[1]}</span></div>'
        total = max(int(counts.sum()), 1)
        aside = (
            f"{100 * counts[0] / total:.0f} % paper"
            if f.look == "drawing"
            else f"mean {counts @ np.arange(256) / total:.0f}"
        )
        return tile_of(f.classes[index], aside, chart + words)

    steps = (
        " Each step up means ten times as many, so that rare greys are seen too." if is_log else ""
    )
    return (
        explained(
            f"All pixels of a class, sorted from {ends[0]} (left) to {ends[1]} (right): the higher"
            f" the bar, the more pixels are of this shade.{steps}"
        )
        + '<p><span class="key-bar">■ this class</span> &nbsp;'
        '<span class="key-line">▔ all classes together</span></p>'
        + by_class(f, lambda index, _: tile(index), "13rem")
    )


def needs_log(intensities: NDArray[np.int64]) -> bool:
    """Whether a few values are so frequent that the others would not be seen beside them."""
    total = intensities.sum(axis=0)
    return bool(total.max() > 20 * max(np.median(total), 1))


def distributions_title(f: Findings) -> str:
    return "How they are drawn" if f.kind == "strokes" else "From picture to picture"


def distributions_section(f: Findings) -> str:
    if not f.distributions:
        return ""
    tiles = [
        tile_of(
            d.name[:1].upper() + d.name[1:],
            f"median {number(d.median)}",
            histogram(d, f.classes),
        )
        for d in f.distributions
    ]
    return explained(
        f"The taller a bar, the more {things(f)} are like this. The orange line is the median: half"
        " of them lie to its left, half to its right."
    ) + grid(tiles, "22rem", "few" if len(tiles) > 1 else "")


def sizes_section(sizes: ImageSizes, f: Findings) -> str:
    tiles = [
        tile_of(
            d.name[:1].upper() + d.name[1:], f"median {number(d.median)}", histogram(d, f.classes)
        )
        for d in (sizes.width, sizes.height, sizes.aspect)
    ]
    label = "widths to the right and heights upward of all pictures"
    tiles.append(
        tile_of(
            "Width and height together",
            "the stronger, the more",
            joint_histogram(sizes.joint, sizes.width, sizes.height, label),
        )
    )
    (small_w, small_h), (large_w, large_h) = sizes.smallest, sizes.largest
    parts = [
        explained(
            "How wide and how high the picture files were before all were brought to"
            f" {f.image_shape[1]} x {f.image_shape[0]} pixels. The smallest is {small_w:,} x"
            f" {small_h:,}, the largest {large_w:,} x {large_h:,}; the orange lines are medians."
        ),
        grid(tiles, "22rem", "few"),
    ]
    if sizes.outliers:
        parts += [
            "<h3>Out of the common run</h3>",
            "<p>The pictures whose size is farthest from the others. Are they what they should"
            " be?</p>",
            grid([suspect_tile(each, f) for each in sizes.outliers], "10rem"),
        ]
    return "".join(parts)


def skipped_section(f: Findings) -> str:
    counts, notes = f.skipped.get("counts", {}), f.skipped.get("notes", {})
    if not counts and not notes:
        return ""
    rows, places = [], []
    for reason, n in counts.items():
        named = f.skipped.get("examples", {}).get(reason, [])
        more = "" if n <= len(named[:PLACES]) or not named else ", …"
        rows.append(
            row(word_cell(reason), word_cell(", ".join(named[:PLACES]) + more), count_cell(n))
        )
        if len(named) > PLACES:
            listed = "".join(f"<li><code>{escape(place)}</code></li>" for place in named)
            places.append(
                f"<details><summary>{escape(reason)}: the first {len(named)} places</summary>"
                f"<ul>{listed}</ul></details>"
            )
    changed = "".join(f"<li>{n:,} {escape(note)}</li>" for note, n in notes.items())
    return (
        explained("What could not be used, or was not wanted, and where it is.")
        + (
            f'<div class="card">{table(["reason", "where"], ["how many"], rows)}</div>'
            if rows
            else ""
        )
        + "".join(places)
        + (f"<h3>Kept, but changed</h3><ul>{changed}</ul>" if changed else "")
    )


def _reasons(f: Findings) -> str:
    counts = f.skipped.get("counts", {})
    return "; ".join(f"{escape(reason)} ({n:,})" for reason, n in counts.items())


def _count(n: int, most: int) -> str:
    """A cell with a number, and a bar that is full at `most`."""
    return f'<td data-value="{n}" style="--share:{100 * n / max(most, n, 1):.1f}%">{n:,}</td>'


def _bytes(n: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n >= size:
            return f"{n / size:.3g} {unit}"
    return f"{n} bytes"
