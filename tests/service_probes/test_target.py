"""Addresses of services, and answers that do not end."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest
import torch

from securemnist.errors import MeasureError
from securemnist.input_spec import MNIST
from securemnist.service_probes.endpoint import split
from securemnist.service_probes.target import Target
from tests.odd_server import Request, answer, serving


@pytest.mark.flaky(reruns=2)  # a busy machine can exceed the limit
def test_dripping_answer_ends_in_time() -> None:
    """An answer of which a byte arrives now and then is none after the timeout."""
    ended = threading.Event()

    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-A: ")
            while not ended.wait(0.05):
                connection.sendall(b"a")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,))
        thread.start()
        url, began = f"http://127.0.0.1:{server.getsockname()[1]}", time.monotonic()
        with Target(url, "m", MNIST, torch.zeros(1, 1, 28, 28), None, timeout=0.3) as target:
            assert target.send("GET", "/").status == -1
        ended.set()
        thread.join()
    assert time.monotonic() - began < 1


def test_service_that_closes_used_connections_is_asked_anew() -> None:
    """Each request has a connection of its own: a service may close an unused one at any moment."""
    served = set()

    def once_a_connection(_: Request) -> list[bytes]:
        thread = threading.current_thread()  # one for each connection
        if thread in served:
            return [b""]
        served.add(thread)
        return answer({})

    with (
        serving(once_a_connection) as url,
        Target(url, "m", MNIST, torch.zeros(1, 1, 28, 28), None) as target,
    ):
        assert [target.send("GET", "/").status for _ in range(2)] == [200, 200]


def test_name_of_no_host() -> None:
    """A name that cannot be looked up is no refusal."""
    with (
        Target("http://a..example", "m", MNIST, torch.zeros(1, 1, 28, 28), None) as target,
        pytest.raises(MeasureError, match="expected a request that can be sent"),
    ):
        target.send("GET", "/")


@pytest.mark.parametrize(
    "address",
    [
        "http://good.example@evil.example/v2/models/a",
        "http://@evil.example/v2/models/a",
        "http://good.example\\@evil.example/v2/models/a",
        "http://good.example\n.evil.example/v2/models/a",
        "http://good.example/v2/models/a#b",
        "http://good.example:99999/v2/models/a",
        "http://good.example:0/v2/models/a",
        "http://[::1/v2/models/a",
        "ftp://good.example/v2/models/a",
    ],
)
def test_ambiguous_addresses_are_refused(address: str) -> None:
    """An address whose host could be read in two ways is no endpoint."""
    with pytest.raises(ValueError, match=r"expected an endpoint|Port|IPv6"):
        split(address)
    assert split("http://[::1]:8080/v2/models/a") == ("http://[::1]:8080", "a")
