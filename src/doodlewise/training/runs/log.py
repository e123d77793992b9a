"""train.log, read: what was said when the run began, and how it ended."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

__all__ = ["Log", "read_log"]

_LINE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (.*)")
_FACT = re.compile(r"([a-z][a-z ]{1,30}): (.*)")
_BEGINNING = "device: "
"""What the first line says each time that a run is begun or resumed."""
_BROKEN, _STOPPED, _EARLY = "broken off: ", "interrupted in epoch ", "stopped after epoch "
_ENDED, _COST = "ended: ", "cost: "


@dataclass(slots=True)
class Log:
    """What a log says.

    Attributes:
        facts: of the last time that the run was begun or resumed, such as device and data.
        first, last: when the first and the last line were written, UTC; None without any.
        broken: why it was broken off the last time; empty if it was not.
        interrupted: in which epoch it was stopped the last time, by Ctrl-C say; empty if it was
            not.
        early: the line about stopping early for want of progress, and the epoch after which.
    ended: how the run came to its end, which is written last of all; empty if it did not yet.
    advice: what its curves say, and what to try.
    """

    facts: dict[str, str] = field(default_factory=dict)
    first: datetime | None = None
    last: datetime | None = None
    broken: str = ""
    interrupted: str = ""
    early: tuple[str, int] = ("", 0)
    ended: str = ""
    advice: list[str] = field(default_factory=list)


def read_log(text: str) -> Log:
    """Read a log; lines that are none of ours are passed over."""
    log = Log()
    first = last = ""
    is_head = is_tail = False
    for line in text.splitlines():
        found = _LINE.match(line)
        if found is None:
            continue
        last, said = found[1], found[2]
        first = first or last
        if said.startswith(_BEGINNING):
            log.facts, log.broken, log.interrupted, is_head = {}, "", "", True
            log.ended, log.advice, is_tail = "", [], False
        if said.startswith("epoch "):
            is_head = False
        elif said.startswith(_BROKEN):
            log.broken = said.removeprefix(_BROKEN)
        elif said.startswith(_STOPPED):
            log.interrupted = said.removeprefix(_STOPPED).split(",")[0]
        elif said.startswith(_EARLY):
            log.early = (said, _number(said.removeprefix(_EARLY)))
        elif said.startswith(_ENDED):
            log.ended, is_tail = said.removeprefix(_ENDED), True
        elif said.startswith(_COST):
            is_tail = False
        elif is_tail:
            log.advice.append(said)
        elif is_head and (fact := _FACT.match(said)):
            log.facts[fact[1]] = fact[2]
    log.first, log.last = _time(first), _time(last)
    return log


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return None


def _number(text: str) -> int:
    found = re.match(r"\d+", text)
    return int(found[0]) if found else 0
