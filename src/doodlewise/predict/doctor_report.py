"""A diagnosis as a file to keep: a picture, or a web page."""

from __future__ import annotations

from pathlib import Path

from ..errors import ConfigError
from ..files import replacing
from .doctor import Diagnosis
from .doctor_page import make_page
from .doctor_sheet import draw_sheet

__all__ = ["check_report_path", "write_report"]

KINDS = (".png", ".html")


def check_report_path(path: Path) -> None:
    """Find out before the work whether a report can be written there.

    Raises:
        ConfigError: it is of a kind that is not written.
    """
    if path.suffix.lower() not in KINDS:
        raise ConfigError(f"A report is a .png or an .html, not {path.name}. Name it report.png.")


def write_report(diagnosis: Diagnosis, path: Path) -> None:
    """Write a report: .png or .html.

    Raises:
        ConfigError: it is of another kind.
    """
    check_report_path(path)
    with replacing(path) as unfinished:
        if path.suffix.lower() == ".png":
            draw_sheet(diagnosis).save(unfinished, "PNG", optimize=True)
        else:
            unfinished.write_text(make_page(diagnosis), encoding="utf-8")
