"""Rows of a service of the user's, by its address."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from securemnist.data import DataSet
from securemnist.errors import MeasureError, NotApplicable, PolicyError
from securemnist.evaluation.context import Context
from securemnist.measures import bind, take_measurement
from securemnist.models import loading
from securemnist.results.measurement import Measurement
from securemnist.serve.settings import Settings
from securemnist.serve.tokens import Token
from tests.serve.hosts import Toy, serving

TOKEN, SECRET = Token.new("suite")
SETTINGS = Settings(port=0, off=("rate_limits",))


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The address of a model of a running service."""
    with serving(SETTINGS, TOKEN) as (url, _):
        yield f"{url}/v2/models/toy"


@pytest.fixture
def ask(mnist: DataSet, endpoint: str, monkeypatch: pytest.MonkeyPatch):
    """Takes a measurement of the service, with its token in the environment."""
    monkeypatch.setenv("SERVICE_TOKEN", SECRET)
    context = Context(loading.from_model(Toy(), name="subject"), mnist)

    def measured(control: str, **settings: object) -> Measurement:
        row = {"control": control, "endpoint": endpoint, "token_env": "SERVICE_TOKEN"} | settings
        row = {key: value for key, value in row.items() if value is not None}
        return take_measurement(context, "service_violations", bind("service_violations", row), 0)

    return measured


@pytest.mark.parametrize("control", ["authentication", "wrong_tensors", "confidence_precision"])
def test_an_endpoint_is_asked(ask, control: str) -> None:
    """The rows of a well-behaved service at an address find nothing."""
    assert ask(control).value == 0


def test_without_a_token_authentication_is_still_measured(ask) -> None:
    """A service that refuses everything without a token passes, also for a suite without one."""
    assert ask("authentication", token_env=None).value == 0
    with pytest.raises(NotApplicable, match="needs a valid token"):
        ask("methods", token_env=None)


def test_a_missing_limit_is_found(ask) -> None:
    """A service that answers all requests of the loop has no limit that the row could see."""
    assert ask("rate_limit", most_requests=20).value == 2


def test_the_log_of_others_cannot_be_read(ask) -> None:
    """The audit trail of a service at an address is not applicable."""
    with pytest.raises(NotApplicable, match="cannot be read from outside"):
        ask("audit_trail")


def test_a_missing_token_is_named(ask) -> None:
    """An empty environment variable is not applicable, and named."""
    with pytest.raises(NotApplicable, match="NO_SUCH_TOKEN"):
        ask("methods", token_env="NO_SUCH_TOKEN")


def test_a_closed_port_is_an_error(ask) -> None:
    """A service that is down never passes, although it refuses every hostile request."""
    with pytest.raises(MeasureError):
        ask("path_traversal", endpoint="http://127.0.0.1:9/v2/models/toy")


def test_token_is_not_sent_in_plain_text(ask) -> None:
    """A row whose token others on the network could read is refused when the policy is read."""
    with pytest.raises(PolicyError, match="expected https://"):
        ask("methods", endpoint="http://service.example/v2/models/toy")


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1:80/v2/models/a", "file:///v2/models/a", "http://h/v1/a", "http://h/v2/models/a?b"],
)
def test_other_addresses_are_refused(ask, address: str) -> None:
    """An address of another form is refused when the policy is read."""
    with pytest.raises(PolicyError, match="expected an endpoint"):
        ask("methods", endpoint=address)
