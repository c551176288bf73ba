"""Settings of the service: the table `[serve]` of a TOML file, with safe defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, field_validator

from securemnist._util.parsing import toml_file
from securemnist._util.strict import Strict
from securemnist.audit.settings import AuditSettings
from securemnist.errors import UsageError
from securemnist.monitoring.settings import MonitorSettings
from securemnist.results.validation_text import sentence

# Controls that `off` may name; everything else cannot be switched off.
SWITCHES = (
    "audit",
    "authentication",
    "body_cap",
    "concurrency",
    "deadlines",
    "errors",
    "headers",
    "hosts",
    "monitor",
    "origins",
    "rate_limits",
    "rounding",
)
LOOPBACK = ("127.0.0.1", "::1", "localhost")
_Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
_Name = Annotated[str, Field(min_length=1, max_length=253)]


class Settings(Strict):
    """Settings of the service, all with safe defaults.

    `off`: controls that are switched off, by name; the start prints them.
    `tokens`: a file written by `securemnist serve token add`; without it one random token is printed.
    `session_seconds`: how long a cookie of the page is valid.
    `requests_per_token`, `requests_per_address`: most requests in any window of `window_seconds`.
    `body_bytes`: largest body. `buffered_bytes`: largest sum of the bodies that are being received.
    `images`: most images a request. `requests`: most requests in work at a time. `waiting_images`,
    `waiting_tasks`: most images, and most certificates and attacks of the page, that wait or are in work.
    `header_seconds`, `body_seconds`: the time that a client has to send headers, and a body. It also has
    `body_seconds` to take a whole answer. `connection_requests`, `connection_seconds`: the requests and
    the time after which a connection ends with its next answer.
    `answer_seconds`: the time after which a request in work is refused. `stop_seconds`: how long a stop
    waits for accepted requests.
    `decimals` of a probability; `labels_only` leaves probabilities out.
    `page`: whether the drawing page is served. `attacks`: whether it attacks images on request; without a
    value it does on loopback only, because an attack with the weights helps one without them.
    `audit`, `monitor`: the tables `[serve.audit]` and `[serve.monitor]`.
    `hosts`: names in the Host header beside loopback's. `origins`: other pages that may send requests.
    """

    host: _Name = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    off: tuple[str, ...] = Field(default=(), strict=False)
    tokens: str | None = None
    session_seconds: _Seconds = 3600.0
    requests_per_token: int = Field(default=3000, ge=1)
    requests_per_address: int = Field(default=6000, ge=1)
    window_seconds: _Seconds = 60.0
    body_bytes: int = Field(default=4 << 20, ge=1024)
    buffered_bytes: int = Field(default=32 << 20, ge=1024)
    images: int = Field(default=256, ge=1)
    requests: int = Field(default=64, ge=1)
    waiting_images: int = Field(default=1024, ge=1)
    waiting_tasks: int = Field(default=4, ge=1)
    header_seconds: _Seconds = 5.0
    body_seconds: _Seconds = 10.0
    connection_requests: int = Field(default=1000, ge=1)
    connection_seconds: _Seconds = 300.0
    answer_seconds: _Seconds = 30.0
    stop_seconds: _Seconds = 10.0
    decimals: int = Field(default=3, ge=0, le=8)
    labels_only: bool = False
    page: bool = True
    attacks: bool | None = None
    hosts: tuple[_Name, ...] = Field(default=(), strict=False)
    audit: AuditSettings = Field(default_factory=AuditSettings)
    monitor: MonitorSettings = Field(default_factory=MonitorSettings)
    origins: tuple[_Name, ...] = Field(default=(), strict=False)

    @field_validator("off")
    @classmethod
    def _switches(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [name for name in names if name not in SWITCHES]
        if wrong:
            raise ValueError(f"expected names of {', '.join(SWITCHES)}, got {wrong[0]!r:.40}")
        return names

    @property
    def shows_attacks(self) -> bool:
        return self.host in LOOPBACK if self.attacks is None else self.attacks

    def has(self, control: str) -> bool:
        return control not in self.off


def in_url(host: str) -> str:
    """A host as URLs and Host headers write it: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def with_options(settings: Settings, **options: str | int | None) -> Settings:
    given = {name: value for name, value in options.items() if value is not None}
    return Settings.model_validate({**settings.model_dump(), **given})


def load(path: Path | None) -> Settings:
    """The `[serve]` table of a TOML file, by default the defaults; UsageError in one sentence."""
    if path is None:
        return Settings()
    tables = toml_file(path, "a TOML file of settings")
    if "serve" not in tables:
        found = ", ".join(tables) or "nothing"
        raise UsageError(
            f"{path}: expected a table [serve], got {found:.80}; put the settings below [serve]"
        )
    serve = tables["serve"]
    try:
        return Settings.model_validate(serve)
    except ValidationError as error:
        raise UsageError(f"{path}: [serve]: {sentence(error, serve)}") from error
