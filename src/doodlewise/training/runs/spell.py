"""Values of settings as they are written after --set, and figures as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

__all__ = ["share", "when", "written"]


def written(value: Any) -> str:
    """A value of a setting as --set understands it, whole to the last digit."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    if isinstance(value, list | tuple):
        return ",".join(map(written, value))
    return str(value)


def share(value: float | None, digits: int = 2) -> str:
    """0.8857 as "88.57 %"; nothing as "–"."""
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def when(at: datetime | None) -> str:
    """Local time of the last months, the date of what is older."""
    if at is None:
        return "–"
    is_recent = abs((datetime.now(UTC) - at).days) < 180
    return f"{at.astimezone():%d %b %H:%M}" if is_recent else f"{at.astimezone():%d %b %Y}"
