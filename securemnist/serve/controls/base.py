"""The interface of a control: ASGI in, ASGI out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Scope

from securemnist.serve.service import Service
from securemnist.serve.sessions import Sessions
from securemnist.serve.settings import Settings
from securemnist.serve.tokens import Tokens


@dataclass(frozen=True)
class Around:
    """What controls know: the service, its settings, its tokens, and the paths that need no token."""

    service: Service
    settings: Settings
    tokens: Tokens
    sessions: Sessions
    public: frozenset[str] = field(default_factory=frozenset)


# Puts a control around an application; it raises a Refusal where it refuses a request.
Control = Callable[[ASGIApp, Around], ASGIApp]


def header(scope: Scope, name: str) -> str | None:
    """The value of a header, names in small letters; None without it. Several are joined by commas."""
    wanted = name.encode("latin-1")
    values = [value for key, value in scope["headers"] if key.lower() == wanted]
    return b",".join(values).decode("latin-1") if values else None
