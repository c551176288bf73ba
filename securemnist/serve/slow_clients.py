"""Clients that take an answer little by little: a limit for the whole answer.

The HTTP server has none. The kernel ends a connection only while nothing at all is taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
import struct
import time

from starlette.types import ASGIApp, Receive, Scope, Send

_OPEN_FILES = "/dev/fd"  # of this process, on Linux and macOS
_SLOWEST_POLL = 1.0
_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: what waits for the client is dropped
_Client = tuple[str, int]


class SlowClients:
    """An application whose clients have `seconds` to take an answer and to send the next request.

    It keeps the time at which the last answer of each connection was ready. An idle connection is closed
    by the HTTP server before that.
    """

    def __init__(self, application: ASGIApp, port: int, seconds: float) -> None:
        self._application, self._port, self._seconds = application, port, seconds
        self._ready: dict[_Client, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = _client(scope.get("client"))
        if client:  # its next request has come, so it has taken the answers before
            self._ready.pop(client, None)
        try:
            await self._application(scope, receive, send)
        finally:
            if client:
                self._ready[client] = time.monotonic()

    async def watch(self) -> None:
        """Disconnect slow clients until this is cancelled."""
        while True:
            await asyncio.sleep(min(self._seconds / 4, _SLOWEST_POLL))
            before = time.monotonic() - self._seconds
            late = {client for client, ready in self._ready.items() if ready < before}
            for client in late:
                del self._ready[client]
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
