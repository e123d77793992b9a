"""Training on a Ray cluster: a worker for each device, in the same loop as anywhere else.

Without a cluster, one is started on this machine for the run. All machines of a cluster must have
Doodlewise, and see the same files.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch

from ..data.cluster import ray_cluster
from ..errors import ConfigError, TrainingError
from ..models.registry import own_network
from .config import TrainConfig
from .device import make_fabric
from .fit import Position
from .peers import PeerLostError, explain_lost_peers, killed
from .record import Reporter
from .world import World

__all__ = ["launch_on_ray"]

T = TypeVar("T")

LISTEN_S = 0.2
"""Between two looks at what the first worker says."""
GRACE_S = 3.0
"""After the first failure, so long may others say that it was another."""
START_S = 120.0
"""So long may a busy cluster take to make room."""


def launch_on_ray(
    config: TrainConfig,
    prepare: Callable[[], tuple[Any, ...]],
    function: Callable[..., T],
    make_reporter: Callable[[], Reporter],
) -> T:
    """Call `function(fabric, *prepare(), reasons, make_reporter, asked)` in every worker.

    `prepare` is called here, and the reporter speaks here too.

    Returns:
        What it returned in the first worker.

    Raises:
        MissingExtraError: Ray is not installed.
        ConfigError: the cluster is too small.
        DoodlewiseError: what a worker raised.
        TrainingError: a worker was killed, or the cluster has no room.
    """
    with ray_cluster(cores=config.num_workers * config.devices) as ray:
        workers = _hire(ray, config)
        try:
            args = prepare()
            address, port = ray.get(workers[0].meeting_point.remote())
            worlds = [
                World(rank, len(workers), 0, 1, address, port, starter="Ray")
                for rank in range(len(workers))
            ]
            running = [
                worker.train.remote(function, config, world, args, own_network(config.model))
                for worker, world in zip(workers, worlds, strict=True)
            ]
            result: T = _attend(ray, workers, running, make_reporter())
            return result
        finally:
            for worker in workers:
                ray.kill(worker)


def _hire(ray: Any, config: TrainConfig) -> list[Any]:
    """A worker for each device, those of --devices together on a machine."""
    from ray.util.placement_group import placement_group
    from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

    there = ray.cluster_resources()
    n_workers = config.num_workers * config.devices
    has_gpus = there.get("GPU", 0) >= n_workers
    if config.device == "cuda" and not has_gpus:
        raise ConfigError(
            f"The Ray cluster has {there.get('GPU', 0):g} GPUs, and {n_workers} are wanted. Use"
            " fewer --num-workers, or --device cpu."
        )
    if there.get("CPU", 0) < n_workers:
        raise ConfigError(
            f"The Ray cluster has {there.get('CPU', 0):g} cores, and {n_workers} workers want one"
            " each. Use fewer --num-workers or --devices."
        )
    # Cores beyond one each are shared out, for Ray tells torch to use no more than it gave.
    each: dict[str, float] = {"CPU": max(int(there["CPU"] // n_workers), 1)}
    if config.device in ("auto", "cuda") and has_gpus:
        each["GPU"] = 1
    together = {name: amount * config.devices for name, amount in each.items()}
    room = placement_group([together] * config.num_workers)
    if not room.wait(START_S):
        raise TrainingError(
            f"The Ray cluster had no room for {config.num_workers} workers with {together} each for"
            f" {START_S:.0f} seconds. Use fewer, or wait until others have finished (ray status)."
        )
    remote = ray.remote(
        num_cpus=each["CPU"], num_gpus=each.get("GPU", 0), max_restarts=0, max_concurrency=2
    )(_Worker)
    return [
        remote.options(
            scheduling_strategy=PlacementGroupSchedulingStrategy(
                room, placement_group_bundle_index=number // config.devices
            )
        ).remote(str(Path.cwd()))
        for number in range(n_workers)
    ]


def _attend(ray: Any, workers: list[Any], running: list[Any], reporter: Reporter) -> Any:
    """Hand on what the first worker says, until all have ended; what it returned."""
    left = list(running)
    with _asked_to_stop() as asked:
        is_told = False
        try:
            while left:
                done, left = ray.wait(left, num_returns=1, timeout=LISTEN_S)
                with suppress(ray.exceptions.RayError):
                    for name, arguments in ray.get(workers[0].said.remote()):
                        getattr(reporter, name)(*arguments)
                if asked.is_set() and not is_told:
                    is_told = True
                    reporter.say("Stopping: saving first. Press Ctrl-C again to stop at once.")
                    for worker in workers:
                        worker.stop.remote()
                if any(_problem(ray, each) for each in done):
                    _raise_the_cause(ray, running)
        finally:
            reporter.close()
    return ray.get(running[0])


def _problem(ray: Any, finished: Any) -> Exception | None:
    """What a worker ended with, if not with a result."""
    try:
        ray.get(finished)
    except ray.exceptions.RayTaskError as error:
        cause = error.cause
        return cause if isinstance(cause, Exception) else TrainingError(killed(str(error)))
    except ray.exceptions.RayError as error:
        return TrainingError(killed(type(error).__name__))
    return None


def _raise_the_cause(ray: Any, running: list[Any]) -> None:
    """Of what the workers ended with, raise what is no consequence of another's end."""
    done, _ = ray.wait(running, num_returns=len(running), timeout=GRACE_S)
    problems = [problem for each in done if (problem := _problem(ray, each))]
    problems.sort(key=lambda problem: isinstance(problem, PeerLostError))
    raise problems[0]


