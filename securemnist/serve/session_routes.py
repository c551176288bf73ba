"""`/session`: a token becomes the cookie of the page, and the cookie ends."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from securemnist.serve import draft
from securemnist.serve.refusal import Refusal
from securemnist.serve.routes import Path
from securemnist.serve.service import Service
from securemnist.serve.sessions import cookie_of
from securemnist.serve.settings import Settings


async def start(request: Request) -> Response:
    """204 with the cookie of the token's owner. The page sends the token as a header, once."""
    if "authorization" not in request.headers:  # a cookie does not prolong itself
        raise Refusal(401, "expected a token, got none; send it as Authorization: Bearer TOKEN")
    owner = draft.of(request.scope).subject
    cookie = request.app.state.sessions.start(owner)
    return Response(status_code=204, headers={"Set-Cookie": cookie})


async def end(request: Request) -> Response:
    """204, and the browser deletes the cookie, of which no copy is accepted any longer."""
    cookie = cookie_of(request.headers.get("cookie", ""))
    deleted = request.app.state.sessions.end(cookie)
    return Response(status_code=204, headers={"Set-Cookie": deleted})


def routes(_service: Service, _settings: Settings) -> tuple[Path, ...]:
    return Path("/session", "POST", start), Path("/session/end", "POST", end)
