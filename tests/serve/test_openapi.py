"""The OpenAPI document, and requests that are drawn from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from securemnist.serve.protocol.openapi import description
from securemnist.serve.service import Service
from securemnist.serve.settings import Settings
from securemnist.serve.tokens import Token
from tests.serve.hosts import client, serving, toy

SETTINGS = Settings(port=0, off=("rate_limits",))
TOKEN, SECRET = Token.new("alice")
SCHEMA = schemathesis.openapi.from_dict(description([toy()], SETTINGS))
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The URL of a server of the toy model."""
    with serving(SETTINGS, TOKEN) as (url, _):
        yield url


@pytest.mark.parametrize(
    ("operation", "mode"),
    [
        (operation, mode)
        for operation in OPERATIONS
        for mode in GenerationMode
        # A path without variables and body has no request that does not fit.
        if "{" in operation.label or mode == GenerationMode.POSITIVE
    ],
    ids=lambda value: getattr(value, "label", "") or value.value,
)
def test_drawn_requests(operation: Any, mode: GenerationMode, address: str) -> None:
    """Requests that fit the description, and those that do not, get answers that it describes."""

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=15, suppress_health_check=list(HealthCheck), database=None)
    def fuzzed(case: Any) -> None:
        case.call_and_validate(
            base_url=address,
            headers={"Authorization": f"Bearer {SECRET}"},
            # A schema cannot say that `data` has as many numbers as `shape` says.
            excluded_checks=[positive_data_acceptance] if operation.method == "post" else [],
        )

    fuzzed()


def test_description_is_served_and_complete() -> None:
    """The document is served, and names each path of the protocol with its method."""
    from securemnist.serve import protocol

    with client() as c:
        service: Service = c.application.state.service
        document = c.get("/v2/openapi.json").json()
        paths = protocol.routes(service, Settings())
    described = {
        (path, method.upper()) for path, item in document["paths"].items() for method in item
    }
    wanted = {(path.path, path.method) for path in paths}
    assert {pair for pair in described if pair[1] in ("GET", "POST")} == wanted
