"""All settings of a training run: the Python arguments, the YAML file, the flags and their help.

Every setting is a field here, once. `config.yaml` in a run folder is this, written out, and starts
the same run again.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import MISSING, Field, asdict, dataclass, field, fields, is_dataclass, replace
from functools import cache
from pathlib import Path, PurePath
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
import yaml

from ..augment import Augment, PixelAugment
from ..errors import ConfigError, did_you_mean
from ..files import write_text
from ..raster import RenderSpec

__all__ = [
    "Optim",
    "TrainConfig",
    "all_defaults",
    "all_settings",
    "load_config",
    "save_config",
    "setting",
    "type_of",
]

Schedule = Literal["cosine", "onecycle", "constant"]
Precision = Literal["auto", "32-true", "bf16-mixed", "16-mixed"]
Cache = Literal["auto", "host", "device"]
DEVICES = ("auto", "cpu", "cuda", "mps")
LOGGERS = ("csv", "tensorboard")
YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The compiled one is eight times as fast, and not everywhere."""
NOTHING = ("null", "none", "~", "")
SWITCHES = {"yes": True, "on": True, "no": False, "off": False}
"""How people write None, True and False, beside the ways that are understood anyway."""
Launcher = Literal["auto", "ray"]


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

    lr: float | None = setting(
        None, "highest learning rate; the one that suits the network if none", flag="--lr"
    )
    weight_decay: float = setting(
        0.05, "weight decay, not on biases and norms", flag="--weight-decay"
    )
    schedule: Schedule = setting(
        "cosine", "of the learning rate: cosine, onecycle or constant", flag="--schedule"
    )
    warmup: float = setting(0.1, "share of all steps in which the learning rate rises")
    label_smoothing: float = setting(0.1, "share of the target given to all the other classes")
    clip: float = setting(1.0, "largest norm of the gradient; 0 is no limit")
    ema: float = setting(0.998, "decay of the running mean of the weights; 0 is off")

    def __post_init__(self) -> None:
        for name in ("lr", "weight_decay", "clip"):
            value = getattr(self, name)
            _require(
                value is None or math.isfinite(value),
                f"optim.{name} is {value}; choose a finite number.",
            )
        _require(
            self.lr is None or self.lr > 0,
            f"optim.lr is {self.lr}; choose a number above 0, such as 1e-3.",
        )
        _require(self.weight_decay >= 0, "optim.weight_decay is negative; choose 0 or more.")
        _require(0 <= self.warmup < 1, "optim.warmup is a share; choose 0 to 0.9.")
        _require(
            0 <= self.label_smoothing < 1, "optim.label_smoothing is a share; choose 0 to 0.9."
        )
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
    launcher: Launcher = setting(
        "auto",
        "who starts the processes: auto (we, or torchrun where it has), or ray",
        flag="--launcher",
    )
    num_workers: int = setting(1, "Ray workers, each with --devices devices", flag="--num-workers")
    accumulate: int = setting(
        1, "parts in which a batch goes through the network, to save memory", flag="--accumulate"
    )
    cache: Cache = setting(
        "auto",
        "where the training drawings are: host, device (a GPU's memory, where they are drawn too),"
        " or auto: device if they fit",
        flag="--cache",
    )
    deterministic: bool = setting(
        False,
        "a GPU adds in the same order every time, which is slower; processors do anyway",
    )
    precision: Precision = setting(
        "auto", "of the arithmetic: auto, 32-true, bf16-mixed or 16-mixed", flag="--precision"
    )
    patience: int = setting(
        0,
        "stop after this many epochs without a better validation top-1; 0 never",
        flag="--patience",
    )
    init_from: str = setting(
        "",
        "run, model folder or exported file with whose weights to begin; none when empty",
        flag="--init-from",
    )
    pretrained: bool = setting(
        False, "begin with the weights of the network's authors; timm only", flag="--pretrained"
    )
    head_only: bool = setting(False, "only the last layer learns", flag="--head-only")
    freeze_until: str = setting(
        "", "layers before the one of this name keep their weights", flag="--freeze-until"
    )
    freeze_norms: bool = setting(False, "batch norms keep the averages that they begin with")
    log: str = setting("csv", "records of the run: csv, or csv,tensorboard", flag="--log")
    report: bool = setting(
        True, "at the end, pictures and a page of how good it is", flag="--report"
    )
    optim: Optim = setting(Optim, "how the weights change")
    render: RenderSpec = setting(RenderSpec, "how strokes become pixels; strokes stores only")
    augment: Augment = setting(Augment, "how drawings vary; strokes stores only")
    pixels: PixelAugment = setting(PixelAugment, "how images vary; pixels stores only")

    def __post_init__(self) -> None:
        _require(bool(self.store), "store is empty; name the folder of a store.")
        _require(self.epochs >= 1, f"epochs is {self.epochs}; choose 1 or more.")
        _require(self.batch_size >= 1, f"batch_size is {self.batch_size}; choose 1 or more.")
        _require(
            self.device in DEVICES,
            f"There is no device '{self.device}'. Choose auto, cpu, cuda or mps.",
        )
        _require(self.devices >= 1, f"devices is {self.devices}; choose 1 or more.")
        _require(
            self.batch_size % self.devices == 0,
            f"batch_size {self.batch_size} cannot be shared evenly by {self.devices} devices."
            f" Choose a multiple of {self.devices}.",
        )
        _require(self.num_workers >= 1, f"num_workers is {self.num_workers}; choose 1 or more.")
        _require(
            self.num_workers == 1 or self.launcher == "ray",
            f"num_workers is {self.num_workers}, but only Ray has workers. Add --launcher ray, or"
            f" use --devices {self.num_workers}.",
        )
        rows = self.batch_size // (self.devices * self.num_workers)
        _require(
            1 <= self.accumulate <= max(rows, 1),
            f"accumulate is {self.accumulate}, but each process gets {rows} drawings of a batch."
            f" Choose 1 to {max(rows, 1)}.",
        )
        _require(self.patience >= 0, "patience is negative; choose 0 (never stop early) or more.")
        for name in self.loggers:
            _require(
                name in LOGGERS,
                f"log names '{name}', which is no record.{did_you_mean(name, LOGGERS)} Choose of"
                f" {', '.join(LOGGERS)}, with commas.",
            )
        _require(0 <= self.seed < 2**63, f"seed is {self.seed}; choose 0 to 2**63 - 1.")
        _require(
            "/" not in self.name and "\\" not in self.name and self.name not in (".", ".."),
            f"name is '{self.name}'; a name is no path. Use --runs for the folder.",
        )

    @property
    def loggers(self) -> list[str]:
        """What records are kept; metrics.csv always is."""
        return [name.strip() for name in self.log.split(",") if name.strip()]

    def with_values(self, values: Mapping[str, Any]) -> TrainConfig:
        """A copy with some settings changed, nested ones by dots or in a dictionary of their own:
        `{"optim.lr": 1e-3}` is `{"optim": {"lr": 1e-3}}`.

        Raises:
            ConfigError: no such setting, or a value of the wrong type.
        """
        config = self
        for key, value in _flattened(values):
            config = _with_value(config, key.split("."), value, key)
        return config

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def load_config(path: Path) -> dict[str, Any]:
    """The settings in a YAML file, or in that of a run's folder, as
    `{"epochs": 5, "optim.lr": 1e-3}`.

    Raises:
        ConfigError: no file, no YAML, or not a table of settings.
    """
    path = path / "config.yaml" if path.is_dir() else path
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), Loader=YAML_LOADER)
    except OSError as error:
        raise ConfigError(f"There is no readable file {path}. Check the path.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} is not YAML: {error}. Mend it, or start from a run's."
        ) from error
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
    hints = _hints(kind)
    for part in fields(kind):
        if is_dataclass(hints[part.name]):
            found |= all_settings(hints[part.name], f"{prefix}{part.name}.")
        else:
            found[prefix + part.name] = part
    return found


