"""How often a client may ask."""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import ip_address
from time import monotonic

__all__ = ["RateLimit", "client_of"]

MOST_CLIENTS = 10_000
"""Addresses that are remembered; those that have not asked for longest are forgotten first."""


class RateLimit:
    """A bucket for each client that fills at a steady rate; each request takes one out.

    Args:
        rate: requests per second; 0 is no limit.
        burst: what fits into a bucket.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self._burst = rate, max(burst, 1.0)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str, now: float | None = None) -> float:
        """Count a request; seconds to wait before it may be made, 0 if it may be made now."""
        if self.rate <= 0:
            return 0.0
        now = monotonic() if now is None else now
        left, then = self._buckets.pop(client, (self._burst, now))
        left = min(self._burst, left + (now - then) * self.rate)
        is_allowed = left >= 1.0
        self._buckets[client] = (left - 1.0 if is_allowed else left, now)
        if len(self._buckets) > MOST_CLIENTS:
            self._buckets.popitem(last=False)
        return 0.0 if is_allowed else (1.0 - left) / self.rate


def client_of(address: tuple[str, int] | None) -> str:
    """Who asks: an address, or of IPv6 the network, of which a client has all addresses."""
    if address is None:
        return ""
    host = address[0]
    if ":" not in host:
        return host
    try:
        return str(int(ip_address(host.partition("%")[0])) >> 64)
    except ValueError:
        return host
