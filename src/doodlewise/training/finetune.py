"""Words of one's own for a network that has learnt others: training with settings that suit it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..data.store import Store
from ..errors import ConfigError
from ..models.registry import usual_lr
from .config import TrainConfig
from .record import Reporter, SilentReporter
from .setup import TrainedRun, train
from .start import open_base

__all__ = ["OF_THE_BASE", "USUAL", "finetune", "finetune_config"]

USUAL: dict[str, Any] = {"epochs": 5, "freeze_norms": True, "optim.ema": 0.9}
"""What differs from `train`, as `benchmarks/finetuning.py --choose` found it, besides the batch and
the learning rate."""
OF_USUAL_LR = 0.25
"""Share of the learning rate with which the network would be trained from nothing."""
OF_THE_BASE = ("model", "render", "init_from", "pretrained")
"""Settings that follow from the base."""


def finetune(
    base: str | Path,
    store: str | Path,
    *,
    exist_ok: bool = False,
    reporter: Callable[[], Reporter] = SilentReporter,
    **settings: Any,
) -> TrainedRun:
    """Teach a network the words of a store, and leave a run folder with everything about it.

        finetune("runs/first", "stores/mine", epochs=5, head_only=True)

    The network is the base's, and so is the look of the drawings. A word that the base knows keeps
    its row of the last layer; other words of the base are forgotten.

    Args:
        base: a run folder, a model folder or an exported file, or "bundled".
        store: with the words to be learnt.
        exist_ok: see `train`.
        reporter: see `train`.
        **settings: as in `TrainConfig`; those that are not given are as in `USUAL`.

    Raises:
        DoodlewiseError: as `train` would; see `starting_network` for those of the base.
    """
    config = finetune_config(base, store, settings)
    return train(config, exist_ok=exist_ok, reporter=reporter)


def finetune_config(
    base: str | Path, store: str | Path, settings: Mapping[str, Any]
) -> TrainConfig:
    """All settings of a fine-tuning: those given, then those that suit it.

    Raises:
        ConfigError: an impossible setting, or one that follows from the base.
        BundleError: there is no such base.
        StoreError: there is no such store.
    """
    for name in settings:
        if name.partition(".")[0] in OF_THE_BASE:
            raise ConfigError(
                f"{name} follows from the base, {base}, so it cannot be set. Leave it out; or train"
                f" with it: doodlewise train {store} --init-from {base}"
            )
    info = open_base(str(base)).info
    suited = {
        "batch_size": batch_size(Store(Path(store)).size("train")),
        "optim.lr": OF_USUAL_LR * usual_lr(info.model),
    }
    config = TrainConfig(store=str(store), model=info.model, init_from=str(base))
    if info.render is not None:
        config = config.with_values({"render": info.render})
    return config.with_values(USUAL | suited | dict(settings))


def batch_size(n: int) -> int:
    """So that small stores have some steps in an epoch: 16 drawings of 100, 256 of 10,000."""
    return min(max(16, 1 << (n // 40).bit_length()), 256)
