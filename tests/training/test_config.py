from __future__ import annotations

import math
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import pytest

from doodlewise.errors import ConfigError
from doodlewise.training.config import (
    Optim,
    TrainConfig,
    all_defaults,
    all_settings,
    load_config,
    save_config,
    type_of,
)

BASE = TrainConfig(store="stores/a10")


def test_yaml_there_and_back(tmp_path: Path) -> None:
    config = BASE.with_values(
        {
            "name": "123",
            "runs": "läufe",
            "seed": 2**62,
            "optim.lr": 3e-5,
            "optim.schedule": "onecycle",
            "render.side": 64,
            "augment.mirror": 0,
            "precision": "bf16-mixed",
        }
    )
    save_config(config, tmp_path / "config.yaml")
    values = load_config(tmp_path / "config.yaml")
    assert values["optim.lr"] == 3e-5
    again = TrainConfig(store=values.pop("store")).with_values(values)
    assert again == config
    assert "--config config.yaml" in (tmp_path / "config.yaml").read_text().splitlines()[0]


def test_every_setting_is_in_the_file_by_its_name(tmp_path: Path) -> None:
    save_config(BASE, tmp_path / "config.yaml")
    assert load_config(tmp_path / "config.yaml").keys() == all_settings().keys()


def test_every_setting_has_help_and_a_type() -> None:
    settings = all_settings()
    assert {"store", "epochs", "optim.lr", "render.side", "augment.rotate"} <= settings.keys()
    for name, part in settings.items():
        assert len(part.metadata["help"]) > 5, name
        assert type_of(name) is not None
        assert not is_dataclass(type_of(name)), name


def test_no_flag_is_given_twice() -> None:
    flags = [part.metadata.get("flag") for part in all_settings().values()]
    given = [flag for flag in flags if flag]
    assert len(given) == len(set(given)) > 10


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("epochs", "5", 5),
        ("optim.lr", "1e-3", 0.001),
        ("optim.lr", 1, 1.0),
        ("optim.clip", "0", 0.0),
        ("name", "2024", "2024"),
        ("name", "1e5", "1e5"),
        ("runs", Path("a") / "b", str(Path("a") / "b")),
        ("optim.schedule", "constant", "constant"),
        ("pretrained", "yes", True),
        ("pretrained", "Off", False),
        ("pretrained", "true", True),
        ("pixels.rotate", "none", None),
        ("pixels.rotate", "null", None),
        ("pixels.rotate", "3", 3.0),
        ("freeze_until", "none", "none"),
    ],
)
def test_values_as_text_become_what_the_setting_wants(key: str, value: Any, found: Any) -> None:
    got: Any = BASE.with_values({key: value})
    for part in key.split("."):
        got = getattr(got, part)
    assert got == found
    assert type(got) is type(found)


def test_nested_settings_keep_their_neighbours() -> None:
    config = BASE.with_values({"optim.ema": 0.5}).with_values({"optim": {"lr": 0.1}})
    assert config.optim == Optim(lr=0.1, ema=0.5)
    assert BASE.optim == Optim()
    assert BASE.with_values({"optim": Optim(clip=3.0)}).optim.clip == 3.0


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("epoch", "epochs"),
        ("batchsize", "batch_size"),
        ("lr", "optim.lr"),
        ("optim.lrr", "optim.lr"),
        ("optimm.lr", "optim.lr"),
        ("rotate", "augment.rotate"),
        ("render.sid", "render.side"),
    ],
)
def test_unknown_settings_are_answered_with_the_nearest(key: str, nearest: str) -> None:
    with pytest.raises(ConfigError, match=f"There is no setting '{key}'.*'{nearest}'") as raised:
        BASE.with_values({key: 1})
    assert str(raised.value).endswith("See: doodlewise train --help")


