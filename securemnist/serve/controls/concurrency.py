"""How many requests are in work, and for how long; what is too much is refused, not queued."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from securemnist.serve.controls.base import Around
from securemnist.serve.refusal import Overloaded


def concurrency(app: ASGIApp, around: Around) -> ASGIApp:
    """Refuse a request with 503 while too many are in work, and one that takes too long."""
    most, seconds = around.settings.requests, around.settings.answer_seconds
    working = 0

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal working
        if working >= most:
            raise Overloaded
        working += 1
        try:
            async with asyncio.timeout(seconds):
                await app(scope, receive, send)
        except TimeoutError:
            raise Overloaded from None
        finally:
            working -= 1

    return wrapped
