"""The pace of requests: an upper rate, and a slower one after an endpoint has refused for its load."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_FIRST_SLOWER, _SLOWEST = 0.02, 5.0  # seconds between two requests
_LONGEST = 1e9  # seconds
_FASTER = 0.98  # of the interval, after each answer


class Pace:
    """Shared by all threads; `rate` is the largest number of requests a second, or None."""

    def __init__(self, rate: float | None) -> None:
        self._least = 0.0 if rate is None else 1 / rate
        self._interval, self._next = self._least, 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        with self._lock:
            begin = max(time.monotonic(), self._next)
            self._next = begin + self._interval
        if (seconds := begin - time.monotonic()) > 0:
            time.sleep(seconds)

    def answered(self) -> None:
        """Become faster by a little, down to the least interval."""
        with self._lock:
            self._interval = max(self._least, self._interval * _FASTER)
            if self._interval < _FIRST_SLOWER / 100:
                self._interval = self._least

    def refused(self, seconds: float) -> None:
        """Begin no request for `seconds`, and become half as fast."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)
            self._interval = min(_SLOWEST, max(2 * self._interval, _FIRST_SLOWER))

    def pause(self, seconds: float) -> None:
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)


def retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header, in seconds or as a date; None where it has none of both."""
    if value is None:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return min(float(value), _LONGEST)
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):  # a year of 11 figures
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
