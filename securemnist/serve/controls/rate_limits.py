"""Rate limits for each address, before the token is read, and for each token."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from securemnist.serve import draft
from securemnist.serve.controls.base import Around
from securemnist.serve.controls.moving_window import MovingWindow
from securemnist.serve.refusal import Refusal


def per_address(app: ASGIApp, around: Around) -> ASGIApp:
    """Refuse an address that sends more than its share."""
    limit = around.settings.requests_per_address
    return _limited(app, around, limit, lambda scope: draft.of(scope).address)


def per_token(app: ASGIApp, around: Around) -> ASGIApp:
    """Refuse a token that is used for more than its share."""
    limit = around.settings.requests_per_token
    return _limited(app, around, limit, lambda scope: draft.of(scope).subject)


def _limited(app: ASGIApp, around: Around, limit: int, key: Callable[[Scope], str]) -> ASGIApp:
    window = MovingWindow(limit, around.settings.window_seconds)

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        name = key(scope)
        seconds = window.wait(name) if name else 0
        if seconds:
            raise Refusal(
                429,
                "expected fewer requests, got more than the limit; wait as Retry-After says",
                headers={"Retry-After": str(seconds)},
            )
        await app(scope, receive, send)

    return wrapped
