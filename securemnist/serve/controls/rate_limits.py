"""Rate limits for each address, before the token is read, and for each token."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from securemnist.serve.controls.base import Around
from securemnist.serve.record import draft_of
from securemnist.serve.refusal import Refusal

_MOST_KEYS = 10_000
_IPV6_PREFIX = 64  # one client has a network of this length, and all addresses in it


class MovingWindow:
    """Times of the last requests by key: at most `limit` requests in any window, for each key.

    Of more than 10,000 keys the longest unused goes first. The library `limits` starts a thread for
    every request and keeps keys without a bound.
    """

    def __init__(
        self, limit: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit, self._seconds, self._clock = limit, seconds, clock
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def wait(self, key: str) -> int:
        """0 where one more request is within the limit, which counts it; else seconds until it is."""
        now = self._clock()
        times = self._times.setdefault(key, deque())
        self._times.move_to_end(key)
        while len(self._times) > _MOST_KEYS:
            self._times.popitem(last=False)
        while times and times[0] <= now - self._seconds:
            times.popleft()
        if len(times) >= self._limit:
            return max(1, math.ceil(times[0] + self._seconds - now))
        times.append(now)
        return 0


def client_of(address: str) -> str:
    """What is counted for an address: its /64 network for IPv6, else the address itself."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:  # none, or a name
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found), _IPV6_PREFIX), strict=False))


def per_address(app: ASGIApp, around: Around) -> ASGIApp:
    limit = around.settings.requests_per_address
    return _limited(app, around, limit, lambda scope: client_of(draft_of(scope).address))


def per_token(app: ASGIApp, around: Around) -> ASGIApp:
    limit = around.settings.requests_per_token
    return _limited(app, around, limit, lambda scope: draft_of(scope).subject)


def _limited(app: ASGIApp, around: Around, limit: int, key: Callable[[Scope], str]) -> ASGIApp:
    window = MovingWindow(limit, around.settings.window_seconds)

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        name = key(scope)
        seconds = window.wait(name) if name else 0
        if seconds:
            raise Refusal(
                429,
                "expected fewer requests, got more than the limit; wait as Retry-After says",
                headers={"Retry-After": str(seconds)},
            )
        await app(scope, receive, send)

    return wrapped
