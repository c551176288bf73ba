"""Services that keep slow clients fail the row of slow requests by that check."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
import torch

from securemnist.input_spec import MNIST
from securemnist.service_probes.slow_reader import read_slowly
from securemnist.service_probes.slow_requests import slow_requests
from securemnist.service_probes.target import Target
from tests.odd_server import answer, serving

REFUSAL = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"


def target(url: str) -> Target:
    """A service that is asked for half a second at most."""
    return Target(url, "m", MNIST, torch.zeros(1, 1, 28, 28), "a.token", timeout=0.5)


@contextlib.contextmanager
def refusing(*, and_closing: bool) -> Iterator[str]:
    """The address of a server that answers every connection by 408 before it reads anything."""
    kept: list[socket.socket] = []

    def accept(server: socket.socket) -> None:
        with contextlib.suppress(OSError):  # closed at the end
            while True:
                connection, _ = server.accept()
                connection.sendall(REFUSAL)
                kept.append(connection)
                if and_closing:
                    connection.shutdown(socket.SHUT_WR)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=accept, args=(server,))
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
    for connection in kept:
        connection.close()


@pytest.mark.parametrize("closing", [True, False])
def test_refusal_without_an_end(closing: bool) -> None:
    """A service that answers a slow client by 408 and keeps its connection does not cut it off."""
    with refusing(and_closing=closing) as url, target(url) as asked:
        found = [one.name for one in slow_requests(asked) if not one.holds]
    trickling = [f"{kind} sent byte by byte" for kind in ("headers", "a body", "a body in chunks")]
    assert (set(trickling) <= set(found)) is not closing


def test_reader_that_is_not_cut_off() -> None:
    """A service that waits for a slow reader, or buffers all answers, fails the check."""
    with serving(lambda _: answer(b"a" * 2000)) as url, target(url) as asked:
        assert read_slowly(asked).status == -1


@pytest.mark.parametrize("ends", ["closed", "reset"])
def test_reader_that_is_cut_off(ends: str) -> None:
    """A service that ends the connection of a slow reader passes, by a reset or behind its buffers."""
    linger = (1, 0) if ends == "reset" else (0, 0)

    def cut(server: socket.socket) -> None:
        connection, _ = server.accept()
        connection.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            while connection.recv(1 << 20):
                connection.sendall(answer(b"a" * 200_000)[0])
        content = b"".join(part.to_bytes(4, "little") for part in linger)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, content)
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=cut, args=(server,))
        thread.start()
        with target(f"http://127.0.0.1:{server.getsockname()[1]}") as asked:
            assert read_slowly(asked).status == 0
        thread.join()
