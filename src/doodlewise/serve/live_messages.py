"""What is said over a live connection, both ways."""

from __future__ import annotations

from typing import TypeAlias

import msgspec
from msgspec import Struct

from .schemas import GuessOut, Strokes, Top

__all__ = [
    "Clear",
    "ClientMessage",
    "Empty",
    "End",
    "Guessed",
    "Points",
    "Problem",
    "Set",
    "Start",
    "Undo",
    "seq_in",
]


class FromClient(Struct, tag_field="type", forbid_unknown_fields=True, kw_only=True):
    """Attributes:
    seq: a number of the client's choice, rising; a guess names the last one it includes.
    """

    seq: int | None = None


class Start(FromClient, tag="start"):
    """Begin an empty drawing, and say what is wanted."""

    top: Top = 5
    model: str | None = None


class Points(FromClient, tag="points"):
    """More points of the stroke that is being drawn, and perhaps when, in milliseconds."""

    x: list[float]
    y: list[float]
    t: list[float] | None = None


class End(FromClient, tag="end"):
    """The pen was lifted."""


class Set(FromClient, tag="set"):
    """The whole drawing, instead of what was there."""

    strokes: Strokes


class Undo(FromClient, tag="undo"):
    """Without the last stroke."""


class Clear(FromClient, tag="clear"):
    """Without all strokes."""


ClientMessage: TypeAlias = Start | Points | End | Set | Undo | Clear


class FromServer(Struct, tag_field="type", kw_only=True):
    """What the server says."""


class Guessed(FromServer, tag="guess"):
    """What the drawing may be, as it was at `seq`."""

    seq: int | None
    strokes: int
    points: int
    word: str
    probability: float
    sure: bool
    guesses: list[GuessOut]
    model: str
    ms: float


class Empty(FromServer, tag="empty"):
    """There is no drawing (any more)."""

    seq: int | None


class Problem(FromServer, tag="error"):
    """A message that could not be used; the drawing is as it was. After code "closing" the
    connection ends."""

    code: str
    message: str
    seq: int | None = None


class _OnlySeq(Struct):
    seq: int | None = None


def seq_in(text: str) -> int | None:
    """The number of a message that cannot be used otherwise, if it can be read."""
    try:
        return msgspec.json.decode(text, type=_OnlySeq).seq
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
