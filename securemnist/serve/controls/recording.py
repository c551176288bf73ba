"""The record of each request, before its answer is sent."""

from __future__ import annotations

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from securemnist.errors import AuditError
from securemnist.serve.controls.base import Around
from securemnist.serve.record import draft_of
from securemnist.serve.refusal import Refusal

log = logging.getLogger("securemnist")


def recording(app: ASGIApp, around: Around) -> ASGIApp:
    """Call the observers with each record; where one fails, the answer is 503, without results."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        draft_of(scope)
        refused = False

        async def recorded(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start":
                refused = not _observe(around, scope, message["status"])
                if refused:
                    await _unrecorded(scope, receive, send)
            if not refused:
                await send(message)

        await app(scope, receive, recorded)

    return wrapped


def _observe(around: Around, scope: Scope, status: int) -> bool:
    try:
        for record in draft_of(scope).records(status):
            for observer in around.service.observers:
                observer(record)
    except AuditError:  # its observer prints it, not for each of the requests of a client
        return False
    except Exception:
        log.exception("expected a record of each request, an observer failed")
        return False
    return True


async def _unrecorded(scope: Scope, receive: Receive, send: Send) -> None:
    refusal = Refusal(503, "expected a record of this request, got none; try again later")
    await refusal.response()(scope, receive, send)
