"""The pictures and the page of a sweep, on disk."""

from __future__ import annotations

from .results import SweepResult

__all__ = ["write_pictures"]


def write_pictures(result: SweepResult) -> None:
    """Write plots/*.png and report.html into the sweep's folder."""
