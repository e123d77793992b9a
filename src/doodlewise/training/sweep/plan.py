"""What a sweep is to do: settings that stay, settings that vary, how often. Kept in its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ...errors import ConfigError, RunError
from ...files import write_text
from ..config import TrainConfig, all_settings
from .space import (
    Axis,
    Choices,
    Range,
    combinations,
    parse_search,
    setting_name,
    spelled,
    to_axis,
    value_of,
)

__all__ = ["Plan", "load_plan", "make_plan", "merged", "save_plan"]

FILE = "config.yaml"
ANYWHERE = ("name", "runs", "device", "devices", "launcher", "num_workers", "cache", "log")
"""Settings that say where and under which name a run happens: two trials may differ in them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A sweep.

    Attributes:
        base: the settings of every trial, but for what varies.
        axes: what varies, by dotted name.
        trials: how many settings a search tries; 0 for a grid, which tries all.
        seeds: runs of every setting, with the seeds from `base.seed` on.
        prune: whether trials that fall behind are ended early.
        drawings: by which the store's content is known again; empty if it was not looked at.
    """

    base: TrainConfig
    axes: dict[str, Axis]
    trials: int = 0
    seeds: int = 1
    prune: bool = False
    drawings: str = ""

    @property
    def is_search(self) -> bool:
        return self.trials > 0

    @property
    def n_settings(self) -> int:
        return self.trials or len(list(combinations(self.axes)))

    @property
    def n_trials(self) -> int:
        return self.n_settings * self.seeds

    def grid(self) -> list[tuple[dict[str, Any], int]]:
        """Setting and seed of every trial: all settings once before any is repeated."""
        return [
            (setting, self.base.seed + number)
            for number in range(self.seeds)
            for setting in combinations(self.axes)
        ]

    def setting_of(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A setting with all that varies; what it leaves out is as in the base."""
        return {name: values.get(name, value_of(self.base, name)) for name in self.axes}

    def key(self, values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
        """By which the same setting is known again."""
        return tuple(
            sorted((name, repr(_plain(value))) for name, value in self.setting_of(values).items())
        )


def make_plan(
    base: TrainConfig,
    *,
    grid: Mapping[str, Any] | None = None,
    search: str | Mapping[str, Any] | None = None,
    trials: int = 0,
    seeds: int = 1,
    prune: bool = False,
) -> Plan:
    """A plan from what people write.

    Args:
        base: settings of every trial.
        grid: setting to its values: a list, or text with commas.
        search: setting to what is searched, or all of it as text.
        trials: settings that a search tries.
        seeds: runs of every setting.
        prune: whether trials that fall behind are ended early.

    Raises:
        ConfigError: it makes no sense; the message says what would.
    """
    axes: dict[str, Axis] = {}
    for name, values in (grid or {}).items():
        axes[_new(setting_name(name), axes)] = to_axis(setting_name(name), values, base)
    if isinstance(search, str):
        search = parse_search(search, base)
    for name, values in (search or {}).items():
        axes[_new(setting_name(name), axes)] = to_axis(setting_name(name), values, base)
    if search and trials < 1:
        raise ConfigError("A search needs to know how long: --trials 30, say.")
    if trials and not search:
        raise ConfigError(
            'A grid tries every combination, so --trials has no meaning. Search with --search "'
            'lr=log:1e-4..3e-2", or leave --trials out.'
        )
    if not axes:
        raise ConfigError(
            "There is nothing to try. List values, such as --lr 1e-2,1e-3 --batch-size 64,256, or"
            ' search: --search "lr=log:1e-4..3e-2" --trials 30.'
        )
    if seeds < 1:
        raise ConfigError(f"seeds is {seeds}; choose 1 or more.")
    if not search and any(isinstance(axis, Range) for axis in axes.values()):
        raise ConfigError("A range is for a search: put it into --search, with --trials 30, say.")
    return Plan(base.with_values({"name": "", "runs": "runs"}), axes, trials, seeds, prune)


def merged(old: Plan, new: Plan, folder: Path) -> Plan:
    """The plan that goes on in the folder of an older one.

    Everything may be added to a grid; what is compared must be comparable.

    Raises:
        ConfigError: another store, another network or another setting than before.
    """
    another = "Give this one another --name, or begin with what is there:"
    command = f"doodlewise sweep {folder}"
    if old.is_search != new.is_search:
        kinds = ("search", "grid") if old.is_search else ("grid", "search")
        raise ConfigError(f"{folder} is a {kinds[0]}, not a {kinds[1]}. {another} {command}")
    differences = _differences(old, new)
    if differences:
        raise ConfigError(
            f"{folder} holds trials of another kind: {', '.join(differences)}. {another} {command}"
        )
    if new.is_search and old.axes != new.axes:
        raise ConfigError(
            f"{folder} searches {_spelled_space(old.axes)}, not {_spelled_space(new.axes)}."
            f" {another} {command}"
        )
    # What varied before is fixed now, or the other way round: both are told apart from here on.
    axes = {
        **new.axes,
        **{name: Choices((value_of(new.base, name),)) for name in old.axes if name not in new.axes},
    }
    base = old.base.with_values({name: value_of(new.base, name) for name in ANYWHERE})
    base = base.with_values({"store": new.base.store})
    return Plan(base, axes, new.trials, new.seeds, new.prune, new.drawings)


def save_plan(plan: Plan, folder: Path) -> None:
    """Write the folder's config.yaml."""
    axes = {
        name: list(axis.values) if isinstance(axis, Choices) else str(axis)
        for name, axis in plan.axes.items()
    }
    values: dict[str, Any] = {"vary": _plain(axes)}
    if plan.is_search:
        values["trials"] = plan.trials
    values |= {"seeds": plan.seeds, "prune": plan.prune, "drawings": plan.drawings}
    values["settings"] = _plain(plan.base.to_dict())
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    write_text(folder / FILE, f"# doodlewise sweep {folder} goes on with this.\n{text}")


def load_plan(folder: Path) -> Plan:
    """Read the plan of a folder.

    Raises:
        RunError: it is no folder of a sweep.
    """
    try:
        values = yaml.safe_load((folder / FILE).read_text(encoding="utf-8"))
        base = TrainConfig(store=values["settings"]["store"]).with_values(values["settings"])
        axes = {name: to_axis(name, given, base) for name, given in values["vary"].items()}
        return Plan(
            base,
            axes,
            trials=values.get("trials", 0),
            seeds=values["seeds"],
            prune=values["prune"],
            drawings=values.get("drawings", ""),
        )
    except (OSError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise RunError(
            f"{folder} is no folder of a sweep. Begin one: doodlewise sweep STORE --lr 1e-2,1e-3"
        ) from error


def _differences(old: Plan, new: Plan) -> list[str]:
    """In what trials of one plan and of the other could not be compared."""
    found = []
    if Path(old.base.store).resolve() != Path(new.base.store).resolve():
        found.append(f"store {new.base.store} instead of {old.base.store}")
    elif old.drawings and new.drawings and old.drawings != new.drawings:
        found.append(f"{new.base.store} has other drawings by now")
    ignored = {*old.axes, *new.axes, *ANYWHERE, "store"}
    for name in all_settings():
        before, now = value_of(old.base, name), value_of(new.base, name)
        if name not in ignored and before != now:
            found.append(f"{name} {spelled(now)} instead of {spelled(before)}")
    return found


def _new(name: str, axes: Mapping[str, Axis]) -> str:
    if name in axes:
        raise ConfigError(f"{name} is to vary twice. Leave one of them out.")
    return name


def _spelled_space(axes: Mapping[str, Axis]) -> str:
    return " ".join(f"{name}={axis}" for name, axis in axes.items())


def _plain(value: Any) -> Any:
    """Without tuples, which YAML would write as Python's own."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
