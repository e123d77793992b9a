"""Settings as a file that people write: checked line by line, and made with a comment on each.

Reading one for training is `config.load_config`. This finds everything that is wrong with it at
once, and where, and says where each setting came from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_type_hints

import yaml

from ..errors import ConfigError, did_you_mean
from .config import TrainConfig, all_defaults, all_settings, type_of

__all__ = ["Problem", "check_file", "commented", "lines_of"]

STORE = "stores/NAME"
HEAD = """\
# Settings of a training run. Start it by: doodlewise train --config {name}
# What is left out is as usual; a setting on the command line (--set optim.lr=1e-3) counts more.
"""
COMMENT_AT = 29
"""Column before the comments, where what is before them is not longer."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a file of settings.

    Attributes:
        line: where, counted from 1.
        message: what, and what to do.
    """

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class _Given:
    """A setting in a file, by its dotted name, with its value as it is written there."""

    name: str
    value: Any
    text: str
    line: int


def check_file(path: Path) -> list[Problem]:
    """Everything that is wrong in a file of settings, by line; nothing if it can be used.

    A store need not be there, and need not be named: it may be on another machine.

    Raises:
        ConfigError: the file cannot be read.
    """
    problems: list[Problem] = []
    given = list(_read(path, problems))
    _find_repeated(given, problems)
    by_name = {each.name: each for each in given}
    _find_impossible(by_name, problems)
    if "model" in by_name:
        _find_unknown_network(by_name["model"], problems)
    return sorted(problems, key=lambda each: each.line)


def lines_of(path: Path) -> dict[str, int]:
    """In which line of a file each setting is, by its dotted name; the last one counts.

    Raises:
        ConfigError: the file cannot be read.
    """
    return {each.name: each.line for each in _read(path, [])}


def commented(values: Mapping[str, Any], name: str) -> str:
    """The content of a YAML file with all settings, and what each of them is.

    Args:
        values: by dotted name; settings that are not among them are as usual. Without a store, its
            line is a comment.
        name: of the file.
    """
    usual = all_defaults()
    parts = [HEAD.format(name=name)]
    group = ""
    for key, part in all_settings().items():
        inside, _, last = key.rpartition(".")
        if inside != group:
            group = inside
            parts.append(f"\n{f'{group}:':{COMMENT_AT}} # {_help_of(group)}")
        value = values.get(key, usual.get(key))
        if key == "store" and not value:
            last, value = "# store", STORE
        line = f"{'  ' * bool(inside)}{last}: {_as_yaml(value)}"
        parts.append(f"{line:{COMMENT_AT}} # {part.metadata['help']}")
    return "\n".join(parts) + "\n"


def _help_of(group: str) -> str:
    """What a group of settings is about."""
    return str(TrainConfig.__dataclass_fields__[group].metadata["help"])


def _as_yaml(value: Any) -> str:
    plain = list(value) if isinstance(value, tuple) else value
    text = yaml.safe_dump(plain, default_flow_style=True, allow_unicode=True, width=10**6)
    return text.removesuffix("...\n").strip()


def _read(path: Path, problems: list[Problem]) -> Iterator[_Given]:
    """The settings in a file, in its order; what is no setting becomes a problem."""
    file = path / "config.yaml" if path.is_dir() else path
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"There is no readable file {file}. Check the path.") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        problems.append(Problem(line, "This is no text in UTF-8. Save it as such."))
        return
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            problems.append(Problem(1, "It holds no settings. Write lines such as `epochs: 5`."))
            return
        yield from _walk(loader, node, "", problems)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = " ".join(filter(None, (error.context, error.problem)))
        problems.append(
            Problem(mark.line + 1 if mark else 1, f"This is not YAML: {said}. Mend it.")
        )
    except yaml.YAMLError as error:
        problems.append(Problem(1, f"This is not YAML: {error}. Mend it."))
    finally:
        loader.dispose()


def _walk(
    loader: yaml.SafeLoader, node: yaml.MappingNode, prefix: str, problems: list[Problem]
) -> Iterator[_Given]:
    known, groups = all_settings(), _groups()
    loader.flatten_mapping(node)
    for key_node, value_node in node.value:
        name = f"{prefix}{loader.construct_object(key_node, deep=True)}"
        line = key_node.start_mark.line + 1
        if name in groups and isinstance(value_node, yaml.MappingNode):
            yield from _walk(loader, value_node, f"{name}.", problems)
        elif name in groups:
            problems.append(
                Problem(line, f"{name} is a group. Write its settings below it, indented.")
            )
        elif name in known:
            text = value_node.value if isinstance(value_node, yaml.ScalarNode) else ""
            yield _Given(name, loader.construct_object(value_node, deep=True), text, line)
        else:
            problems.append(Problem(line, _unknown(name, {*known, *groups})))


def _groups() -> list[str]:
    """Settings that are groups of settings."""
    return [name for name, kind in get_type_hints(TrainConfig).items() if is_dataclass(kind)]


def _unknown(name: str, known: set[str]) -> str:
    last = name.rpartition(".")[2]
    same = [f"'{each}'" for each in sorted(known) if each.rpartition(".")[2] == last]
    near = f" Did you mean {' or '.join(same)}?" if same else did_you_mean(name, sorted(known))
    return f"There is no setting '{name}'.{near} See all: doodlewise config show"


def _find_repeated(given: list[_Given], problems: list[Problem]) -> None:
    before: dict[str, int] = {}
    for each in given:
        if each.name in before:
            problems.append(
                Problem(
                    each.line,
                    f"{each.name} is in line {before[each.name]} already. Delete one of them.",
                )
            )
        before[each.name] = each.line


def _find_impossible(given: Mapping[str, _Given], problems: list[Problem]) -> None:
    """Values that cannot be: each is looked at beside those that can be, then all together."""
    values = {name: each.value for name, each in given.items()}
    good = {name: value for name, value in values.items() if _problem({name: value}) is None}
    for name in values.keys() - good.keys():
        said = _problem({**good, name: values[name]})
        if said is None:
            # It fits what else is in the file, though not what is usual.
            good[name] = values[name]
        else:
            problems.append(Problem(given[name].line, said + _hint(given[name])))
    while said := _problem(good):
        named = [name for name in good if re.search(rf"\b{re.escape(name)}\b", said)]
        problems.append(Problem(max((given[name].line for name in named), default=1), said))
        for name in named or list(good):
            del good[name]


def _problem(values: Mapping[str, Any]) -> str | None:
    """What is wrong with settings; None if nothing is."""
    values = {name: value for name, value in values.items() if name != "store" or value != ""}
    try:
        TrainConfig(store=STORE).with_values(values)
    except ConfigError as error:
        return str(error).removesuffix(" See: doodlewise train --help")
    return None


def _hint(given: _Given) -> str:
    """What to write where YAML has taken text for something else."""
    if type_of(given.name) is str and isinstance(given.value, bool | int | float):
        return f" Put it in quotes: {given.name.rpartition('.')[2]}: '{given.text}'"
    return ""


def _find_unknown_network(given: _Given, problems: list[Problem]) -> None:
    model = given.value
    is_usual = model == all_defaults()["model"]
    if not isinstance(model, str) or is_usual or ":" in model or not find_spec("torch"):
        return
    from ..models.registry import list_models

    known = list_models()
    if model not in known:
        near = did_you_mean(model, known)
        said = f"There is no network '{model}'.{near} See: doodlewise models list"
        problems.append(Problem(given.line, said))
