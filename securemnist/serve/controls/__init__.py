"""The controls of the service, in the order in which a request meets them."""

from __future__ import annotations

from securemnist.serve.controls.authentication import authentication
from securemnist.serve.controls.base import Around, Control
from securemnist.serve.controls.bodies import bodies
from securemnist.serve.controls.concurrency import concurrency
from securemnist.serve.controls.errors import errors
from securemnist.serve.controls.headers import security_headers
from securemnist.serve.controls.hosts import hosts
from securemnist.serve.controls.origins import origins
from securemnist.serve.controls.rate_limits import per_address, per_token
from securemnist.serve.controls.recording import recording

# The switch of each control in `Settings.off`; None: it cannot be left out as a whole.
CONTROLS: tuple[tuple[str | None, Control], ...] = (
    ("headers", security_headers),
    (None, recording),
    (None, errors),
    ("hosts", hosts),
    ("origins", origins),
    ("rate_limits", per_address),
    ("authentication", authentication),
    ("rate_limits", per_token),
    (None, bodies),
    ("concurrency", concurrency),
)

__all__ = ["CONTROLS", "Around", "Control"]
