from __future__ import annotations

import re
import typing
from pathlib import Path
from types import NoneType, UnionType
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doodlewise.errors import ConfigError
from doodlewise.training.config import (
    TrainConfig,
    all_defaults,
    all_settings,
    load_config,
    save_config,
    type_of,
)
from doodlewise.training.config_file import check_file, commented, lines_of
from doodlewise.training.runs.spell import written

ROOT = Path(__file__).parents[2]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def values_for(kind: Any, name: str) -> st.SearchStrategy[Any]:
    """Values of a type of settings, possible ones or not."""
    if name == "render.channels":
        return st.sampled_from([("ink",), ("ink", "order"), ("ink", "order", "time")])
    if name == "log":
        return st.sampled_from(["csv", "csv,tensorboard"])
    if typing.get_origin(kind) is typing.Literal:
        return st.sampled_from(typing.get_args(kind))
    if isinstance(kind, UnionType):
        return st.one_of(values_for(each, name) for each in typing.get_args(kind))
    return {
        NoneType: st.none(),
        str: TEXT,
        bool: st.booleans(),
        int: st.integers(0, 2**63 - 1) | st.integers(1, 512),
        float: st.floats() | st.floats(0, 1),
    }[kind]


def possible(values: dict[str, Any]) -> TrainConfig:
    """A configuration with those of the values that can be."""
    config = TrainConfig(store="stores/a10")
    for name, value in values.items():
        try:
            config = config.with_values({name: value})
        except ConfigError:
            continue
    return config


def read(path: Path) -> TrainConfig:
    values = load_config(path)
    return TrainConfig(store=values.pop("store")).with_values(values)


CONFIGS = st.fixed_dictionaries(
    {}, optional={name: values_for(type_of(name), name) for name in all_settings()}
).map(possible)
QUICKLY = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@QUICKLY
@given(config=CONFIGS)
def test_every_setting_there_and_back(config: TrainConfig, tmp_path: Path) -> None:
    path = tmp_path / "train.yaml"
    save_config(config, path)
    assert read(path) == config
    flat = load_config(path)
    path.write_text(commented(flat, path.name), encoding="utf-8")
    assert read(path) == config
    usual = all_defaults()["model"]
    path.write_text(commented(flat | {"model": usual}, path.name), encoding="utf-8")
    assert check_file(path) == []


@QUICKLY
@given(config=CONFIGS)
def test_what_is_shown_can_be_given_on_the_command_line(config: TrainConfig) -> None:
    again = TrainConfig(store="s")
    for name in all_settings():
        value: Any = config
        for part in name.split("."):
            value = getattr(value, part)
        if isinstance(value, str) and value != value.strip():
            continue  # --set takes off the blanks around a value
        try:
            given_back = again.with_values({name: written(value)})
        except ConfigError:
            continue  # it fits only beside others, such as devices beside batch_size
        for part in name.split("."):
            given_back = getattr(given_back, part)
        assert given_back == value


def check(text: str, tmp_path: Path) -> list[tuple[int, str]]:
    (tmp_path / "my.yaml").write_text(text, encoding="utf-8")
    return [(each.line, each.message) for each in check_file(tmp_path / "my.yaml")]


def test_all_that_is_wrong_is_found_at_once_with_its_line(tmp_path: Path) -> None:
    found = check(
        """\
store: stores/x
model: convnet_tinny
epoch: 5
epochs: many
batch_size: 0
name: 2024
runs: on
optim:
  lr: 1e-3
  lrr: 3
  schedule: fancy
optim.lr: 3e-4
optimm:
  lr: 4
render: 28
rotate: 5
pixels:
  rotate: [1]
  preset: none
augment:
  drop: 2
  mirror: yes
device: gpu
log: csv,tensorbord
""",
        tmp_path,
    )
    said = "\n".join(f"{line}: {message}" for line, message in found)
    for pattern in (
        r"^2: There is no network 'convnet_tinny'\. Did you mean 'convnet_tiny'",
        r"^3: There is no setting 'epoch'\. Did you mean 'epochs'\?",
        r"^4: epochs is 'many': ",
        r"^5: batch_size is 0; choose 1 or more\.",
        r"^6: name is 2024: .*Put it in quotes: name: '2024'",
        r"^7: runs is True: .*Put it in quotes: runs: 'on'",
        r"^10: There is no setting 'optim\.lrr'\. Did you mean 'optim\.lr'",
        r"^11: optim\.schedule is 'fancy': .*Choose cosine, onecycle, constant\.",
        r"^12: optim\.lr is in line 9 already\. Delete one of them\.",
        r"^13: There is no setting 'optimm'\. Did you mean 'optim'",
        r"^15: render is a group\. Write its settings below it, indented\.",
        r"^16: There is no setting 'rotate'\. Did you mean 'augment\.rotate' or 'pixels\.rotate'\?",
        r"^18: pixels\.rotate is \[1\]: ",
        r"^19: pixels\.preset is 'none': .*Choose auto, photo",
        r"^21: augment\.drop is 2\.0; it is at most 1\.",
        r"^22: augment\.mirror is True: ",
        r"^23: There is no device 'gpu'\. Choose auto, cpu, cuda or mps\.",
        r"^24: log names 'tensorbord', .*Did you mean 'tensorboard'\?",
    ):
        assert re.search(pattern, said, re.M), pattern
    assert len(found) == 18
    assert [line for line, _ in found] == sorted(line for line, _ in found)


