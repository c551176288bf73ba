"""The server on a port of loopback: deadlines, the stop, the command."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import torch
from torch import nn

from securemnist.errors import UsageError
from securemnist.serve.application import create_application
from securemnist.serve.server import Server, ServerThread, free_address
from securemnist.serve.service import Service
from securemnist.serve.settings import Settings
from securemnist.serve.tokens import Token
from tests import warm
from tests.error_form import one_sentence
from tests.serve.hosts import INFER, serving, text, toy

SETTINGS = Settings(port=0, header_seconds=0.5, body_seconds=0.5)
TOKEN, SECRET = Token.new("alice")
HEADERS = {"Authorization": f"Bearer {SECRET}"}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The URL of a server of the toy model, with short deadlines."""
    with serving(SETTINGS, TOKEN) as (url, _):
        yield url


def connection(address: str) -> socket.socket:
    """A connection to a server."""
    parts = urlsplit(address)
    return socket.create_connection((parts.hostname, parts.port), timeout=10)


def test_answers(address: str) -> None:
    """A request through the network gets its answer, without the name of the HTTP server."""
    answer = httpx.post(address + INFER, content=text(), headers=HEADERS)
    assert answer.json()["outputs"][0]["data"] == [5]
    assert "granian" not in str(answer.headers).lower()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])  # noqa: S104
def test_started_means_listening(host: str) -> None:
    """When a server says that it has started, its port accepts connections at once."""

    async def refused(_: object, __: object, ___: object) -> None:
        raise AssertionError("expected no request")

    settings = SETTINGS.model_copy(update={"host": host})
    for _ in range(5):
        with ServerThread(refused, settings) as server:  # type: ignore[arg-type]
            port = urlsplit(server.address).port
            socket.create_connection(("127.0.0.1", port), timeout=5).close()


@pytest.mark.parametrize("host", ["x" * 70, "a..b"])
def test_impossible_hosts_are_usage_errors(host: str) -> None:
    """A host without an address is refused in one sentence."""
    with pytest.raises(UsageError, match="expected a host of this machine") as caught:
        free_address(host, 0)
    one_sentence(caught.value)


@pytest.mark.flaky(reruns=2)  # a busy machine can exceed the limit
def test_slow_headers(address: str) -> None:
    """A client that sends a header a second is disconnected at the deadline."""
    with connection(address) as slow:
        slow.sendall(b"GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n")
        began = time.monotonic()
        assert slow.recv(1000) == b""
    assert time.monotonic() - began < 5


@pytest.mark.flaky(reruns=2)  # a busy machine can exceed the limit
def test_slow_bodies(address: str) -> None:
    """A client that sends a part of a body gets 408 at the deadline."""
    head = f"POST {INFER} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {SECRET}\r\n"
    with connection(address) as slow:
        slow.sendall(f"{head}Content-Length: 1000\r\n\r\n{{".encode())
        assert b" 408 " in slow.recv(1000)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 300_000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=["tls", "version", "nul", "headers", "length", "lengths", "chunks", "http2"],
)
def test_malformed_http(address: str, sent: bytes) -> None:
    """Bytes that are no HTTP/1 are refused below 500 or disconnected, and the server goes on."""
    with connection(address) as hostile:
        try:
            hostile.sendall(sent)
            answer = hostile.recv(1000)
        except ConnectionError:
            answer = b""
    assert answer == b"" or 400 <= int(answer.split()[1]) < 500
    assert httpx.get(address + "/v2/health/live").status_code == 200


def test_stop_answers_what_was_accepted() -> None:
    """A stop during a request lets it end, and refuses later connections."""
    gate, inside = threading.Event(), threading.Event()

    class Slow(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            inside.set()
            gate.wait(10)
            return torch.zeros(len(x), 10)

    service = Service((toy(Slow()),))
    server = ServerThread(create_application(service, SETTINGS, [TOKEN]), SETTINGS)
    with ThreadPoolExecutor(1) as pool, server:
        url = server.address + INFER
        pending = pool.submit(httpx.post, url, content=text(), headers=HEADERS, timeout=20)
        assert inside.wait(10)
        server.stop()
        time.sleep(0.3)
        with pytest.raises(httpx.ConnectError):
            httpx.get(server.address)
        gate.set()
        assert pending.result().status_code == 200
    service.close(10)


def test_taken_port(address: str) -> None:
    """A port in use is refused in one sentence."""
    settings = Settings(port=urlsplit(address).port or 1)
    with pytest.raises(UsageError, match="expected a free port"):
        Server(lambda *_: asyncio.sleep(0), settings)


def test_command_serves_until_it_is_stopped(tmp_path: Path) -> None:
    """`securemnist serve` prints a link with a token, answers, and stops at SIGTERM with code 0."""
    command = warm.python("-m", "securemnist", "serve", "--port", "0", "--beside", "hardened")
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            names, _, link = child.stdout.readline().strip().rpartition(": ")
            url, _, token = link.partition("/#token=")
            headers = {"Authorization": f"Bearer {token}"}
            metadata = httpx.get(url + "/v2", headers=headers).json()
        finally:
            child.send_signal(signal.SIGTERM)
        rest = child.stdout.read()
    assert names == "certified, hardened"
    assert metadata["models"] == ["certified", "hardened"]
    assert "all accepted requests were answered" in rest
    assert child.returncode == 0


def test_settings_file_is_strict(tmp_path: Path) -> None:
    """A misspelt key, an unknown control and a wrong type are refused in one sentence."""
    from securemnist.serve.settings import load

    path = tmp_path / "serve.toml"
    for line in ("prot = 1", 'off = ["locks"]', "port = 99999", "images = 1.5", 'hosts = "x"'):
        path.write_text(f"[serve]\n{line}\n")
        with pytest.raises(UsageError, match=r"\[serve\]"):
            load(path)
    for table in ("labels_only = true", "[server]\nport = 0", ""):  # nothing would be read
        path.write_text(table)
        with pytest.raises(UsageError, match=r"expected a table \[serve\]"):
            load(path)
    path.write_text('[serve]\noff = ["rounding"]\nport = 0\nhosts = ["digits.example"]\n')
    settings = load(path)
    assert not settings.has("rounding")
    assert settings.has("authentication")


def test_switched_off_controls_are_printed() -> None:
    """The start names each control that is off, and an address that is not loopback."""
    from securemnist.serve.hosting import warnings_of

    found = warnings_of(Settings(host="0.0.0.0", off=("rounding", "hosts")))  # noqa: S104
    assert [text.split(";")[0] for text in found] == [
        "the control 'rounding' is switched off",
        "the control 'hosts' is switched off",
        "0.0.0.0 is no loopback address, and HTTP is not encrypted",
    ]
    assert warnings_of(Settings()) == []
