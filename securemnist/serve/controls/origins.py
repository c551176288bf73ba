"""The Origin header: pages of other sites may not send requests with a visitor's cookie."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from securemnist.serve.controls.base import Around, header
from securemnist.serve.refusal import Refusal
from securemnist.serve.sessions import COOKIE

_SAFE = ("GET", "HEAD")


def origins(app: ASGIApp, around: Around) -> ASGIApp:
    """Refuse requests of other origins, and changes by cookie that name no origin."""
    allowed = set(around.settings.origins)

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        origin, host = header(scope, "origin"), header(scope, "host") or ""
        own = {f"http://{host}", f"https://{host}"} if host else set()
        if origin is not None and origin not in allowed | own:
            raise Refusal(403, "expected the origin of this service, got another; use its own page")
        by_cookie = COOKIE in (header(scope, "cookie") or "")
        if origin is None and by_cookie and scope["method"] not in _SAFE:
            raise Refusal(
                403, "expected an Origin beside a cookie, got none; send the token instead"
            )
        await app(scope, receive, send)

    return wrapped
