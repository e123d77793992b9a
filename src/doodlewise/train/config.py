"""All settings of a training run: the Python arguments, the YAML file, the flags and their help.

Every setting is a field here, once. `config.yaml` in a run folder is this, written out, and starts
the same run again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_type_hints

import msgspec
import yaml

from ..augment import Augment
from ..errors import ConfigError, did_you_mean
from ..files import write_text
from ..raster import RenderSpec

__all__ = ["Optim", "TrainConfig", "load_config", "save_config", "setting"]

Schedule = Literal["cosine", "onecycle", "constant"]
Precision = Literal["auto", "32-true", "bf16-mixed", "16-mixed"]


def setting(default: Any, help: str, *, flag: str | None = None) -> Any:
    """A field with its help text, and its flag on the command line if it has one."""
    metadata = {"help": help, "flag": flag}
    if default is MISSING:
        return field(metadata=metadata)
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Optim:
    """How the weights change: AdamW, with warm-up and a schedule."""

    lr: float = setting(4e-3, "highest learning rate", flag="--lr")
    weight_decay: float = setting(
        0.05, "weight decay, not on biases and norms", flag="--weight-decay"
    )
    schedule: Schedule = setting("cosine", "of the learning rate: cosine, onecycle or constant", flag="--schedule")
    warmup: float = setting(0.1, "share of all steps in which the learning rate rises")
    label_smoothing: float = setting(0.1, "share of the target given to all the other classes")
    clip: float = setting(1.0, "largest norm of the gradient; 0 is no limit")
    ema: float = setting(0.998, "decay of the running mean of the weights; 0 is off")

    def __post_init__(self) -> None:
        _require(self.lr > 0, f"optim.lr is {self.lr}; choose a number above 0, such as 1e-3.")
        _require(self.weight_decay >= 0, "optim.weight_decay is negative; choose 0 or more.")
        _require(0 <= self.warmup < 1, "optim.warmup is a share; choose 0 to 0.9.")
        _require(0 <= self.label_smoothing < 1, "optim.label_smoothing is a share; choose 0 to 0.9.")
        _require(self.clip >= 0, "optim.clip is negative; choose 0 (no limit) or more.")
        _require(0 <= self.ema < 1, "optim.ema is a decay; choose 0 (off) to 0.9999.")


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """A training run.

    Raises:
        ConfigError: an impossible value.
    """

    store: str = setting(MISSING, "the store to learn from")
    model: str = setting("convnet_tiny", "network; see `doodlewise models list`", flag="--model")
    epochs: int = setting(10, "passes over the training drawings", flag="--epochs")
    batch_size: int = setting(256, "drawings in a step, over all devices", flag="--batch-size")
    name: str = setting("", "name of the run; model and time when empty", flag="--name")
    runs: str = setting("runs", "folder of all runs", flag="--runs")
    seed: int = setting(0, "of weights, order and variation", flag="--seed")
    device: str = setting("auto", "where to train: auto, cpu, cuda or mps", flag="--device")
    devices: int = setting(1, "how many of them", flag="--devices")
    precision: Precision = setting(
        "auto", "of the arithmetic: auto, 32-true, bf16-mixed or 16-mixed", flag="--precision"
    )
    patience: int = setting(
        0,
        "stop after this many epochs without a better validation top-1; 0 never",
        flag="--patience",
    )
    optim: Optim = setting(Optim, "how the weights change")
    render: RenderSpec = setting(RenderSpec, "how strokes become pixels; strokes stores only")
    augment: Augment = setting(Augment, "how drawings vary; strokes stores only")

    def __post_init__(self) -> None:
        _require(bool(self.store), "store is empty; name the folder of a store.")
        _require(self.epochs >= 1, f"epochs is {self.epochs}; choose 1 or more.")
        _require(self.batch_size >= 1, f"batch_size is {self.batch_size}; choose 1 or more.")
        _require(self.devices >= 1, f"devices is {self.devices}; choose 1 or more.")
        _require(
            self.batch_size % self.devices == 0,
            f"batch_size {self.batch_size} cannot be shared evenly by {self.devices} devices."
            f" Choose a multiple of {self.devices}.",
        )
        _require(self.patience >= 0, "patience is negative; choose 0 (never stop early) or more.")
        _require(self.seed >= 0, "seed is negative; choose 0 or more.")
        _require(
            "/" not in self.name and "\\" not in self.name and self.name not in (".", ".."),
            f"name is '{self.name}'; a name is no path. Use --runs for the folder.",
        )

    def with_values(self, values: Mapping[str, Any]) -> TrainConfig:
        """A copy with some settings changed, nested ones by dots: `{"optim.lr": 1e-3}`.

        Raises:
            ConfigError: no such setting, or a value of the wrong type.
        """
        config = self
        for key, value in values.items():
            config = _with_value(config, key.split("."), value, key)
        return config

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def load_config(path: Path) -> dict[str, Any]:
    """The settings in a YAML file, as `{"epochs": 5, "optim.lr": 1e-3}`.

    Raises:
        ConfigError: no file, no YAML, or not a table of settings.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"There is no readable file {path}. Check the path.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {error}. Mend it, or start from a run's.") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds no settings. Write lines such as `epochs: 5`.")
    return dict(_flattened(values))


def save_config(config: TrainConfig, path: Path) -> None:
    """Write a file that `load_config` reads."""
    text = yaml.safe_dump(config.to_dict(), sort_keys=False, allow_unicode=True)
    write_text(path, f"# doodlewise train --config {path.name} starts this run again.\n{text}")


def all_settings(kind: type = TrainConfig, prefix: str = "") -> dict[str, Field[Any]]:
    """Every setting by its dotted name."""
    found: dict[str, Field[Any]] = {}
    hints = get_type_hints(kind)
    for part in fields(kind):
        if is_dataclass(hints[part.name]):
            found |= all_settings(hints[part.name], f"{prefix}{part.name}.")
        else:
            found[prefix + part.name] = part
    return found


def type_of(name: str) -> Any:
    """Type of a setting, by its dotted name."""
    kind: Any = TrainConfig
    for part in name.split("."):
        kind = get_type_hints(kind)[part]
    return kind


def _with_value(config: Any, path: list[str], value: Any, key: str) -> Any:
    name, *inner = path
    if not is_dataclass(config) or name not in {part.name for part in fields(config)}:
        known = all_settings()
        near = did_you_mean(key, known) or did_you_mean(path[-1], known)
        raise ConfigError(f"There is no setting '{key}'.{near} See: doodlewise train --help")
    if inner:
        value = _with_value(getattr(config, name), inner, value, key)
    else:
        try:
            value = msgspec.convert(_number(value), get_type_hints(type(config))[name], strict=False)
        except msgspec.ValidationError as error:
            raise ConfigError(f"{key} is {value!r}: {error}. See: doodlewise train --help") from None
    return replace(config, **{name: value})


def _number(value: Any) -> Any:
    """YAML reads 1e-3 as text; a setting that looks like a number is one."""
    if isinstance(value, str):
        try:
            return float(value) if any(c in value for c in ".eE") else int(value)
        except ValueError:
            return value
    return value


def _flattened(values: Mapping[str, Any], prefix: str = "") -> Any:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConfigError(message)
