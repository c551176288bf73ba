"""Who sends a request: a bearer token, or the cookie of a session that a token started."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from securemnist.serve.controls.base import Around, header
from securemnist.serve.record import draft_of
from securemnist.serve.refusal import Refusal
from securemnist.serve.sessions import cookie_of


def authentication(app: ASGIApp, around: Around) -> ASGIApp:
    """Refuse requests without a valid token or cookie, except for public paths."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        owner = owner_of(scope, around)
        if owner is None and scope["path"] not in around.public:
            raise Refusal(
                401,
                "expected a valid token, got none; send it as Authorization: Bearer TOKEN",
                headers={"WWW-Authenticate": "Bearer"},
            )
        draft_of(scope).subject = owner or ""
        await app(scope, receive, send)

    return wrapped


def owner_of(scope: Scope, around: Around) -> str | None:
    """The id of the token behind a request; None without a valid one. A header counts before a cookie."""
    sent = header(scope, "authorization")
    if sent is not None:
        scheme, _, token = sent.partition(" ")
        return around.tokens.owner(token) if scheme.lower() == "bearer" else None
    cookie = cookie_of(header(scope, "cookie") or "")
    owner = around.sessions.owner(cookie) if cookie else None
    return owner if owner is not None and around.tokens.has(owner) else None
