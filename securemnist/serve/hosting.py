"""A service from SPECs, settings and tokens, as `securemnist serve` starts it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from securemnist.data import DataSet
from securemnist.errors import UsageError
from securemnist.models import contract, loading
from securemnist.serve import tokens
from securemnist.serve.service import ServedModel, Service
from securemnist.serve.settings import LOOPBACK, Settings
from securemnist.serve.tokens import Token


@dataclass(frozen=True)
class Hosted:
    """A service and the tokens that it accepts; `secret` is the one that was drawn, else empty."""

    service: Service
    tokens: tuple[Token, ...]
    secret: str


def hosted(specs: Sequence[str], data: DataSet, settings: Settings) -> Hosted:
    """Load the models, check them on images of the data, and read or draw the tokens.

    UsageError in one sentence, also for two models of one name.
    """
    models = []
    for spec in specs:
        subject = loading.resolve(spec, input_spec=data.spec, samples=data.test)
        contract.check(subject, data.test[:8].images(), data.spec)
        models.append(ServedModel.of(subject, data.spec))
    name, count = Counter(model.name for model in models).most_common(1)[0]
    if count > 1:
        raise UsageError(f"expected models of different names, got {name!r:.60} twice; rename one")
    known, secret = _tokens(settings)
    return Hosted(service_of(tuple(models), settings, data), known, secret)


def service_of(
    models: tuple[ServedModel, ...], settings: Settings, data: DataSet | None = None
) -> Service:
    """A service with the bounds of the settings; `data`: test images for the page."""
    return Service(
        models,
        waiting_images=max(settings.waiting_images, settings.images),
        waiting_tasks=settings.waiting_tasks,
        data=data,
    )


def warnings_of(settings: Settings) -> list[str]:
    """What is less safe than the defaults, one sentence each; printed at the start."""
    found = [f"the control {name!r} is switched off" for name in settings.off]
    if settings.host not in LOOPBACK:
        found.append(
            f"{settings.host} is no loopback address, and HTTP is not encrypted; put a proxy with HTTPS "
            "before it, and name its host in `hosts`"
        )
    return found


def _tokens(settings: Settings) -> tuple[tuple[Token, ...], str]:
    if not settings.has("authentication"):
        return (), ""
    if settings.tokens is not None:
        known = tuple(tokens.load(Path(settings.tokens)).values())
        if not known:
            raise UsageError(
                f"{settings.tokens}: expected a token at least, got none; add one with `securemnist "
                "serve token add`"
            )
        return known, ""
    token, secret = Token.new("start")
    return (token,), secret
