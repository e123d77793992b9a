"""What is in a store, as one web page that needs nothing else, to be read alone or on a wall."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from pathlib import Path

from ..evaluation.page import frame
from ..files import write_text
from ..version import __version__
from .findings import Findings
from .gallery import (
    averages_section,
    duplicates_section,
    map_section,
    samples_section,
    suspects_section,
    varied_section,
)
from .numbers import (
    classes_section,
    countries_section,
    distributions_section,
    distributions_title,
    facts_section,
    intensities_section,
    intensity_title,
    sizes_section,
    skipped_section,
)
from .pieces import plural, things

__all__ = ["write_page"]


def write_page(path: Path, findings: Findings) -> None:
    """Write the page; replaced if it exists."""
    f = findings
    parts = [
        ("facts", "In short", facts_section(f)),
        ("samples", "What it looks like", samples_section(f)),
        ("averages", "The average picture", averages_section(f)),
        ("classes", "How many of each", classes_section(f)),
        ("countries", "Where they come from", countries_section(f)),
        ("intensity", intensity_title(f), intensities_section(f)),
        ("distributions", distributions_title(f), distributions_section(f)),
        (
            "sizes",
            "Sizes of the pictures",
            sizes_section(f.image_sizes, f) if f.image_sizes else "",
        ),
        ("augmentation", "What augmentation does", varied_section(f)),
        ("map", "A map of everything", map_section(f)),
        ("duplicates", "Seen twice", duplicates_section(f)),
        ("suspects", "Labels to check", suspects_section(f)),
        ("skipped", "What was left out", skipped_section(f)),
    ]
    parts = [part for part in parts if part[2]]
    name = Path(f.store).name or f.store
    links = "".join(f'<li><a href="#{key}">{escape(title)}</a></li>' for key, title, _ in parts)
    body = "".join(
        f'<section id="{key}" aria-labelledby="{key}-title"><h2 id="{key}-title">{escape(title)}'
        f"</h2>{content}</section>"
        for key, title, content in parts
    )
    page = frame(
        f"What is in {name}?",
        [
            '<header><a class="skip" href="#facts">To the contents</a>'
            f'<h1>What is in {escape(name)}?</h1><p class="lead">{_summary(f)}</p></header>',
            f'<nav aria-label="Contents"><ol>{links}</ol></nav>',
            f'<div class="content">{body}</div>',
            f"<footer>Made by Doodlewise {__version__}: <code>doodlewise explore"
            f" {escape(f.store)}</code>. All numbers are in stats.json, all pictures in the folder"
            " pictures.</footer>",
        ],
        style=_data("page.css"),
        script=_data("page.js"),
    )
    write_text(path, page)


def _summary(f: Findings) -> str:
    part = "" if f.split == "all" else f" (the {f.split} part only)"
    return (
        f"{f.n:,} {things(f, f.n)} of {plural(len(f.classes), 'class', 'classes')}{escape(part)},"
        " as they will be learned from. This page shows what a computer is given to learn from,"
        " and what to look out for before it does."
    )


def _data(name: str) -> str:
    """A file of this package."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
