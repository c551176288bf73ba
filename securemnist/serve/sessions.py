"""Sessions of the page: a signed cookie instead of a token, and the paths that start and end one.

The name begins with `__Host-`, so that browsers bind the cookie to one origin and send it over HTTPS
only. Chromium and Firefox count loopback as secure without HTTPS; elsewhere, put the service behind
HTTPS, or send the token as a header. `SameSite=Strict` keeps other sites from using the cookie.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from securemnist.serve.record import draft_of
from securemnist.serve.refusal import Refusal
from securemnist.serve.routes import Path
from securemnist.serve.service import Service
from securemnist.serve.settings import Settings

COOKIE = "__Host-session"
_ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Strict"


class Sessions:
    """Cookies that this process signs; its restart ends all sessions.

    Only the signatures of sessions that were ended early are stored, until they would have ended. The
    clock is monotonic: one that is set back would prolong sessions, and revive ended ones.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._key = secrets.token_bytes(32)
        self._ended: dict[str, int] = {}  # signature: when the session would have ended

    def start(self, owner: str) -> str:
        """The Set-Cookie header of a new session of a token's owner."""
        ends = int(self._clock() + self._seconds)
        value = f"{owner}.{secrets.token_hex(8)}.{ends}"
        return f"{COOKIE}={value}.{self._sign(value)}; Max-Age={int(self._seconds)}; {_ATTRIBUTES}"

    def end(self, cookie: str | None) -> str:
        """The Set-Cookie header that deletes the cookie; copies of it are not accepted any longer."""
        if cookie is not None and self.owner(cookie) is not None:
            value, _, signature = cookie.rpartition(".")
            now = self._clock()
            self._ended = {one: ends for one, ends in self._ended.items() if ends > now}
            self._ended[signature] = int(value.rpartition(".")[2])
        return f"{COOKIE}=; Max-Age=0; {_ATTRIBUTES}"

    def owner(self, cookie: str) -> str | None:
        """The owner of a session by the value of its cookie; None once it has ended or was changed."""
        value, _, signature = cookie.rpartition(".")
        if not hmac.compare_digest(
            self._sign(value).encode(), signature.encode("utf-8", "replace")
        ):
            return None
        owner, _, ends = value.rpartition(".")
        if signature in self._ended or self._clock() >= int(ends):
            return None
        return owner.rpartition(".")[0]

    def _sign(self, value: str) -> str:
        return hmac.new(self._key, value.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def cookie_of(header: str) -> str | None:
    """The session's value in a Cookie header; None without one, or with several."""
    parts = [part.strip().partition("=") for part in header.split(";")]
    values = [value for name, _, value in parts if name == COOKIE]
    return values[0] if len(values) == 1 else None


async def start(request: Request) -> Response:
    """204 with the cookie of the token's owner. The page sends the token as a header, once."""
    if "authorization" not in request.headers:  # a cookie does not prolong itself
        raise Refusal(401, "expected a token, got none; send it as Authorization: Bearer TOKEN")
    owner = draft_of(request.scope).subject
    cookie = request.app.state.sessions.start(owner)
    return Response(status_code=204, headers={"Set-Cookie": cookie})


async def end(request: Request) -> Response:
    """204, and the browser deletes the cookie, of which no copy is accepted any longer."""
    cookie = cookie_of(request.headers.get("cookie", ""))
    deleted = request.app.state.sessions.end(cookie)
    return Response(status_code=204, headers={"Set-Cookie": deleted})


def routes(_service: Service, _settings: Settings) -> tuple[Path, ...]:
    return Path("/session", "POST", start), Path("/session/end", "POST", end)
