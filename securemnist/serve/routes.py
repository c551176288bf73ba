"""One route of the service; paths that need no token are marked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from securemnist.serve.service import Service
from securemnist.serve.settings import Settings


@dataclass(frozen=True)
class Path:
    """A path, its method and its function. `public`: no token is needed; such a path has no variables.

    The function finds `service`, `settings`, `tokens` and `sessions` in `request.app.state`.
    """

    path: str
    method: str
    function: Callable[[Request], Awaitable[Response]]
    public: bool = False


# Builds the routes of a topic for a service.
Routes = Callable[[Service, Settings], tuple[Path, ...]]
