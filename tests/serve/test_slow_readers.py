"""Clients that send requests and do not read the answers."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from securemnist.serve.settings import Settings
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