def test_settings_that_do_not_fit_each_other(tmp_path: Path) -> None:
    assert check("devices: 3\nbatch_size: 255\n", tmp_path) == []
    ((line, message),) = check("batch_size: 250\nepochs: 3\ndevices: 3\n", tmp_path)
    assert line == 3
    assert "cannot be shared evenly by 3 devices. Choose a multiple of 3." in message
    ((line, message),) = check("epochs: 3\ndevices: 3\n", tmp_path)
    assert (line, message[:16]) == (2, "batch_size 256 c")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("epochs: 3\na: [1\n", 3, "not YAML: while parsing a flow sequence"),
        ("epochs: 3\n\tlr: 1", 2, "not YAML"),
        ("- epochs", 1, "holds no settings"),
        ("", 1, "holds no settings"),
        ("epochs: 3\n---\nepochs: 4", 2, "expected a single document"),
        ("epochs: !!python/object:os.system 5", 1, "could not determine a constructor"),
        ("epochs: 1\nepochs: 2", 2, "in line 1 already"),
        ("? [1, 2]\n: 3", 1, "no setting '[1, 2]'"),
    ],
)
def test_files_that_are_no_settings(text: str, line: int, said: str, tmp_path: Path) -> None:
    found = check(text, tmp_path)
    assert found[0][0] == line
    assert said in found[0][1]
    assert all(message.endswith((".", "config show")) for _, message in found)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no readable file"):
        check_file(tmp_path / "nowhere.yaml")
    (tmp_path / "my.yaml").write_bytes(b"epochs: 3\nname: \xff")
    (problem,) = check_file(tmp_path / "my.yaml")
    assert (problem.line, "UTF-8" in problem.message) == (2, True)


def test_anchors_and_merged_keys_are_followed(tmp_path: Path) -> None:
    text = "augment: &mild\n  rotate: 5\n  mirror: 0\npixels:\n  <<: *mild\n  flip: 2\n"
    ((line, message),) = check(text, tmp_path)
    assert line == 6
    assert message.startswith("pixels.flip is 2.0")


def test_a_store_need_not_be_there_or_named(tmp_path: Path) -> None:
    assert check("store: stores/not-on-this-machine\n", tmp_path) == []
    assert check("store: ''\nepochs: 2\n", tmp_path) == []


def test_where_settings_come_from(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("epochs: 3\noptim:\n\n  lr: 1e-3\nepochs: 4\n")
    assert lines_of(tmp_path) == {"epochs": 5, "optim.lr": 4}


def test_a_written_file_says_what_everything_is() -> None:
    text = commented({"optim.lr": 3e-4}, "train.yaml")
    for name, part in all_settings().items():
        help = re.escape(part.metadata["help"])
        assert re.search(rf"^ *(# )?{name.rpartition('.')[2]}: .* # {help}$", text, re.M), name
    assert yaml.safe_load(text)["optim"]["lr"] == 3e-4
    assert "store" not in yaml.safe_load(text)
    assert yaml.safe_load(commented({"store": "stores/a"}, "x"))["store"] == "stores/a"


def documented() -> list[tuple[str, str]]:
    """Every YAML of settings in the project: files, and blocks of the docs."""
    files = [*ROOT.glob("examples/**/*.y*ml"), *ROOT.glob("docs/**/*.y*ml")]
    found = [(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")) for path in files]
    for page in [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]:
        blocks = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
        found += [(f"{page.name} {number}", text) for number, text in enumerate(blocks, 1)]
    return found


@pytest.mark.parametrize(("name", "text"), documented(), ids=lambda value: str(value)[:40])
def test_every_file_of_settings_in_the_project_is_right(
    name: str, text: str, tmp_path: Path
) -> None:
    assert check(text, tmp_path) == [], name
