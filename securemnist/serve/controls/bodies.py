"""Bodies: a cap that is counted while they arrive, a deadline, and a bound of all that arrive at once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from securemnist.serve.controls.base import Around, header
from securemnist.serve.refusal import Overloaded, Refusal

_UNLIMITED = 1 << 40


@dataclass
class _Buffered:
    """Bytes of all bodies that are held at the moment."""

    bytes: int = 0


def bodies(app: ASGIApp, around: Around) -> ASGIApp:
    """Receive the whole body within its limits, before anything else is done for the request."""
    settings, held = around.settings, _Buffered()
    capped = settings.has("body_cap")
    cap = settings.body_bytes if capped else _UNLIMITED
    most = settings.buffered_bytes if capped else _UNLIMITED
    seconds = settings.body_seconds if settings.has("deadlines") else None

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        body = bytearray()
        if _declared(scope) > cap:
            raise _too_large()
        try:
            await _in_time(seconds, _receive(receive, body, held, cap, most))
            await app(scope, _replayed(bytes(body)), send)
        finally:
            held.bytes -= len(body)

    return wrapped


def _declared(scope: Scope) -> int:
    length = header(scope, "content-length") or "0"
    if not re.fullmatch(r"[0-9]{1,15}", length):
        raise Refusal(400, "expected a Content-Length in digits, got something else; fix it")
    return int(length)


async def _in_time(seconds: float | None, receiving: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(seconds):
            await receiving
    except TimeoutError:
        raise Refusal(408, "expected the body in time, got a part of it; send it faster") from None


async def _receive(receive: Receive, body: bytearray, held: _Buffered, cap: int, most: int) -> None:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "expected a whole body, got a part of it")
        part = message.get("body", b"")
        if len(body) + len(part) > cap:
            raise _too_large()
        if held.bytes + len(part) > most:
            raise Overloaded
        body += part
        held.bytes += len(part)
        more = message.get("more_body", False)


def _too_large() -> Refusal:
    return Refusal(413, "expected a smaller body, got more than the limit; send fewer images")


def _replayed(body: bytes) -> Receive:
    sent = False

    async def receive() -> Message:
        nonlocal sent
        if sent:
            return {"type": "http.disconnect"}
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
