"""A run folder as one object that reads what it is asked for, when it is asked for it.

Nothing in the folder is needed. What is missing or damaged is None or empty, and `problems` says
so: a run that was killed, copied in part or made by another version is still a run.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from ...errors import ConfigError
from ..config import load_config
from ..run_dir import RunDir
from .evaluations import Evaluation, figure, read_evaluations
from .log import Log, read_log
from .state import State, state_of

__all__ = ["Row", "RunRecord"]

Row = dict[str, float]
"""A row of metrics.csv; what is missing in it is NaN."""

_DATA = re.compile(
    r"(?P<store>.*): (?P<train>[\d,]+) (?P<things>.+?) to learn from, (?P<val>[\d,]+) to validate,"
    r" (?P<words>[\d,]+) classes"
)
_PARAMETERS = re.compile(r"([\d,]+) parameters")
_PLAIN = re.compile(r"[\w./:+-]+(?: [\w./:+-]+)*")
"""Values that YAML takes as they are."""


@dataclass(frozen=True)
class RunRecord:
    """A run folder. Everything else is read from it when it is first asked for.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def name(self) -> str:
        return self.path.name or self.path.resolve().name

    @cached_property
    def config(self) -> dict[str, Any]:
        """The settings by dotted name; empty if config.yaml cannot be read."""
        try:
            return load_config(self.path / "config.yaml")
        except ConfigError:
            return {}

    @cached_property
    def log(self) -> Log:
        return read_log(self._text("train.log"))

    @cached_property
    def rows(self) -> list[Row]:
        """The rows of metrics.csv that name their epoch."""
        head, *lines = self._text("metrics.csv").splitlines() or [""]
        names = head.split(",")
        rows = (dict(zip(names, _numbers(line), strict=False)) for line in lines)
        return [row for row in rows if math.isfinite(row.get("epoch", math.nan))]

    @cached_property
    def state(self) -> State:
        """How it stands with the run."""
        return state_of(self)

    @property
    def model(self) -> str | None:
        """The network."""
        return self._setting("model")

    @property
    def store(self) -> str | None:
        """The folder that it learns from, as it was named."""
        return self._setting("store") or self._data.get("store")

    @property
    def seed(self) -> int | None:
        return _whole(self._setting("seed"))

    @property
    def epochs(self) -> int | None:
        """How many were asked for."""
        return _whole(self._setting("epochs"))

    @property
    def n_words(self) -> int | None:
        return _whole(self._data.get("words"))

    @property
    def n_train(self) -> int | None:
        """Drawings that it learns from."""
        return _whole(self._data.get("train"))

    @property
    def n_val(self) -> int | None:
        """Drawings that it is validated by."""
        return _whole(self._data.get("val"))

    @property
    def things(self) -> str:
        """What there is in the store: drawings, photos, pictures."""
        return self._data.get("things", "drawings")

    @cached_property
    def n_parameters(self) -> int | None:
        """Parameters of the network, frozen ones included."""
        for text in (self.log.facts.get("network", ""), self._text("summary.txt")):
            if found := _PARAMETERS.findall(text):
                return _whole(found[-1])
        return None

    @property
    def epochs_done(self) -> int:
        return int(self.rows[-1]["epoch"]) if self.rows else 0

    @cached_property
    def best(self) -> Row:
        """The row with the best validation top-1, the first of several; empty without any."""
        known = [row for row in self.rows if math.isfinite(row.get("val_top1", math.nan))]
        return max(known, key=lambda row: row["val_top1"], default={})

    @cached_property
    def usage(self) -> dict[str, Any]:
        """The content of usage.json; empty without it."""
        return self._json("usage.json")

    @cached_property
    def env(self) -> dict[str, Any]:
        """The content of env.json; empty without it."""
        return self._json("env.json")

    @cached_property
    def bundle(self) -> dict[str, Any]:
        """What the finished model says of itself; empty without one."""
        return self._json("model/config.json")

    @cached_property
    def evaluations(self) -> list[Evaluation]:
        """On validation first, then those that `doodlewise eval` has made."""
        return read_evaluations(self.path)

    @property
    def seconds(self) -> float | None:
        """Of the clock, over all times that it was begun or resumed; None if nothing is known."""
        total = figure(self.usage, "total_s")
        if total is not None:
            return total
        parts = [row.get("train_s", 0.0) + row.get("val_s", 0.0) for row in self.rows]
        known = [seconds for seconds in parts if math.isfinite(seconds)]
        return sum(known) if known else None

    @property
    def drawings_per_s(self) -> float | None:
        """In training, over all epochs."""
        seconds = seen = 0.0
        for row in self.rows:
            rate, spent = row.get("drawings_per_s", math.nan), row.get("train_s", math.nan)
            if math.isfinite(rate * spent):
                seconds, seen = seconds + spent, seen + rate * spent
        return seen / seconds if seconds else None

    @cached_property
    def ece(self) -> float | None:
        """Calibration error of the best weights on validation."""
        found = [each.ece for each in self.evaluations if each.is_of_training]
        found.append(figure(self.bundle.get("metrics"), "ece"))
        return next((value for value in found if value is not None), None)

    @cached_property
    def when(self) -> datetime | None:
        """When something was last said about it, UTC; file times if it says nothing."""
        if self.log.last is not None:
            return self.log.last
        at = self.written_at
        return None if at is None else datetime.fromtimestamp(at, UTC)

    @cached_property
    def written_at(self) -> float | None:
        """When a file was last written that a run writes while it goes on, seconds since 1970."""
        run = RunDir(self.path)
        times = []
        for path in (
            run.config,
            run.summary,
            run.log,
            run.metrics,
            run.usage,
            run.last,
            run.report,
        ):
            try:
                times.append(path.stat().st_mtime)
            except OSError:
                continue
        return max(times, default=None)

    @cached_property
    def problems(self) -> list[str]:
        """What is missing or damaged, in words; a run that has only begun lacks much with right."""
        found = []
        if not (self.path / "config.yaml").is_file():
            found.append("config.yaml is missing")
        elif self.model is None or self.store is None:
            found.append("config.yaml cannot be read")
        if not self.rows and (self.path / "metrics.csv").exists():
            found.append("metrics.csv cannot be read")
        return found

    @cached_property
    def _data(self) -> dict[str, str]:
        """What the log says about the data."""
        found = _DATA.fullmatch(self.log.facts.get("data", ""))
        return found.groupdict() if found else {}

    @cached_property
    def _config_text(self) -> str:
        return self._text("config.yaml")

    def _setting(self, name: str) -> str | None:
        """A setting that is not nested, as text, without reading all of the file as YAML.

        A list of a thousand runs wants three of them each.
        """
        found = re.search(rf"^{name}: (.*)\n(?! )", self._config_text, re.MULTILINE)
        if found and _PLAIN.fullmatch(found[1]):
            return found[1]
        value = self.config.get(name)
        return None if value is None else str(value)

    def _text(self, name: str) -> str:
        try:
            return (self.path / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def _json(self, name: str) -> dict[str, Any]:
        try:
            values = json.loads(self._text(name))
        except ValueError:
            return {}
        return values if isinstance(values, dict) else {}


def _numbers(line: str) -> list[float]:
    """The cells of a line of a table of numbers; NaN where one is none."""
    cells = line.split(",")
    try:
        return list(map(float, cells))
    except ValueError:
        return list(map(_number, cells))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _whole(text: Any) -> int | None:
    try:
        return int(str(text).replace(",", ""))
    except ValueError:
        return None
