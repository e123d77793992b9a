"""The processes of a run that somebody else has started: torchrun, a scheduler, or Ray.

They learn from the environment who they are, in torchrun's words: RANK of WORLD_SIZE processes,
LOCAL_RANK of LOCAL_WORLD_SIZE on this machine, all meeting at MASTER_ADDR:MASTER_PORT.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from ..errors import ConfigError
from .config import TrainConfig

__all__ = [
    "World",
    "as_started",
    "n_processes",
    "outside_world",
    "restarted_to_resume",
    "speaks",
]

NEEDED = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")

ASK_S = 5.0
"""So long may it take to ask where all processes meet."""


@dataclass(frozen=True, slots=True)
class World:
    """This process among all of a run.

    Attributes:
        rank: number of this process, of `size`.
        local_rank: its number on this machine, of `local_size`.
        address, port: where all meet.
        starter: who has started them, for people.
    """

    rank: int
    size: int
    local_rank: int
    local_size: int
    address: str
    port: int
    starter: str


def outside_world() -> World | None:
    """The processes that this one was started with; None if nobody started several.

    Raises:
        ConfigError: what the environment says of them cannot be.
    """
    if any(name not in os.environ for name in NEEDED):
        return None
    try:
        rank, size, local_rank, port = (
            int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_PORT")
        )
        local_size = int(os.environ.get("LOCAL_WORLD_SIZE", size))
    except ValueError as error:
        raise ConfigError(
            f"The environment has a {' or '.join(NEEDED)} that is no number ({error}). Start the"
            " processes by torchrun, or unset these."
        ) from None
    starter = "torchrun" if "TORCHELASTIC_RUN_ID" in os.environ else "the environment"
    return World(
        rank, size, local_rank, local_size, os.environ["MASTER_ADDR"], port, starter=starter
    )


def as_started(config: TrainConfig) -> TrainConfig:
    """The settings, with as many devices as there are processes on this machine already.

    Raises:
        ConfigError: another number was asked for, or a launcher of our own.
    """
    world = outside_world()
    if world is None:
        return config
    if config.launcher == "ray":
        raise ConfigError(
            f"{world.starter} has started {world.size} processes already, so Ray cannot. Leave out"
            " torchrun, or --launcher ray."
        )
    if config.devices not in (1, world.local_size):
        raise ConfigError(
            f"--devices is {config.devices}, but {world.starter} has started {world.local_size}"
            f" processes on this machine. Leave out --devices, or use torchrun --nproc-per-node"
            f" {config.devices}."
        )
    return replace(config, devices=world.local_size)


def restarted_to_resume(config: TrainConfig, resume: str | None) -> str | None:
    """What to resume from: torchrun starts the same command again when a process has died."""
    if resume is None and config.name and os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0":
        last = Path(config.runs) / config.name / "weights" / "last.ckpt"
        return "last" if last.exists() else None
    return resume


def n_processes(config: TrainConfig) -> int:
    """How many processes a run with these settings has."""
    world = outside_world()
    if world is not None:
        return world.size
    return config.devices * (config.num_workers if config.launcher == "ray" else 1)


def speaks(error: BaseException | None = None) -> bool:
    """Whether this process is the one that speaks to people.

    Without an error it is the first of all. With one, it is the one that says it first: all meet
    the same error as a rule, but sometimes only one of them does.
    """
    world = outside_world()
    if world is None or world.size == 1:
        return True
    if error is None:
        return world.rank == 0
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    from .peers import PeerLostError

    if isinstance(error, PeerLostError):
        # Whoever met the cause comes first.
        time.sleep(1.0)
    try:
        # torchrun keeps it outside of the processes, so it is there when one of them is not.
        store = TCPStore(
            world.address,
            world.port,
            is_master=False,
            wait_for_workers=False,
            timeout=timedelta(seconds=ASK_S),
        )
        attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        return bool(store.add(f"doodlewise/said/{attempt}", 1) == 1)
    except RuntimeError:
        return True
