"""Where tasks are done: in this process, in several, or on a Ray cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, Literal, Protocol, TypeVar

import pyarrow as pa

from ..errors import ConfigError, DataError
from ..heap import give_back_freed_memory, keep_freed_memory
from .cluster import ray_cluster

__all__ = ["EXECUTORS", "Executor", "ExecutorName", "make_executor"]

T = TypeVar("T")

ExecutorName = Literal["processes", "ray"]
EXECUTORS: tuple[ExecutorName, ...] = ("processes", "ray")

_PENDING_ON_RAY = 1_000
"""Tasks that Ray is given ahead, so that its head is not flooded."""


class Executor(Protocol):
    """Does a function for each task, in any order."""

    def map(self, function: Callable[[int], T], tasks: Iterable[int]) -> Iterator[tuple[int, T]]:
        """Results as they come, each with its task."""
        ...


@contextmanager
def make_executor(
    name: ExecutorName, *, jobs: int | None = None, tasks: int = 1
) -> Iterator[Executor]:
    """An executor for about this many tasks.

    Args:
        name: "processes" of this machine, or "ray": the cluster that RAY_ADDRESS names or that runs
            here; else one is started on this machine. All its machines must see the same files.
        jobs: processes; as many as cores when None. Ray decides by itself.
        tasks: how many there will be, about.

    Raises:
        ConfigError: no such executor, or an impossible number of jobs.
        MissingExtraError: Ray is not installed.
        DataError: a process died.
    """
    if name not in EXECUTORS:
        raise ConfigError(f"There is no executor '{name}'. Choose processes or ray.")
    if jobs is not None and jobs < 1:
        raise ConfigError(f"--jobs is {jobs}; choose 1 or more.")
    if name == "ray":
        with ray_cluster() as ray:
            yield _OnRay(ray)
        return
    jobs = min(jobs or os.cpu_count() or 1, max(tasks, 1))
    if jobs == 1:
        yield _InThisProcess()
        return
    # Spawned, not forked: a fork of a process with threads (torch, Arrow) may hang.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        try:
            yield _InProcesses(pool)
        except BrokenProcessPool as error:
            raise DataError(
                "A process that was preparing the data has died, perhaps because memory ran out."
                " Run the same command again with --jobs 1; it goes on where it stopped. In a"
                ' script, call prepare() under `if __name__ == "__main__":`, or with jobs=1.'
            ) from error
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


class _InThisProcess:
    def map(self, function: Callable[[int], T], tasks: Iterable[int]) -> Iterator[tuple[int, T]]:
        for task in tasks:
            yield task, _do(function, task)


class _InProcesses:
    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def map(self, function: Callable[[int], T], tasks: Iterable[int]) -> Iterator[tuple[int, T]]:
        futures = {self._pool.submit(_do, function, task): task for task in tasks}
        for future in as_completed(futures):
            yield futures[future], future.result()


class _OnRay:
    def __init__(self, ray: Any) -> None:
        self._ray = ray
        # A machine that is lost takes its tasks with it; another does them again.
        self._remote = ray.remote(max_retries=3)(_do)

    def map(self, function: Callable[[int], T], tasks: Iterable[int]) -> Iterator[tuple[int, T]]:
        ray = self._ray
        shared = ray.put(function)
        pending: dict[Any, int] = {}
        for task in tasks:
            pending[self._remote.remote(shared, task)] = task
            if len(pending) >= _PENDING_ON_RAY:
                yield self._next(pending)
        while pending:
            yield self._next(pending)

    def _next(self, pending: dict[Any, int]) -> tuple[int, Any]:
        (done,), _ = self._ray.wait(list(pending), num_returns=1)
        try:
            return pending.pop(done), self._ray.get(done)
        except self._ray.exceptions.RayTaskError as error:
            for reference in pending:
                self._ray.cancel(reference)
            cause = error.cause
            raise (cause if isinstance(cause, Exception) else error) from None
        except self._ray.exceptions.RayError as error:
            raise DataError(
                f"The Ray cluster lost a task ({str(error).splitlines()[0]}). Run the same command"
                " again; it goes on where it stopped."
            ) from error


def _do(function: Callable[[int], T], task: int) -> T:
    """Do a task, and give back the memory that is kept from step to step of it."""
    keep_freed_memory()
    try:
        return function(task)
    finally:
        pa.default_memory_pool().release_unused()
        give_back_freed_memory()
