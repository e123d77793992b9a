"""A Ray cluster: the one that is there, or one on this machine that lives as long as it is used."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import ConfigError, MissingExtraError

__all__ = ["ray_cluster"]

LEAST_OBJECT_STORE = 100 * 2**20
"""Bytes; Ray takes a third of the memory unless told otherwise."""


@contextmanager
def ray_cluster(*, cores: int | None = None) -> Iterator[Any]:
    """The module `ray`, connected: to the cluster that RAY_ADDRESS names or that runs here.

    If there is none, one is started on this machine, and stopped afterwards.

    Args:
        cores: how many a cluster of our own says it has, if more than there are.

    Raises:
        MissingExtraError: Ray is not installed.
        ConfigError: there is no cluster where RAY_ADDRESS says.
    """
    try:
        import ray
    except ImportError:
        raise MissingExtraError("ray", "ray") from None
    if ray.is_initialized():
        yield ray
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # It says much about itself that people who train or prepare need not know.
    logging.getLogger("ray").setLevel(logging.ERROR)
    settings = {"log_to_driver": False, "configure_logging": False}
    address = os.environ.get("RAY_ADDRESS")
    try:
        if not address and _is_gone(_recorded_address()):
            raise ConnectionError
        ray.init(address="auto", **settings)
    except (ConnectionError, RuntimeError) as error:
        if address:
            raise ConfigError(
                f"No Ray cluster can be reached at RAY_ADDRESS={address}. Start it (ray start"
                " --head), or unset RAY_ADDRESS. If it wants a token, set RAY_AUTH_MODE=token too."
            ) from error
        ray.init(
            address="local",
            **settings,
            include_dashboard=False,
            num_cpus=max(cores or 0, os.cpu_count() or 1),
            object_store_memory=None if cores is None else LEAST_OBJECT_STORE,
        )
    quiet = _hide_what_ray_prints()
    try:
        yield ray
    finally:
        ray.shutdown()
        quiet()


def _recorded_address() -> str:
    """Of the cluster that was last started on this machine, as Ray has noted it; perhaps empty."""
    from ray._private import utils

    read = getattr(utils, "read_ray_address", None)
    return (read() if read else None) or ""


def _is_gone(address: str) -> bool:
    """Whether nobody answers there any more: Ray would go on asking for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        return False
    try:
        socket.create_connection((host, int(port)), timeout=5.0).close()
    except OSError:
        return True
    return False


def _hide_what_ray_prints() -> Any:
    """Ray tells of every worker that dies, on stdout, where results are; gives back how to undo."""
    from ray._private import worker

    before = getattr(worker, "_worker_logs_enabled", None)
    if before is None:
        return lambda: None
    worker._worker_logs_enabled = False
    return lambda: setattr(worker, "_worker_logs_enabled", before)
