"""The moving window of rate limits, and what it counts."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from securemnist.serve.application import create_application
from securemnist.serve.controls.rate_limits import MovingWindow, client_of
from securemnist.serve.service import Service
from securemnist.serve.settings import Settings
from tests.serve.hosts import URL, toy


def test_moving_window() -> None:
    """No window of ten seconds holds more than two requests, wherever it begins."""
    now = 0.0
    window = MovingWindow(2, 10, lambda: now)
    accepted = []
    for now in (0.0, 9.0, 9.5, 10.5, 18.0, 19.5):
        if not window.wait("key"):
            accepted.append(now)
    assert accepted == [0.0, 9.0, 10.5, 19.5]


def test_moving_windows_are_bounded() -> None:
    """A hundred thousand addresses do not fill the memory."""
    window = MovingWindow(2, 10)
    for number in range(100_000):
        window.wait(str(number))
    assert len(window._times) == 10_000


@pytest.mark.parametrize(
    ("address", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:0:0:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "testclient", False),
    ],
)
def test_what_counts_as_one_client(address: str, other: str, same: bool) -> None:
    """Addresses of one /64 network count together; those of IPv4, also when mapped, one by one."""
    assert (client_of(address) == client_of(other)) is same


def test_network_of_a_client_has_one_budget() -> None:
    """A client that changes its IPv6 address within its network is refused by the limit of addresses."""
    service, settings = Service((toy(),)), Settings(requests_per_address=5)
    application = create_application(service, settings)

    async def asked(network: int) -> list[int]:
        found = []
        for number in range(1, 7):
            client = (f"2001:db8:0:{network}::{number:x}", 1)
            transport = httpx.ASGITransport(application, client=client)
            async with httpx.AsyncClient(transport=transport, base_url=URL) as http:
                found.append((await http.get("/v2/health/live")).status_code)
        return found

    assert [asyncio.run(asked(network)) for network in (0, 1)] == [[200] * 5 + [429]] * 2
    service.close(10)
