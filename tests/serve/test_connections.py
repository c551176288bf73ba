"""Thousands of idle connections of one address: bounded memory, and honest requests that are answered."""

from __future__ import annotations

import contextlib
import resource
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from securemnist.serve.application import create_application
from securemnist.serve.server import ServerThread
from securemnist.serve.service import Service
from securemnist.serve.settings import Settings
from securemnist.serve.tokens import Token
from tests.serve.hosts import INFER, text, toy

CONNECTIONS, MOST_MIB = 2_000, 100
TOKEN, SECRET = Token.new("alice")


@pytest.fixture(autouse=True)
def _open_files() -> None:
    """Allow as many open files as both ends of the connections need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * CONNECTIONS + 1_000
    if soft < wanted:
        if hard != resource.RLIM_INFINITY and hard < wanted:
            pytest.skip(f"{wanted} open files are needed, and {hard} are allowed")
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextlib.contextmanager
def flooded(*off: str) -> Iterator[str]:
    """The URL of a server of the toy model that 2,000 idle connections wait at."""
    settings = Settings(port=0, off=("rate_limits", *off), header_seconds=1)
    service, flood = Service((toy(),)), list[socket.socket]()
    with ServerThread(create_application(service, settings, [TOKEN]), settings) as server:
        parts = urlsplit(server.address)
        for _ in range(CONNECTIONS):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex((parts.hostname, parts.port))
            flood.append(client)
        try:
            yield server.address
        finally:
            for client in flood:
                client.close()
    service.close(10)


def asked(address: str, seconds: float) -> int:
    """The status of an honest request, which waits so long for its answer."""
    headers = {"Authorization": f"Bearer {SECRET}"}
    return httpx.post(address + INFER, content=text(), headers=headers, timeout=seconds).status_code


def resident_mib() -> float:
    """Resident memory of this process."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def test_idle_connections_of_one_address() -> None:
    """2,000 idle connections cost little memory; an honest request waits for their deadline at most."""
    before = resident_mib()
    with flooded() as address:
        assert [asked(address, 20) for _ in range(3)] == [200, 200, 200]
        assert resident_mib() - before < MOST_MIB


def test_idle_connections_without_the_deadline() -> None:
    """Without the deadline of headers the same connections keep an honest request waiting."""
    with flooded("deadlines") as address, pytest.raises(httpx.TimeoutException):
        asked(address, 3)
