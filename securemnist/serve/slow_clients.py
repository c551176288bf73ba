"""Clients that keep a connection: a limit for the whole answer, and one for the whole connection.

The HTTP server has none. The kernel ends a connection only while nothing at all is taken, and a client
that sends a request every few seconds is never idle.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
import struct
import time
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OPEN_FILES = "/dev/fd"  # of this process, on Linux and macOS
_SLOWEST_POLL = 1.0
_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: what waits for the client is dropped
_CLOSE = (b"connection", b"close")
_Client = tuple[str, int]


@dataclass(frozen=True)
class Limits:
    """What a client has: `seconds` to take an answer and to send the next request.

    The answer to request number `requests` of a connection, or to the first one after
    `connection_seconds`, is its last.
    """

    seconds: float
    requests: int
    connection_seconds: float


class SlowClients:
    """An application whose clients cannot keep a connection for ever.

    It keeps the time at which the last answer of each connection was ready, and of its first request. An
    idle connection is closed by the HTTP server before the time of an answer is over.
    """

    def __init__(self, application: ASGIApp, port: int, limits: Limits) -> None:
        self._application, self._port, self._limits = application, port, limits
        self._ready: dict[_Client, float] = {}
        # The time of the first request and the number of requests, of connections that go on.
        self._used: dict[_Client, tuple[float, int]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = _client(scope.get("client"))
        if client:  # its next request has come, so it has taken the answers before
            self._ready.pop(client, None)
            send = _closing(send) if self._is_last(client) else send
        try:
            await self._application(scope, receive, send)
        finally:
            if client:
                self._ready[client] = time.monotonic()

    def _is_last(self, client: _Client) -> bool:
        """Count a request; whether the connection ends with its answer.

        A new connection from the port of one that has just ended may end earlier.
        """
        now = time.monotonic()
        first, count = self._used.pop(client, (now, 0))
        last = count + 1 >= self._limits.requests or now - first >= self._limits.connection_seconds
        if not last:
            self._used[client] = first, count + 1
        return last

    async def watch(self) -> None:
        """Disconnect slow clients until this is cancelled."""
        while True:
            await asyncio.sleep(min(self._limits.seconds / 4, _SLOWEST_POLL))
            before = time.monotonic() - self._limits.seconds
            late = {client for client, ready in self._ready.items() if ready < before}
            for client in late:
                del self._ready[client]
                self._used.pop(client, None)
            if late:
                self._disconnect(late)

    def _disconnect(self, clients: set[_Client]) -> None:
        """End the connections of clients, if they are still open."""
        with contextlib.suppress(OSError):  # no such list on this system
            for name in os.listdir(_OPEN_FILES):
                with contextlib.suppress(OSError), _copied(int(name)) as connection:
                    own = _client(connection.getsockname())  # None of a local socket
                    ours = own is not None and own[1] == self._port
                    if ours and _client(connection.getpeername()) in clients:
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                        connection.shutdown(socket.SHUT_RDWR)


def _closing(send: Send) -> Send:
    """`send` with a header that tells the client, and the HTTP server, that the connection ends."""

    async def closing(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), _CLOSE]}
        await send(message)

    return closing


def _copied(number: int) -> socket.socket:
    """A copy of an open socket, which may be closed meanwhile; OSError for anything else.

    Other files are not copied: to close a copy of one would release its locks.
    """
    if not stat.S_ISSOCK(os.fstat(number).st_mode):
        raise OSError("expected a socket")
    copy = os.dup(number)
    try:
        return socket.socket(fileno=copy)
    except OSError:  # another file has got the number
        os.close(copy)
        raise


def _client(address: object) -> _Client | None:
    """Host without a zone, and port; None for anything else, such as the path of a local socket."""
    if not isinstance(address, tuple | list) or len(address) < 2:
        return None
    return str(address[0]).partition("%")[0], int(address[1])
