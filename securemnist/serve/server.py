"""Granian around an application: one process, HTTP/1 only, a graceful stop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
import threading
import warnings
from collections.abc import Callable
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.net import SocketSpec  # type: ignore[attr-defined]
from granian.server.embed import Server as Granian
from starlette.types import ASGIApp, Receive, Scope, Send

from securemnist.errors import UsageError
from securemnist.serve.settings import Settings, in_url
from securemnist.serve.slow_clients import Limits, SlowClients

_CONNECTIONS = 1024
_BUFFER_BYTES = 64 << 10  # of headers, too
_UNREAD_BYTES = 128 << 10  # of answers that a client does not read; the kernel takes twice as much
_NO_DEADLINE = 24 * 3600.0
_POLL_SECONDS = 0.005
_FLUSH_SECONDS = 0.1  # until the last answer has left the process


class _Granian(Granian):
    """Granian with a bound for clients that do not read, which it lacks: the kernel disconnects them."""

    unread_seconds: float | None = None

    def _init_shared_socket(self) -> None:
        """One listening socket, whose options each connection inherits."""
        spec = SocketSpec(self.bind_addr, self.bind_port, self.backlog)
        shared: Any = spec.build()
        self._shd = shared
        with socket.socket(fileno=os.dup(shared.get_fd())) as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNREAD_BYTES)
            if self.unread_seconds is not None and hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
                milliseconds = max(1, int(self.unread_seconds * 1000))
                listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)


class Server:
    """A server of one application on one port; `serve` returns after `stop`.

    UsageError where the port is taken.
    """

    def __init__(self, application: ASGIApp, settings: Settings) -> None:
        # The HTTP server takes addresses, and no names.
        self._ip, self.port = free_address(settings.host, settings.port)
        self._settings = settings
        self._application = application
        self._working = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        seconds = settings.header_seconds if settings.has("deadlines") else _NO_DEADLINE
        self._granian = _Granian(
            target=self._counted,
            address=self._ip,
            port=self.port,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            websockets=False,
            backlog=_CONNECTIONS,
            backpressure=_CONNECTIONS,
            http1_settings=HTTP1Settings(
                header_read_timeout=int(seconds * 1000), max_buffer_size=_BUFFER_BYTES
            ),
            log_enabled=False,
        )
        self._slow: SlowClients | None = None
        if settings.has("deadlines"):
            self._granian.unread_seconds = settings.body_seconds
            limits = Limits(
                settings.body_seconds + settings.header_seconds,
                settings.connection_requests,
                settings.connection_seconds,
            )
            self._slow = self._application = SlowClients(application, self.port, limits)

    @property
    def address(self) -> str:
        return f"http://{in_url(self._settings.host)}:{self.port}"

    async def serve(self, started: Callable[[], None] = lambda: None) -> None:
        """Accept connections until `stop`; then answer what was accepted, for `stop_seconds` at most."""
        self._loop = asyncio.get_running_loop()
        logging.getLogger("_granian").setLevel(logging.ERROR)  # "experimental", at each start
        serving = asyncio.create_task(self._granian.serve())
        await self._listening(serving)
        started()
        watching = asyncio.create_task(self._slow.watch()) if self._slow else None
        await serving
        if watching is not None and watching.done():
            watching.result()  # it never ends by itself: this raises what went wrong
        try:
            async with asyncio.timeout(self._settings.stop_seconds):
                while self._working:
                    await asyncio.sleep(0.01)
        except TimeoutError:
            warnings.warn("requests were still in work at the end of stop_seconds", stacklevel=2)
        await asyncio.sleep(_FLUSH_SECONDS)
        if watching is not None:
            watching.cancel()

    async def _listening(self, serving: asyncio.Task[None]) -> None:
        """Wait until connections are accepted: the HTTP server listens some time after its start."""
        while not serving.done():
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(self._ip, self.port)
                writer.close()
                return
            await asyncio.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Stop accepting; any thread and any signal handler may call this."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._granian.stop)

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._working += 1
        try:
            await self._application(scope, receive, send)
        finally:
            self._working -= 1


class ServerThread:
    """A server in a thread of its own, as a context manager; `address` is its URL."""

    def __init__(self, application: ASGIApp, settings: Settings) -> None:
        self._server = Server(application, settings)
        self.address = self._server.address
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="server", daemon=True)

    def __enter__(self) -> ServerThread:
        self._thread.start()
        self._started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()
        self._thread.join(30)

    def stop(self) -> None:
        """Stop accepting; what was accepted is answered."""
        self._server.stop()

    def _run(self) -> None:
        asyncio.run(self._server.serve(self._started.set))


def free_address(host: str, port: int) -> tuple[str, int]:
    """The address of a host, and the port if it is free, or a free one for 0.

    UsageError for a taken port, and for a host that is none of this machine. Granian shares its port with
    other processes of the user, so that it would not notice.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            found: tuple[str, int] = probe.getsockname()[:2]
            return found
    except (socket.gaierror, UnicodeError) as error:  # no such name; no possible name
        raise UsageError(
            f"expected a host of this machine, got {host!r:.80}, without an address; pass another --host"
        ) from error
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        reason = "a port in use" if taken else os.strerror(error.errno or errno.EINVAL)
        raise UsageError(
            f"expected a free port {port} on {host}, got {reason}; pass another --port or --host"
        ) from error
