"""Errors without details: what a client reads quotes no trace, version, path or input."""

from __future__ import annotations

import logging
import traceback

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from securemnist.serve.controls.base import Around
from securemnist.serve.refusal import Refusal

log = logging.getLogger("securemnist")
_SENTENCES = {
    404: "expected a path of this service, got another; see /v2/openapi.json",
    405: "expected a method of this path, got another; see /v2/openapi.json",
}


def errors(app: ASGIApp, around: Around) -> ASGIApp:
    """Turn errors into answers; the log has the details.

    Switched off, an unexpected error is answered with its trace.
    """
    hidden = around.settings.has("errors")

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await app(scope, receive, noting)
        except Exception as error:
            if started:
                raise
            await _answer(error, hidden=hidden)(scope, receive, send)

    return wrapped


def _answer(error: Exception, *, hidden: bool) -> JSONResponse:
    if isinstance(error, HTTPException):
        sentence = _SENTENCES.get(error.status_code, "expected another request; see the docs")
        error = Refusal(error.status_code, sentence, headers=error.headers)
    if isinstance(error, Refusal):
        return error.response()
    log.error("an error while answering", exc_info=error)
    text = "expected to answer, an error occurred; the log of the service has the details"
    if not hidden:
        text = "".join(traceback.format_exception(error))
    return JSONResponse({"error": text}, 500)