def all_defaults() -> dict[str, Any]:
    """What every setting is where it is not given, by its dotted name; `store` has to be given."""
    found = {}
    for name, part in all_settings().items():
        if part.default is not MISSING:
            found[name] = part.default
        elif part.default_factory is not MISSING:
            found[name] = part.default_factory()
    return found


@cache
def _hints(kind: Hashable) -> dict[str, Any]:
    """Types of the fields of a class."""
    return get_type_hints(kind)


def type_of(name: str) -> Any:
    """Type of a setting, by its dotted name."""
    kind: Any = TrainConfig
    for part in name.split("."):
        kind = _hints(kind)[part]
    return kind


def _with_value(config: Any, path: list[str], value: Any, key: str) -> Any:
    name, *inner = path
    kinds = _hints(config.__class__)
    if name not in kinds:
        known = all_settings()
        by_last_part = {each.rpartition(".")[2]: each for each in known}
        near = did_you_mean(key, known) or did_you_mean(by_last_part.get(path[-1], ""), known)
        raise ConfigError(f"There is no setting '{key}'.{near} See: doodlewise train --help")
    if inner:
        value = _with_value(getattr(config, name), inner, value, key)
    else:
        value = _converted(value, kinds[name], key)
    return replace(config, **{name: value})


def _converted(value: Any, kind: Any, key: str) -> Any:
    """The value as a setting of this kind; text is read as a number where one is wanted."""
    plain = str(value) if isinstance(value, PurePath) else value
    if isinstance(value, str) and kind is not str:
        plain = _from_text(value.strip(), kind)
    try:
        return msgspec.convert(plain, kind, strict=False)
    except msgspec.ValidationError as error:
        choices = f" Choose {', '.join(get_args(kind))}." if get_origin(kind) is Literal else ""
        raise ConfigError(
            f"{key} is {value!r}: {error}.{choices} See: doodlewise train --help"
        ) from None


def _from_text(text: str, kind: Any) -> Any:
    """Text of a command line as YAML would have given it, for a setting of this kind."""
    if get_origin(kind) is tuple:
        # A sweep parts the settings to try by commas, so that here there is another way.
        parts = text.removeprefix("[").removesuffix("]").replace("+", ",").split(",")
        return [part.strip() for part in parts]
    if text.lower() in NOTHING and NoneType in get_args(kind):
        return None
    return SWITCHES.get(text.lower(), text) if kind is bool else text


def _flattened(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConfigError(message)
