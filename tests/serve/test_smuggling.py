"""Requests whose end two servers could see differently, and clients that go away."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from securemnist.serve.service import Service
from securemnist.serve.settings import Settings
from securemnist.serve.tokens import Token
from tests.serve.hosts import INFER, serving, text

SETTINGS = Settings(port=0, off=("rate_limits",), header_seconds=0.3, body_seconds=0.5)
TOKEN, SECRET = Token.new("alice")
HEAD = f"Host: localhost\r\nAuthorization: Bearer {SECRET}\r\n"
POST, GET = f"POST {INFER} HTTP/1.1\r\n{HEAD}", f"GET /v2 HTTP/1.1\r\n{HEAD}"
BODY = text()
LENGTH = f"Content-Length: {len(BODY)}\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"
# The request, and the statuses of all answers on its connection.
CASES = {
    "two lengths": (f"{POST}{LENGTH}Content-Length: 5\r\n\r\n{BODY}", [400]),
    "a list of lengths": (f"{POST}Content-Length: 5, 5\r\n\r\n{BODY}", [400]),
    "a signed length": (f"{POST}Content-Length: +5\r\n\r\n{BODY}", [400]),
    "a length in hexadecimal": (f"{POST}Content-Length: 0x5\r\n\r\n{BODY}", [400]),
    "chunks and a length": (f"{POST}Content-Length: 5\r\n{CHUNKED}\r\n0\r\n\r\n{GET}\r\n", [400]),
    "a length and a valid body in chunks": (
        f"{POST}Content-Length: 5\r\n{CHUNKED}\r\n{len(BODY):x}\r\n{BODY}\r\n0\r\n\r\n{GET}\r\n",
        [200],  # by its chunks, and the connection ends
    ),
    "two codings": (f"{POST}{CHUNKED}Transfer-Encoding: identity\r\n\r\n0\r\n\r\n{GET}\r\n", [400]),
    "an unknown coding": (f"{POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{GET}\r\n", [400]),
    "a space before the colon": (f"{POST}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", [400]),
    "chunks in HTTP/1.0": (f"{POST}{CHUNKED}\r\n0\r\n\r\n".replace("/1.1", "/1.0"), [400]),
    "a chunk of 72 bits": (f"{POST}{CHUNKED}\r\nffffffffffffffffff\r\na\r\n0\r\n\r\n", [400]),
    "a chunk with a bare line feed": (f"{POST}{CHUNKED}\r\n2\n{{}}\n0\n\n", [400]),
    "a folded header": (f"{GET}X-A: b\r\n c\r\n\r\n", [400]),
    "a bare carriage return": (f"{GET}X-A: b\rX-C: d\r\n\r\n", [400]),
    "a NUL": (f"{GET}X-A: b\0c\r\n\r\n", [400]),
    "10,000 headers": (GET + "X-A: b\r\n" * 10_000 + "\r\n", [431]),
    "an encoded way up": (GET.replace("/v2", "/v2/%2e%2e/%2e%2e/etc/passwd") + "\r\n", [404]),
    "encoded line breaks": (GET.replace("/v2", "/v2/models/%0d%0aX:y") + "\r\n", [404]),
    "an encoded NUL": (GET.replace("/v2", "/v2/models/%00") + "\r\n", [404]),
    "bytes of no text": (GET.replace("/v2", "/v2/models/%ff%fe") + "\r\n", [404]),
    "TRACE": (GET.replace("GET", "TRACE") + "\r\n", [405]),
    "OPTIONS": (GET.replace("GET", "OPTIONS") + "\r\n", [405]),
    "a tunnel": (f"CONNECT localhost:22 HTTP/1.1\r\n{HEAD}\r\n", [404]),
    "no host": ("GET /v2 HTTP/1.1\r\n\r\n", [421]),
    "an absolute target": (GET.replace("/v2", "http://localhost/v2") + "\r\n", [200]),
    "a target of another scheme": (GET.replace("/v2", "ftp://localhost/v2") + "\r\n", [200]),
    "a target with a user": (GET.replace("/v2", "http://a:b@localhost/v2") + "\r\n", [200]),
    "a target without a host": (GET.replace("/v2", "http:///v2") + "\r\n", [400]),
    "a target without a slash": (GET.replace("/v2", "v2") + "\r\n", [404]),
    "two slashes": (GET.replace("/v2", "//localhost/v2") + "\r\n", [404]),
    "an asterisk": (GET.replace("/v2", "*") + "\r\n", [404]),
    "an absolute way up": (
        GET.replace("/v2", "http://localhost/../../etc/passwd") + "\r\n",
        [404],
    ),
    "another host in the target": (
        f"GET http://evil.example/v2 HTTP/1.1\r\nAuthorization: Bearer {SECRET}\r\n\r\n",
        [421],
    ),
    "another host behind an absolute target": (
        f"GET http://localhost/v2 HTTP/1.1\r\n{HEAD}\r\n".replace(": localhost", ": evil.example"),
        [421],
    ),
    "an absolute target without a token": (
        "GET http://localhost/v2 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        [401],
    ),
    "an absolute target of an inference": (
        f"{POST}{LENGTH}\r\n{BODY}".replace("POST /", "POST http://localhost/"),
        [200],
    ),
    "another protocol": (f"{GET}Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", [200]),
    "three requests at once": (f"{GET}\r\n" * 3, [200, 200, 200]),
    "an expectation": (f"{POST}{LENGTH}Expect: 100-continue\r\n\r\n{BODY}", [100, 200]),
}


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[str, Service]]:
    """The URL of a server of the toy model, and its service."""
    with serving(SETTINGS, TOKEN) as both:
        yield both


def opened(address: str) -> socket.socket:
    """A connection to a server."""
    parts = urlsplit(address)
    return socket.create_connection((parts.hostname, parts.port), timeout=10)


@pytest.mark.parametrize("name", CASES)
def test_framing(running: tuple[str, Service], name: str) -> None:
    """A request with two readings gets one refusal, and nothing behind it is taken for a request."""
    sent, statuses = CASES[name]
    answer = b""
    with opened(running[0]) as client:
        client.settimeout(2)
        client.sendall(sent.encode("latin-1"))
        try:
            while part := client.recv(65536):
                answer += part
        except ConnectionError:
            pass
    found = [int(status) for status in re.findall(rb"HTTP/1\.[01] ([0-9]{3}) ", answer)]
    assert found == statuses
    assert b"root:" not in answer


def test_clients_that_go_away(running: tuple[str, Service]) -> None:
    """Requests whose client has gone leave no place in the queue taken."""
    address, service = running
    for _ in range(20):
        with opened(address) as client:
            client.sendall(f"{POST}{LENGTH}\r\n{BODY}".encode())
    ends = time.monotonic() + 5
    while service._images and time.monotonic() < ends:
        time.sleep(0.01)
    assert service._images == 0
    headers = {"Authorization": f"Bearer {SECRET}"}
    assert httpx.post(address + INFER, content=BODY, headers=headers).status_code == 200


def test_idle_connections_are_closed(running: tuple[str, Service]) -> None:
    """A connection without a request, and one behind its request, end at the deadline of headers."""
    with opened(running[0]) as client:
        assert client.recv(1) == b""
    with opened(running[0]) as client:
        client.sendall(f"{GET}\r\n".encode())
        while client.recv(65536):
            pass
