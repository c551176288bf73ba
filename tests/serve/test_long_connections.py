"""Clients that send a request now and then: a connection has a number of requests, and a time."""

from __future__ import annotations

import http.client
import socket
import time
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from securemnist.serve.server import ServerThread
from securemnist.serve.settings import Settings
from securemnist.serve.tokens import Token
from tests.serve.hosts import serving

TOKEN, _ = Token.new("alice")
LIVE = "/v2/health/live"


def answers(settings: Settings, most: int, pause: float = 0.0, path: str = LIVE) -> list[bool]:
    """Of each answer on one connection, whether it says that the connection ends; until it has ended.

    The client reads every answer, but sends on whatever it says; `most` requests at most.
    """
    found: list[bool] = []
    with serving(settings, TOKEN) as (address, _):
        parts = urlsplit(address)
        with socket.create_connection((parts.hostname, parts.port), 10) as client:
            while len(found) < most and (answer := answered(client, path)) is not None:
                found.append(answer.getheader("connection") == "close")
                time.sleep(pause)
    return found


def answered(client: socket.socket, path: str) -> http.client.HTTPResponse | None:
    """The answer to a request; None where the connection has ended."""
    try:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        answer = http.client.HTTPResponse(client)
        answer.begin()
        answer.read()
    except (ConnectionError, http.client.BadStatusLine):
        return None
    return answer


@pytest.mark.parametrize("path", [LIVE, "/v2/models/toy"], ids=["answered", "refused"])
def test_a_connection_has_a_number_of_requests(path: str) -> None:
    """Refused requests count, too: a client without a token cannot keep a connection by them."""
    assert answers(Settings(port=0, connection_requests=3), 8, path=path) == [False, False, True]


def test_a_connection_has_a_time() -> None:
    """A client that is never idle loses its connection after `connection_seconds`."""
    found = answers(Settings(port=0, connection_seconds=0.3), 100, pause=0.1)
    assert found == [*[False] * (len(found) - 1), True]
    assert 2 <= len(found) <= 5  # requests at 0, 0.1, 0.2 and 0.3 seconds, or later


def test_without_deadlines_a_connection_stays() -> None:
    """`off = ["deadlines"]` removes this limit, too."""
    settings = Settings(port=0, off=("deadlines",), connection_requests=2, connection_seconds=0.1)
    assert answers(settings, 5, pause=0.05) == [False] * 5


async def empty(_scope: Scope, _receive: Receive, send: Send) -> None:
    """An application with empty answers."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def test_connections_that_have_ended_are_forgotten() -> None:
    """Nothing is kept of them, so that memory has a limit."""
    with ServerThread(empty, Settings(port=0, header_seconds=1.0, body_seconds=1.0)) as server:
        for _ in range(20):
            httpx.get(server.address)
        slow = server._server._slow
        assert slow is not None
        until = time.monotonic() + 20
        while (slow._used or slow._ready) and time.monotonic() < until:
            time.sleep(0.05)
        assert slow._used == slow._ready == {}
