"""Clients that send requests and read the answers little by little, or not at all."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from securemnist.serve.server import ServerThread
from securemnist.serve.settings import Settings
from securemnist.serve.slow_clients import Limits, SlowClients
from securemnist.serve.tokens import Token
from tests.serve.hosts import serving

TOKEN, _ = Token.new("alice")
REQUESTS = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3_000
)  # of the page, some 20 MB of answers
SECONDS = 0.5


@contextlib.contextmanager
def unread(address: str) -> Iterator[socket.socket]:
    """A connection with many requests, of whose answers nothing is read."""
    parts = urlsplit(address)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.settimeout(10)
        client.connect((parts.hostname, parts.port))
        threading.Thread(target=_sent, args=(client,), daemon=True).start()
        yield client


def _sent(client: socket.socket) -> None:
    with contextlib.suppress(OSError):
        client.sendall(REQUESTS)


def disconnected(client: socket.socket) -> bool:
    """Whether the service has ended the connection, by what can be read of it."""
    try:
        for _ in range(1_000):
            if not client.recv(65536):
                return True
    except ConnectionError:
        return True
    return False


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the kernel has no such bound")
@pytest.mark.parametrize("off", [(), ("deadlines",)], ids=["on", "off"])
def test_client_that_does_not_read(off: tuple[str, ...]) -> None:
    """A client that reads no answer is disconnected after `body_seconds`, if there are deadlines."""
    settings = Settings(port=0, off=("rate_limits", *off), body_seconds=SECONDS)
    with serving(settings, TOKEN) as (address, _), unread(address) as client:
        time.sleep(4 * SECONDS)
        assert httpx.get(f"{address}/v2/health/live").status_code == 200
        assert disconnected(client) is not bool(off)


async def large(_scope: Scope, _receive: Receive, send: Send) -> None:
    """An application whose answers have 8 MiB: more than all buffers on the way."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": bytes(8 << 20)})


def ended_while_reading(address: str, seconds: float) -> bool:
    """Whether a service ends the connection of a client that takes 100 to 200 KB of an answer a second.

    Some of it is taken all the time, so that the kernel does not end the connection.
    """
    parts, ended, until = urlsplit(address), select.poll(), time.monotonic() + seconds
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
        client.connect((parts.hostname, parts.port))
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        ended.register(client, select.POLLHUP | select.POLLERR)
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < until:
                client.recv(1 << 12)
                if ended.poll(20):
                    return True
            return False
    return True


@pytest.mark.flaky(reruns=2)  # a busy machine can exceed the limit
@pytest.mark.parametrize("off", [(), ("deadlines",)], ids=["on", "off"])
def test_client_that_reads_little_by_little(off: tuple[str, ...]) -> None:
    """A client that takes a whole answer too slowly is disconnected, if there are deadlines."""
    settings = Settings(port=0, off=off, header_seconds=SECONDS / 2, body_seconds=SECONDS / 2)
    with ServerThread(large, settings) as server:
        assert ended_while_reading(server.address, 6 * SECONDS) is not bool(off)


def test_connection_that_is_used_stays() -> None:
    """A connection whose answers are read stays open for longer than one answer may take."""
    settings = Settings(port=0, header_seconds=0.5, body_seconds=0.5)
    with serving(settings, TOKEN) as (address, _), httpx.Client(base_url=address) as http:
        used, until = set(), time.monotonic() + 2.5
        while time.monotonic() < until:
            answer = http.get("/v2/health/live")
            used.add(answer.extensions["network_stream"].get_extra_info("client_addr"))
            time.sleep(0.05)
    assert len(used) == 1


def test_local_sockets_do_not_end_the_watch() -> None:
    """A late client is disconnected also where the process has sockets without a port."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    with contextlib.closing(listener), contextlib.ExitStack() as opened:
        for local in socket.socketpair():
            opened.enter_context(local)
        client = opened.enter_context(socket.create_connection(("127.0.0.1", port)))
        accepted = opened.enter_context(listener.accept()[0])
        clients = SlowClients(accepts_nothing, port, Limits(0.0, 1, 0.0))
        clients._disconnect({accepted.getpeername()})
        assert disconnected(client)


async def accepts_nothing(_scope: object, _receive: object, _send: object) -> None:
    """An application that gives no answer."""
