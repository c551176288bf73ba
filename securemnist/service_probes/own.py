"""Our own service around the model under assessment, on a free port of loopback."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from securemnist.audit import AuditLog
from securemnist.evaluation.context import Context
from securemnist.serve.application import create_application
from securemnist.serve.hosting import service_of
from securemnist.serve.observers import AuditObserver
from securemnist.serve.record import Record
from securemnist.serve.server import ServerThread
from securemnist.serve.service import ServedModel, Service
from securemnist.serve.settings import Settings
from securemnist.serve.tokens import Token
from securemnist.service_probes.target import Target, sample_of

MODEL = "model"
TIMEOUT = 10.0  # seconds of a request
# Once, outside a literal: Bandit takes a value beside "…_token" for a password.
_RATES = ("requests_per_token", "requests_per_address")
_UNLIMITED = dict.fromkeys(_RATES, 10**6)
# Smaller limits than the defaults, so that a probe reaches them within a second or two.
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "rate_limit": dict(zip(_RATES, (40, 80), strict=True)),
    "slow_requests": {"header_seconds": 0.7, "body_seconds": 0.7},
    "overload": {"requests": 8},
}


@contextmanager
def own_target(context: Context, control: str, **changes: Any) -> Iterator[Target]:
    """A running service of the context's model, with a token. `changes`: of its settings."""
    settings = Settings(**{**_UNLIMITED, **SETTINGS.get(control, {}), "port": 0, **changes})
    subject, spec = context.subject, context.data.spec
    service = service_of((ServedModel(MODEL, subject.model, spec, subject.digest),), settings)
    token, secret = Token.new("probe")
    images = sample_of(context.data)
    try:
        application = create_application(service, settings, [token])
        with (
            _recorded(service, observed=control == "audit_trail") as (records, audit),
            ServerThread(application, settings) as server,
            Target(
                server.address, MODEL, spec, images, secret, records, audit, TIMEOUT, own=True
            ) as target,
        ):
            yield target
    finally:
        service.close(10)


@contextmanager
def _recorded(
    service: Service, *, observed: bool
) -> Iterator[tuple[list[Record], AuditLog | None]]:
    """The records of a service, and its audit log in a folder of its own."""
    records: list[Record] = []
    if not observed:
        yield records, None
        return
    with TemporaryDirectory() as folder, AuditLog(Path(folder)) as audit:
        service.observers += [records.append, AuditObserver(audit, service.names)]
        yield records, audit
