"""Headers that ask browsers to be strict; no name or version of the server."""

from __future__ import annotations

from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from securemnist.serve.controls.base import Around

# A page may send a stricter or more specific policy of its own; the others always hold.
POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
    (b"server", b"service"),  # instead of the name of the HTTP server
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)


def security_headers(app: ASGIApp, _around: Around) -> ASGIApp:
    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _added([*message.get("headers", ())])
            await send(message)

        await app(scope, receive, with_headers)

    return wrapped


def _added(headers: list[Any]) -> list[Any]:
    names = {name.lower() for name, _ in headers}
    policy = () if POLICY[0] in names else (POLICY,)
    return [*headers, *policy, *(pair for pair in HEADERS if pair[0] not in names)]