@contextmanager
def _asked_to_stop() -> Iterator[threading.Event]:
    """While open, the first Ctrl-C or SIGTERM is noted; the second one interrupts as usual."""
    asked = threading.Event()
    before: dict[int, Any] = {}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)
        before.clear()

    def note(_number: int, _frame: Any) -> None:
        asked.set()
        restore()

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, note)
    try:
        yield asked
    finally:
        restore()


class _Worker:
    """An actor of Ray. It trains in one thread, and answers in another."""

    def __init__(self, folder: str) -> None:
        # Paths in the settings are meant from where the command was given.
        with suppress(OSError):
            os.chdir(folder)
        self._saying = _Saying()
        self._asked = threading.Event()

    def meeting_point(self) -> tuple[str, int]:
        """Where all workers can meet on this machine."""
        import ray

        address: str = ray.util.get_node_ip_address()
        with socket.socket() as probe:
            probe.bind(("", 0))
            return address, int(probe.getsockname()[1])

    def train(
        self,
        function: Callable[..., T],
        config: TrainConfig,
        world: World,
        args: tuple[Any, ...],
        know_network: Callable[[], None],
    ) -> T:
        know_network()
        fabric, reasons = make_fabric(replace(config, devices=1), world)
        with explain_lost_peers():
            result: T = fabric.launch(function, *args, reasons, self._reporter, self._asked)
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        return result

    def said(self) -> list[tuple[str, tuple[Any, ...]]]:
        """What is new."""
        return self._saying.take()

    def stop(self) -> None:
        """Save at the next step, and end."""
        self._asked.set()

    def _reporter(self) -> Reporter:
        return self._saying


class _Saying:
    """A reporter that keeps what is said until it is taken away."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: list[tuple[str, tuple[Any, ...]]] = []

    def take(self) -> list[tuple[str, tuple[Any, ...]]]:
        with self._lock:
            calls, self._calls = self._calls, []
        return calls

    def _keep(self, name: str, *arguments: Any) -> None:
        with self._lock:
            self._calls.append((name, arguments))

    def start(self, facts: dict[str, str], epochs: int, steps: int) -> None:
        self._keep("start", facts, epochs, steps)

    def step(self, position: Position, lr: float) -> None:
        # It goes on changing.
        self._keep("step", replace(position, rows=list(position.rows)), lr)

    def epoch(self, position: Position, is_best: bool) -> None:
        self._keep("epoch", replace(position, rows=list(position.rows)), is_best)

    def say(self, line: str) -> None:
        self._keep("say", line)

    def close(self) -> None:
        """The driver closes its own."""
