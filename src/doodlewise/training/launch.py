"""Who starts the processes of a run: nobody, we, torchrun, or Ray. The loop is the same in all."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from .config import TrainConfig
from .device import make_fabric
from .processes import launch as launch_in_processes
from .record import Reporter
from .torchrun import launch_under_torchrun
from .world import outside_world

__all__ = ["launch"]

T = TypeVar("T")


def launch(
    config: TrainConfig,
    prepare: Callable[[], tuple[Any, ...]],
    function: Callable[..., T],
    make_reporter: Callable[[], Reporter],
) -> T:
    """Call `function(fabric, *prepare(), reasons, make_reporter)` in every process of the run.

    Args:
        config: who starts them, and how many.
        prepare: what is done once, before; after it is known that the devices are there.
        function: gets Fabric, what `prepare` gave, why these devices were chosen, and who makes the
            reporter; on Ray also an event that is set when it should save and stop.
        make_reporter: called in the first process.

    Returns:
        What it returned in the first process.
    """
    if config.launcher == "ray":
        from .on_ray import launch_on_ray

        return launch_on_ray(config, prepare, function, make_reporter)
    world = outside_world()
    fabric, reasons = make_fabric(config, world)
    if world is not None:
        told = partial(function, reasons=reasons, make_reporter=make_reporter)
        return launch_under_torchrun(fabric, prepare, told)
    args = (*prepare(), reasons, make_reporter)
    if config.devices > 1:
        return launch_in_processes(fabric, function, *args)
    result: T = fabric.launch(function, *args)
    return result
