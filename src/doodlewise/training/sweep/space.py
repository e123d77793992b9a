"""What a sweep varies: settings, and the values that each of them takes.

A *grid* tries every combination of listed values. A *search* lets Optuna choose, from ranges and
lists:

    NAME=log:A..B    any number, evenly over the powers of ten
    NAME=A..B        any number;  NAME=int:A..B  a whole one
    NAME=A|B|C       one of these

A setting goes by its dotted name (`optim.lr`), its last part (`lr`) or its flag (`batch-size`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from ...errors import ConfigError, did_you_mean
from ..config import TrainConfig, all_settings, type_of

__all__ = [
    "Axis",
    "Choices",
    "Range",
    "combinations",
    "parse_search",
    "setting_name",
    "short_names",
    "spelled",
    "to_axis",
    "value_of",
]

FIXED = ("store", "name", "runs", "seed", "log")
"""Settings that a sweep cannot vary: what it is about, where it writes; seeds have `--seeds`."""

SYNTAX = "Write NAME=log:A..B, NAME=A..B, NAME=int:A..B or NAME=A|B|C."


@dataclass(frozen=True, slots=True)
class Choices:
    """Listed values."""

    values: tuple[Any, ...]

    def __str__(self) -> str:
        return "|".join(map(spelled, self.values))


@dataclass(frozen=True, slots=True)
class Range:
    """All numbers from `low` to `high`, the ends included."""

    low: float
    high: float
    is_log: bool = False
    is_int: bool = False

    def __str__(self) -> str:
        kind = "log:" if self.is_log else "int:" if self.is_int else ""
        return f"{kind}{self.low:g}..{self.high:g}"


Axis = Choices | Range


def setting_name(name: str) -> str:
    """The dotted name of a setting that a sweep may vary.

    Raises:
        ConfigError: there is no such setting, several end like this, or it cannot be varied.
    """
    wanted = name.strip().removeprefix("--").replace("-", "_")
    known = all_settings()
    by_flag = {
        part.metadata["flag"].removeprefix("--").replace("-", "_"): each
        for each, part in known.items()
        if part.metadata.get("flag")
    }
    by_last: dict[str, list[str]] = {}
    for each in known:
        by_last.setdefault(each.rpartition(".")[2], []).append(each)
    if wanted in known:
        found = wanted
    elif wanted in by_flag:
        found = by_flag[wanted]
    elif wanted in by_last:
        if len(by_last[wanted]) > 1:
            raise ConfigError(
                f"'{name}' may be {' or '.join(by_last[wanted])}. Write the whole name."
            )
        found = by_last[wanted][0]
    else:
        near = did_you_mean(wanted, [*by_flag, *known, *by_last])
        raise ConfigError(f"There is no setting '{name}'.{near} See: doodlewise train --help")
    if found in FIXED:
        advice = {"seed": "Use --seeds N", "store": "Make a sweep for each store"}
        raise ConfigError(
            f"A sweep cannot vary {found}. {advice.get(found, 'Leave it out, or fix it')}."
        )
    return found


def to_axis(name: str, values: Any, base: TrainConfig) -> Axis:
    """The values of a setting, of the right type.

    Args:
        name: dotted name of the setting.
        values: a list of values, or text in the syntax above; text with commas is a list, too.
        base: all other settings.

    Raises:
        ConfigError: a value that the setting cannot have, or a range of what is no number.
    """
    if isinstance(values, Choices | Range):
        return values
    if not isinstance(values, str):
        listed = list(values) if isinstance(values, Sequence) else [values]
    elif ".." in values or values.startswith(("log:", "int:")):
        return _range(name, values, base)
    else:
        listed = [each.strip() for each in values.split("|" if "|" in values else ",")]
    if not listed or any(isinstance(each, str) and not each for each in listed):
        raise ConfigError(f"{name} has an empty value in '{values}'. Write {name}=A,B,C.")
    typed = [value_of(base.with_values({name: each}), name) for each in listed]
    return Choices(tuple(dict.fromkeys(typed)))


def parse_search(text: str, base: TrainConfig) -> dict[str, Axis]:
    """The space that is searched, from "lr=log:1e-4..3e-2 batch_size=64|128".

    Raises:
        ConfigError: it cannot be read; the message says how it is written.
    """
    space: dict[str, Axis] = {}
    for part in text.split():
        name, equals, values = part.partition("=")
        if not equals or not values:
            raise ConfigError(f"--search: '{part}' is no range. {SYNTAX}")
        dotted = setting_name(name)
        if dotted in space:
            raise ConfigError(f"--search names {dotted} twice. Leave one of them out.")
        space[dotted] = to_axis(dotted, values, base)
    if not space:
        raise ConfigError(f"--search is empty. {SYNTAX}")
    return space


def combinations(axes: Mapping[str, Axis]) -> Iterator[dict[str, Any]]:
    """Every combination of listed values, the last setting varying fastest."""
    values = [axis.values if isinstance(axis, Choices) else () for axis in axes.values()]
    for combination in itertools.product(*values):
        yield dict(zip(axes, combination, strict=True))


def value_of(config: TrainConfig, name: str) -> Any:
    """The value of a setting by its dotted name."""
    value: Any = config
    for part in name.split("."):
        value = getattr(value, part)
    return value


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Each dotted name as people say it: its last part, where that is clear."""
    last = [name.rpartition(".")[2] for name in names]
    return {
        name: part if last.count(part) == 1 else name
        for name, part in zip(names, last, strict=True)
    }


def spelled(value: Any) -> str:
    """A value as people write it."""
    if value is None:
        return "usual"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return "+".join(map(spelled, value))
    return str(value)


def _range(name: str, text: str, base: TrainConfig) -> Range:
    kind, colon, ends = text.rpartition(":")
    low_text, dots, high_text = ends.partition("..")
    try:
        low, high = float(low_text), float(high_text)
    except ValueError:
        low = high = math.nan
    is_known = kind in ("log", "int") if colon else True
    if not is_known or not dots or not math.isfinite(low + high):
        raise ConfigError(f"{name}={text} is no range. {SYNTAX}")
    if low >= high:
        raise ConfigError(f"{name}={text} begins with the larger end. Write the smaller one first.")
    if kind == "log" and low <= 0:
        raise ConfigError(f"{name}={text}: powers of ten have no 0. Begin above 0.")
    kind_of = type_of(name)
    # What may be left open is a number or None.
    kinds = {*get_args(kind_of), kind_of}
    if not kinds & {int, float} or bool in kinds:
        raise ConfigError(f"{name} is no number, so it has no range. Write {name}=A|B|C.")
    is_int = float not in kinds
    if is_int and not (low.is_integer() and high.is_integer()):
        raise ConfigError(f"{name} is a whole number. Write {name}=int:1..10, say.")
    for end in (low, high):
        base.with_values({name: int(end) if is_int else end})
    return Range(low, high, is_log=kind == "log", is_int=is_int or kind == "int")
