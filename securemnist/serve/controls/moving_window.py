"""Moving-window rate limits: at most `limit` requests in any window, for each key.

The library `limits` starts a thread for every request and keeps keys without a bound, so that these
lines replace it.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable

_MOST_KEYS = 10_000


class MovingWindow:
    """Times of the last requests by key; at most 10,000 keys, of which the longest unused goes first."""

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
