"""The transport: proxies of the environment, errors of connections, no private part of httpx."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import httpx
import pytest

import securemnist
from securemnist.endpoint.transport import Transport, proxy_for
from securemnist.errors import UsageError
from tests.error_form import one_sentence


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name.upper()}_PROXY", raising=False)


@pytest.mark.parametrize(
    ("named", "uri", "expected"),
    [
        ({}, "http://a.example/x", None),
        ({"http_proxy": "http://p:1"}, "http://a.example/x", "http://p:1"),
        ({"http_proxy": "p:1"}, "http://a.example/x", "http://p:1"),
        ({"http_proxy": "http://p:1"}, "https://a.example/x", None),
        ({"https_proxy": "http://p:1"}, "https://a.example/x", "http://p:1"),
        ({"all_proxy": "http://p:1"}, "https://a.example/x", "http://p:1"),
        ({"http_proxy": "http://p:1", "no_proxy": "a.example"}, "http://a.example:81/x", None),
        ({"http_proxy": "http://p:1", "no_proxy": "*"}, "http://a.example/x", None),
        ({"http_proxy": "http://p:1", "no_proxy": "b.example"}, "http://a.example/", "http://p:1"),
    ],
)
def test_proxy_of_an_address(
    named: dict[str, str], uri: str, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy of the scheme counts, else that for all; `no_proxy` names exceptions."""
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(uri) == expected


@pytest.mark.parametrize(
    "address", ["ftp://p:1", "http://", "http://p:x", "http://[p", "http://a:secret@"]
)
def test_other_proxies_are_refused(address: str) -> None:
    """A proxy of another kind is a usage error, and its password is not repeated."""
    with pytest.raises(UsageError, match="expected a proxy as http, https") as caught:
        Transport(None, 1, address)
    assert "secret" not in one_sentence(caught.value)


def test_closed_port_is_a_connection_error() -> None:
    """A refused connection is httpx's ConnectError, whatever the pool raises."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        client = httpx.Client(transport=Transport(ssl.create_default_context(), 1))
        with client, pytest.raises(httpx.ConnectError):
            client.get(f"http://127.0.0.1:{port}/")


def test_no_private_part_of_httpx_is_used() -> None:
    """No file of the package reads a private attribute of an HTTP client or its pool."""
    private = ("._transport", "._pool._", "._mounts", "._network_backend")
    for path in Path(securemnist.__file__).parent.rglob("*.py"):
        text = path.read_text()
        assert not [name for name in private if name in text], path
