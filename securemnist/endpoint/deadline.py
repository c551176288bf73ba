"""One deadline for a whole answer: a server that sends a byte now and then cannot prolong it.

The deadlines of httpx hold for each part that is read, also while headers arrive.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import httpcore

_ANSWER = threading.local()  # `ends`: of the answer that this thread waits for


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Whatever is read inside the block, by this thread, ends within so many seconds."""
    _ANSWER.ends = time.monotonic() + seconds
    try:
        yield
    finally:
        del _ANSWER.ends


def _left(timeout: float | None) -> float:
    """Seconds that are left; httpcore.ReadTimeout without any."""
    left: float = getattr(_ANSWER, "ends", time.monotonic() + 1e6) - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("no whole answer in time")
    return left if timeout is None else min(left, timeout)


class Network(httpcore.NetworkBackend):
    """Connections that keep the deadline of the thread that reads from them."""

    def __init__(self) -> None:
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        opened = self._network.connect_tcp(
            host, port, _left(timeout), local_address, socket_options
        )
        return _Stream(opened)


class StaleError(httpcore.RemoteProtocolError):
    """A connection that had served a request was closed before a byte of the next answer."""


class _Stream(httpcore.NetworkStream):
    """`answered`: whether anything was read since the last request was written; `used`: or before."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream, self.answered, self._used = stream, False, False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        kept = self._used and not self.answered
        self.answered = True
        try:
            found = self._stream.read(max_bytes, _left(timeout))
        except httpcore.ReadError as error:
            if kept:
                raise StaleError from error
            raise
        if kept and not found:
            raise StaleError
        self._used = True
        return found

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.answered = False
        self._stream.write(buffer, _left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
