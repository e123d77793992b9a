"""Pieces of the page: tiles, pictures, rows that are shown; all words are escaped here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from ..evaluation.page import data_uri, prose
from .collage import encode, shown
from .findings import Findings, Suspect

__all__ = [
    "by_class",
    "explained",
    "featured",
    "fold",
    "folded",
    "grid",
    "grid_of_first",
    "img_of",
    "plural",
    "suspect_img",
    "suspect_tile",
    "things",
    "tile_of",
    "uri_of",
    "where",
]

FEATURED = 24
"""Classes that are shown at once; the others are folded away."""


def things(findings: Findings, n: int = 2) -> str:
    """What the rows are called."""
    word = "drawing" if findings.look == "drawing" else "picture"
    return word if n == 1 else f"{word}s"


def featured(findings: Findings) -> list[int]:
    """The classes that are shown at once, in their order: the most frequent.

    Of equally frequent ones, those with labels to check come first.
    """
    odd = dict.fromkeys(findings.classes, 0)
    for suspect in findings.suspects:
        odd[suspect.word] += 1
    ranked = sorted(
        range(len(findings.classes)),
        key=lambda i: (-int(findings.counts[i]), -odd[findings.classes[i]], i),
    )
    return sorted(ranked[:FEATURED])


def by_class(f: Findings, tile: Callable[[int, bool], str], least: str, kind: str = "") -> str:
    """A tile for each class: the featured ones, and the others folded away."""
    first = featured(f)
    rest = [index for index in range(len(f.classes)) if index not in set(first)]
    return grid((tile(index, False) for index in first), least, kind) + fold(
        rest, lambda labels: grid((tile(index, True) for index in labels), least)
    )


def fold(labels: Sequence[int], content: Callable[[Sequence[int]], str]) -> str:
    if not labels:
        return ""
    return folded(plural(len(labels), "more class", "more classes"), content(labels))


def folded(name: str, content: str) -> str:
    """What is shown at a click only."""
    return f"<details><summary>{escape(name)}</summary>{content}</details>"


def grid_of_first(tiles: Sequence[str], least: str, first: int) -> str:
    """Tiles side by side, the first of them at once."""
    rest = tiles[first:]
    more = folded(f"{len(rest):,} more", grid(rest, least)) if rest else ""
    return grid(tiles[:first], least) + more


def grid(tiles: Iterable[str], least: str, kind: str = "") -> str:
    """Tiles side by side, each at least so wide; "few" ones share all the room there is."""
    return f'<div class="tiles {kind}" style="--least:{least}">{"".join(tiles)}</div>'


def tile_of(title: str, aside: str, content: str) -> str:
    small = f"<small>{escape(aside)}</small>" if aside else ""
    return f'<div class="tile"><h3>{escape(title)}{small}</h3>{content}</div>'


def img_of(
    image: NDArray[np.uint8],
    alt: str,
    f: Findings,
    *,
    is_paper: bool = True,
    at_most: int | None = 512,
) -> str:
    """A picture in the page; ink on paper turns with the page to light on dark."""
    is_small = max(f.image_shape[:2]) <= 32
    kinds = [
        *(["ink"] if is_paper and f.look == "drawing" else []),
        *(["crisp"] if is_small and is_paper and f.kind == "pixels" else []),
    ]
    kind = f' class="{" ".join(kinds)}"' if kinds else ""
    height, width = image.shape[:2]
    return (
        f'<img{kind} width="{width}" height="{height}" alt="{escape(alt)}"'
        f' src="{uri_of(image, at_most)}">'
    )


def uri_of(image: NDArray[np.uint8], at_most: int | None = None) -> str:
    """A picture as the address of itself."""
    return data_uri(*encode(image, at_most=at_most))


def suspect_tile(suspect: Suspect, f: Findings) -> str:
    like = (
        f"labelled <b>{escape(suspect.word)}</b>, looks like <b>{escape(suspect.looks_like)}</b>"
        if suspect.looks_like and suspect.looks_like != suspect.word
        else f"<b>{escape(suspect.word)}</b>"
    )
    why = f"<p>{prose(suspect.why)}</p>" if suspect.why else ""
    image = suspect_img(suspect, f)
    return f'<div class="tile">{image}<p>{like}</p>{why}<p>{where(suspect)}</p></div>'


def suspect_img(suspect: Suspect, f: Findings) -> str:
    return img_of(shown(suspect.image, f.look), f"a {things(f, 1)} labelled {suspect.word}", f)


def where(suspect: Suspect) -> str:
    """By which it is found again."""
    return f"<code>{escape(suspect.name or str(suspect.key_id))}</code>"


def explained(text: str) -> str:
    return f"<p>{prose(text)}</p>"


def plural(n: int, one: str, many: str | None = None) -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"
