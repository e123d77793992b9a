"""What happens in the server, in the words of Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from ..version import __version__

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """Counts, in a registry of their own, so that several servers can be in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._requests = Counter(
            "doodlewise_requests", "Requests answered.", ["route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "doodlewise_request_seconds",
            "Seconds from the request to its answer.",
            ["route"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._batches = Histogram(
            "doodlewise_batch_size",
            "Drawings that the network looked at together.",
            buckets=SIZES,
            registry=self.registry,
        )
        guesses = Counter(
            "doodlewise_guesses", "Drawings guessed.", ["source"], registry=self.registry
        )
        self.http_guesses = guesses.labels("http")
        self.live_guesses = guesses.labels("live")
        self._queue = Gauge(
            "doodlewise_queue_depth", "Requests that wait for the network.", registry=self.registry
        )
        self._active = Gauge(
            "doodlewise_requests_active", "Requests being worked on.", registry=self.registry
        )
        self._live = Gauge(
            "doodlewise_live_connections", "Open live connections.", registry=self.registry
        )
        self._taught = Gauge(
            "doodlewise_taught_models", "Models of taught words in memory.", registry=self.registry
        )
        self._model = Gauge(
            "doodlewise_model_info",
            "The model that answers when none is named.",
            ["model", "version", "doodlewise"],
            registry=self.registry,
        )
        # Finding a label's counter costs more than counting.
        self._counters: dict[tuple[str, int], Counter] = {}
        self._timers: dict[str, Histogram] = {}

    def observe(self, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        counter = self._counters.get((route, status))
        if counter is None:
            counter = self._counters[route, status] = self._requests.labels(route, str(status))
        counter.inc()
        timer = self._timers.get(route)
        if timer is None:
            timer = self._timers[route] = self._seconds.labels(route)
        timer.observe(seconds)

    def observe_batch(self, size: int) -> None:
        self._batches.observe(size)

    def describe(
        self,
        model: str,
        version: str,
        *,
        queue: Callable[[], float],
        active: Callable[[], float],
        live: Callable[[], float],
        taught: Callable[[], float],
    ) -> None:
        """Say what is served, and where to read what is read when asked."""
        self._model.labels(model, version, __version__).set(1)
        self._queue.set_function(queue)
        self._active.set_function(active)
        self._live.set_function(live)
        self._taught.set_function(taught)

    def page(self) -> bytes:
        return generate_latest(self.registry)
