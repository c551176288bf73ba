"""The application: routes from tables, and the controls around them."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from securemnist.serve import page, protocol, sessions
from securemnist.serve.controls import CONTROLS, Around
from securemnist.serve.routes import Routes
from securemnist.serve.service import Service
from securemnist.serve.sessions import Sessions
from securemnist.serve.settings import Settings
from securemnist.serve.tokens import Token, Tokens

# The topics of the service; each is a function of a service and its settings.
ROUTES: tuple[Routes, ...] = (protocol.routes, sessions.routes, page.routes)


def create_application(
    service: Service, settings: Settings, tokens: Iterable[Token] = ()
) -> Starlette:
    """The ASGI application of a service, with all controls that are not in `settings.off`.

    Without tokens every request that needs one is refused.
    """
    paths = [path for routes in ROUTES for path in routes(service, settings)]
    public = frozenset(path.path for path in paths if path.public)
    started = Sessions(settings.session_seconds)
    around = Around(service, settings, Tokens(tokens), started, public)
    application = Starlette(
        routes=[Route(path.path, path.function, methods=[path.method]) for path in paths],
        middleware=[
            Middleware(control, around)
            for switch, control in CONTROLS
            if switch is None or settings.has(switch)
        ],
        exception_handlers={HTTPException: _raise},
    )
    application.router.redirect_slashes = False  # a redirect would repeat the Host header
    for name in ("service", "settings", "tokens", "sessions"):
        setattr(application.state, name, getattr(around, name))
    return application


def _raise(_request: Request, error: Exception) -> Response:
    raise error  # the control `errors` answers it