def test_a_key_deep_in_a_dictionary_is_checked_too() -> None:
    with pytest.raises(ConfigError, match=r"no setting 'optim\.momentum'"):
        BASE.with_values({"optim": {"momentum": 0.9}})
    with pytest.raises(ConfigError, match=r"no setting 'optim\.lr\.max'"):
        BASE.with_values({"optim.lr.max": 0.9})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epochs", 1.5),
        ("epochs", "many"),
        ("epochs", True),
        ("epochs", None),
        ("optim.lr", "fast"),
        ("optim", 3),
        ("name", 3),
        ("render.side", "28 px"),
        ("pretrained", "perhaps"),
        ("epochs", "none"),
        ("pixels.rotate", "far"),
    ],
)
def test_values_of_the_wrong_type(key: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"{key} is {value!r}: .*See: doodlewise train --help"):
        BASE.with_values({key: value})


@pytest.mark.parametrize(("key", "choice"), [("optim.schedule", "onecycle"), ("precision", "auto")])
def test_a_wrong_choice_names_the_choices(key: str, choice: str) -> None:
    with pytest.raises(ConfigError, match=f"{key} is 'fancy'.*Choose .*{choice}"):
        BASE.with_values({key: "fancy"})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("store", ""),
        ("epochs", 0),
        ("batch_size", 0),
        ("batch_size", -4),
        ("devices", 0),
        ("device", "gpu"),
        ("patience", -1),
        ("seed", -1),
        ("seed", 2**63),
        ("name", "a/b"),
        ("name", "a\\b"),
        ("name", ".."),
        ("optim.lr", 0.0),
        ("optim.lr", -1.0),
        ("optim.lr", math.nan),
        ("optim.lr", math.inf),
        ("optim.weight_decay", -0.1),
        ("optim.weight_decay", math.inf),
        ("optim.warmup", 1.0),
        ("optim.label_smoothing", 1.0),
        ("optim.clip", -1.0),
        ("optim.clip", math.nan),
        ("optim.ema", 1.0),
        ("optim.ema", -0.1),
        ("render.side", 4),
        ("render.line_width", 0.0),
        ("augment.drop", 1.5),
        ("augment.rotate", -1.0),
    ],
)
def test_impossible_values_are_refused_by_their_name(key: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=key.rpartition(".")[2]) as raised:
        BASE.with_values({key: value})
    assert str(raised.value).endswith(".")


def test_a_batch_is_shared_evenly() -> None:
    with pytest.raises(
        ConfigError, match=r"batch_size 10 .* by 4 devices\. Choose a multiple of 4"
    ):
        TrainConfig(store="s", batch_size=10, devices=4)
    assert TrainConfig(store="s", batch_size=12, devices=4).devices == 4


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no readable file .*my\.yaml"):
        load_config(tmp_path / "my.yaml")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"epochs: [1", "is not YAML"),
        (b"\xff\xfe\x00", "is not YAML"),
        (b"", "holds no settings"),
        (b"- epochs", "holds no settings"),
        (b"epochs", "holds no settings"),
    ],
)
def test_a_file_that_holds_no_settings(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        load_config(tmp_path / "my.yaml")


def test_dots_and_nesting_are_the_same_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_text("epochs: 5\noptim.ema: 0\noptim:\n  lr: 1e-3\n")
    values = load_config(tmp_path / "my.yaml")
    assert values == {"epochs": 5, "optim.ema": 0, "optim.lr": "1e-3"}
    assert BASE.with_values(values).optim.lr == 0.001


def test_the_folder_of_a_run_stands_for_its_file(tmp_path: Path) -> None:
    save_config(BASE, tmp_path / "config.yaml")
    assert load_config(tmp_path) == load_config(tmp_path / "config.yaml")


def test_every_setting_but_the_store_has_a_value_of_its_own() -> None:
    assert TrainConfig(store="s").with_values(all_defaults()) == TrainConfig(store="s")
    assert all_settings().keys() - all_defaults().keys() == {"store"}
