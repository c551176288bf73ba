"""Service violations: checks of one control of a service that do not hold."""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Self

from pydantic import Field, field_validator, model_validator

from securemnist.errors import MeasureError, NotApplicable
from securemnist.evaluation.context import Context
from securemnist.measures.base import Settings, count_measurement, counting
from securemnist.results.evidence.service import ServiceCheck, ServiceEvidence
from securemnist.results.families import SERVICE
from securemnist.results.findings import Measurement
from securemnist.view.row_words import CONTROLS

if TYPE_CHECKING:
    from securemnist.service_probes.target import Target

OWN = "our own service on loopback"


class ServiceSettings(Settings):
    """Settings of a row of a service.

    `control`: what is probed. `endpoint`: a service of the user's by the Open Inference Protocol, as
    https://HOST/v2/models/NAME; without it our own service is started around the model, with limits
    that are reached sooner than the defaults. `token_env`: the environment variable with its token.
    `most_requests`: the bound of loops. `timeout`: seconds of one request.
    """

    control: str
    endpoint: str | None = None
    token_env: str | None = None
    most_requests: int = Field(default=500, ge=10, le=100_000)
    timeout: float = Field(default=10.0, gt=0, le=300, allow_inf_nan=False)

    @field_validator("control")
    @classmethod
    def _known_control(cls, control: str) -> str:
        if control not in CONTROLS:
            raise ValueError(f"expected a control of {', '.join(CONTROLS)}, got {control!r:.40}")
        return control

    @field_validator("endpoint")
    @classmethod
    def _address(cls, endpoint: str | None) -> str | None:
        if endpoint is not None and find_spec("starlette") is not None:
            from securemnist.service_probes.endpoint import split

            split(endpoint)
        return endpoint

    @model_validator(mode="after")
    def _secret(self) -> Self:
        if self.token_env is not None and self.endpoint is not None:
            from securemnist.endpoint.description import in_plain_text

            if in_plain_text(self.endpoint):
                raise ValueError("expected https:// for an endpoint with a token, got http://")
        return self


def service_violations(context: Context, settings: ServiceSettings, _seed: int) -> Measurement:
    """The number of checks of a control that do not hold, of a running service.

    NotApplicable without the packages of the extra `serve`, and for a control that the service cannot
    be asked about; MeasureError where it does not answer honest requests.
    """
    for package in ("granian", "starlette"):
        if find_spec(package) is None:
            raise NotApplicable(
                f"a service needs the package {package}; install securemnist[serve]"
            )
    with _target(context, settings) as target:
        checks = _asked(target, settings.control)
    if not checks:
        raise MeasureError("expected checks of the service, got none; report this")
    return count_measurement(
        sum(not check.holds for check in checks),
        len(checks),
        evidence=ServiceEvidence(
            checks=sorted(checks, key=lambda check: check.holds),
            control=settings.control,
            subject=settings.endpoint or OWN,
            requests=target.sent,
        ),
    )


def _asked(target: Target, control: str) -> list[ServiceCheck]:
    """The checks of a control, between two honest requests: a service that is down refuses everything."""
    from securemnist.service_probes.answers import answered, read
    from securemnist.service_probes.reply import HONEST
    from securemnist.service_probes.table import PROBES

    honest = target.infer(target.images[:1])
    without_token = target.token is None and honest.status in (401, 403)
    if without_token and control != "authentication":
        target.need_token()
    if not honest.accepted and not without_token:
        raise MeasureError(
            f"expected an answer to an honest request, got {honest}; check `endpoint` and the token"
        )
    if honest.accepted:
        read(honest, 1)
    checks = PROBES[control](target)
    if control == "rate_limit" or without_token:  # refused by now, and rightly
        return checks
    honest = target.infer(target.images[:1])
    if control == "slow_requests" and honest.status == 429:  # its many requests count, too
        return checks
    return [*checks, answered(HONEST, honest)]


def _target(context: Context, settings: ServiceSettings) -> AbstractContextManager[Target]:
    from securemnist.service_probes.endpoint import endpoint_target
    from securemnist.service_probes.own import own_target

    if settings.endpoint is None:
        return own_target(context, settings.control)
    return endpoint_target(
        context,
        settings.endpoint,
        settings.token_env,
        settings.most_requests,
        settings.timeout,
    )


SERVICE_VIOLATIONS = counting(SERVICE, service_violations, ServiceSettings, seconds=3.0)
