"""Connections of an HTTP client over a network of our own, which httpx's own transport cannot take.

A transport of httpx around a pool of httpcore; both are public interfaces.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from securemnist.endpoint.deadline import Network
from securemnist.errors import UsageError

# SOCKS needs an extra of httpcore.
_SOCKS = ("socks5", "socks5h") if find_spec("socksio") else ()
_PROXIES = ("http", "https", *_SOCKS)
_ERRORS = (
    *(httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError),
    *(httpcore.ProxyError, httpcore.UnsupportedProtocol),
)


class Transport(httpx.BaseTransport):
    """At most `connections` connections at once, which keep the deadline of `deadline.deadline`.

    `verify`: what TLS is checked against. `proxy`: the address of a proxy, with user and password, or
    None. `reused`: whether a connection serves further requests; a service may close an unused one while
    the next request is sent, which is httpx.RemoteProtocolError, caused by deadline.StaleError.
    """

    def __init__(
        self,
        verify: ssl.SSLContext | None,
        connections: int,
        proxy: str | None = None,
        *,
        reused: bool = True,
    ) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=verify,
            proxy=_proxy(proxy),
            max_connections=connections,
            max_keepalive_connections=connections if reused else 0,
            keepalive_expiry=5.0,  # as httpx
            network_backend=Network(),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        sent = httpcore.Request(
            request.method,
            httpcore.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _as_httpx():
            answer = self._pool.handle_request(sent)
            # What was read with the answer before belongs to no request: it may be that of other images.
            if not answer.extensions["network_stream"].answered:
                answer.close()
                raise httpcore.RemoteProtocolError("an answer that was there before the request")
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Parts(answer.stream),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        self._pool.close()


class _Parts(httpx.SyncByteStream):
    """The parts of an answer as they arrive."""

    def __init__(self, parts: Any) -> None:
        self._parts: Any = parts

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            parts: Iterable[bytes] = self._parts
            yield from parts

    def close(self) -> None:
        self._parts.close()


def proxy_for(uri: str) -> str | None:
    """The proxy that the environment names for an address; None where it names none."""
    address, named = urlsplit(uri), getproxies()
    if proxy_bypass(address.netloc.rpartition("@")[2]):
        return None
    found = named.get(address.scheme) or named.get("all")
    return found if not found or "://" in found else f"http://{found}"


def tls_error(error: BaseException | None) -> ssl.SSLError | None:
    """The error of TLS that has caused an error; None where there is none."""
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error


def refused_certificate(error: BaseException | None) -> str:
    """Why the certificate of the host is refused, where that has caused an error; else ""."""
    found = tls_error(error)
    return str(found.verify_message) if isinstance(found, ssl.SSLCertVerificationError) else ""


def _proxy(address: str | None) -> httpcore.Proxy | None:
    if not address:
        return None
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
        valid = parts.scheme in _PROXIES
    except ValueError:  # an impossible port or host
        valid = False
    if not valid or not parts.hostname:
        raise UsageError(  # the address may hold a password
            f"expected a proxy as {', '.join(_PROXIES)}://HOST:PORT, got another address; fix the "
            "environment, or set use_proxies = false"
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    auth = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return httpcore.Proxy(f"{parts.scheme}://{host}{port}", auth=auth)


@contextlib.contextmanager
def _as_httpx() -> Iterator[None]:
    """The errors of httpcore as those of httpx."""
    try:
        yield
    except _ERRORS as error:
        # Both libraries use the same names; ours is that of the class above it.
        names = [kind.__name__ for kind in type(error).__mro__ if hasattr(httpx, kind.__name__)]
        raise getattr(httpx, names[0])(str(error)) from error
