"""The Host header: another name may be a rebound DNS name, through which a page reads answers."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from securemnist.serve.controls.base import Around
from securemnist.serve.refusal import Refusal
from securemnist.serve.settings import LOOPBACK, in_url


def hosts(app: ASGIApp, around: Around) -> ASGIApp:
    """Refuse requests that name another host than this service, or several."""
    own = map(in_url, (*LOOPBACK, around.settings.host))
    known = {name.lower() for name in (*own, *around.settings.hosts)}

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        names = [value for key, value in scope["headers"] if key.lower() == b"host"]
        if len(names) != 1 or without_port(names[0].decode("latin-1")) not in known:
            raise Refusal(421, "expected the name of this service as Host, got another; fix it")
        await app(scope, receive, send)

    return wrapped


def without_port(host: str) -> str:
    """The name of a host in small letters; an IPv6 address keeps its brackets."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdecimal() else host).lower()
