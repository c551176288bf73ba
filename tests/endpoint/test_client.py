"""The client against a real server with faults: bounded in number, time, size, rate and hosts."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import Any

import pytest

from securemnist.endpoint import client as client_module
from securemnist.endpoint.client import Client
from securemnist.endpoint.pace import retry_after
from securemnist.errors import ModelError, NoAnswer, UsageError
from tests.endpoint.conftest import table
from tests.endpoint.service import Reply, Service, by_brightness, serving
from tests.error_form import one_sentence

BODY = b'{"instances": []}'


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_FIRST_WAIT", 0.01)


def opened(service: Service, **more: Any) -> Client:
    """A client of the service."""
    return Client(table(service, **more))


def failing(first: int, reply: Reply) -> Any:
    """A fault: this reply to the first requests, then honest ones."""
    return lambda number, _body: reply if number < first else Reply(200, b"{}")


def test_throttling_is_waited_for(service: Service) -> None:
    """After 429 with Retry-After no request is sent for that long; then the answer is taken."""
    service.fault = failing(1, Reply(429, b"", {"Retry-After": "1"}))
    client, began = opened(service), time.monotonic()
    assert client.ask(BODY, 3) == b"{}"
    assert time.monotonic() - began >= 1
    counts = client.budget.run
    assert (counts.queries, counts.attempts, counts.throttled, counts.failed) == (6, 2, 1, 0)


def test_long_wait_is_not_waited_for(service: Service) -> None:
    """A Retry-After above `longest_wait` ends the request at once, without an answer."""
    service.fault = failing(9, Reply(503, b"", {"Retry-After": "3600"}))
    client = opened(service, longest_wait=0.2)
    with pytest.raises(NoAnswer, match="a wait of 3600 s") as caught:
        client.ask(BODY, 3)
    one_sentence(caught.value)
    assert len(service.requests) == 1
    assert client.budget.run.unanswered == 3


@pytest.mark.parametrize("status", [429, 503, 500, 502])
def test_attempts_are_bounded(status: int, service: Service) -> None:
    """A service that never answers gets `retries` + 1 requests."""
    service.fault = failing(99, Reply(status))
    client = opened(service, retries=2, longest_wait=0.05)
    with pytest.raises(NoAnswer, match=f"status {status} after 3 attempts"):
        client.ask(BODY, 1)
    assert len(service.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 422])
def test_refusals_are_not_repeated(status: int, service: Service) -> None:
    """A status 4xx ends the request: one attempt, one sentence."""
    service.fault = failing(99, Reply(status, b"why"))
    with pytest.raises(ModelError, match=f"status {status}") as caught:
        opened(service).ask(BODY, 1)
    one_sentence(caught.value)
    assert len(service.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(status: int, service: Service) -> None:
    """No request reaches a host that the description does not name."""
    with serving(Service(by_brightness)) as other:
        service.fault = failing(99, Reply(status, b"", {"Location": f"{other.url}/json"}))
        with pytest.raises(ModelError, match="redirect"):
            opened(service).ask(BODY, 1)
        assert not other.requests


@pytest.mark.flaky(reruns=2)  # a busy machine can exceed the limit
def test_slow_answer_is_cut_off(service: Service) -> None:
    """The deadline covers the whole answer, also one of which a part arrives now and then."""
    service.fault = failing(99, Reply(200, [b" "] * 100))
    began = time.monotonic()
    with pytest.raises(NoAnswer, match=r"within 0\.3 s.*, or raise `timeout`"):
        opened(service, timeout=0.3, retries=0).ask(BODY, 1)
    assert time.monotonic() - began < 2


@pytest.mark.flaky(reruns=2)  # a busy machine can exceed the limit
@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nX-A: ", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_dripping_answer_is_cut_off(start: bytes, service: Service) -> None:
    """A byte now and then, of the headers or the body, does not prolong the deadline."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ended = threading.Event()

        def drip() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(start)
                while not ended.wait(0.05):
                    connection.sendall(b"a")

        thread = threading.Thread(target=drip)
        thread.start()
        began = time.monotonic()
        client = opened(
            service, uri=f"http://127.0.0.1:{server.getsockname()[1]}/", timeout=0.3, retries=0
        )
        with pytest.raises(NoAnswer):
            client.ask(BODY, 1)
        ended.set()
        thread.join()
        assert time.monotonic() - began < 1


def test_closed_port_is_no_answer(service: Service) -> None:
    """A host that does not listen gives no answer, in one sentence."""
    client = opened(service, uri="http://127.0.0.1:9/", retries=1)
    with pytest.raises(NoAnswer, match=r"ConnectError.*; start the endpoint") as caught:
        client.ask(BODY, 1)
    one_sentence(caught.value)


def test_budget_is_hard(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """No request is sent that would exceed the queries of the row or the run; repeats count."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER_COUNT", raising=False)  # workers share the budget
    client = opened(service, row_queries=11, queries=21)
    service.fault = failing(1, Reply(500))
    client.ask(BODY, 4)  # two attempts
    with pytest.raises(NoAnswer, match="budget of 11 queries") as caught:
        client.ask(BODY, 4)
    one_sentence(caught.value)
    client.budget.begin_row()
    client.ask(BODY, 10)
    client.budget.begin_row()
    with pytest.raises(NoAnswer, match="budget of 21 queries"):
        client.ask(BODY, 4)
    assert len(service.requests) == 3


def test_workers_share_the_budget(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under pytest-xdist the budget of a run is divided by the number of workers."""
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "4")
    assert opened(service, queries=1_000).budget.queries == 250


def test_key_is_sent_and_never_shown(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is in the header of each request, and not in errors, also where the server echoes it."""
    monkeypatch.setenv("TEST_KEY", "a very secret key")
    key = {"key_env": "TEST_KEY", "headers": {"Authorization": "Bearer $KEY"}}
    client = opened(service, **key)
    service.fault = failing(1, Reply(200, b'"a very secret key"'))
    assert client.ask(BODY, 1) == b'"***"'
    assert service.headers[0]["Authorization"] == "Bearer a very secret key"
    service.fault = failing(99, Reply(401, b"a very secret key"))
    with pytest.raises(ModelError) as caught:
        client.ask(BODY, 1)
    assert "secret" not in str(caught.value)
    assert "secret" not in repr(client.budget)


def test_proxies_of_the_environment_are_ignored(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that the environment names gets nothing, unless the description says so."""
    with serving(Service(by_brightness)) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")
        service.fault = failing(0, Reply())
        opened(service).ask(BODY, 1)
        assert (len(proxy.requests), len(service.requests)) == (0, 1)
        proxy.fault = failing(0, Reply())
        opened(service, use_proxies=True).ask(BODY, 1)
        assert (len(proxy.requests), len(service.requests)) == (1, 1)


def test_rate_is_kept(service: Service) -> None:
    """Requests of several threads together stay below `rate` a second."""
    service.fault = failing(0, Reply())
    client, began = opened(service, rate=50.0), time.monotonic()
    threads = [threading.Thread(target=client.ask, args=(BODY, 1)) for _ in range(11)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began >= 0.2
    assert len(service.requests) == 11


def test_wrong_certificates_are_refused(service: Service) -> None:
    """A certificate file that is none ends with one sentence before anything is sent."""
    with pytest.raises(UsageError, match="readable certificates") as caught:
        opened(service, authority="/nowhere.pem")
    one_sentence(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("5", 5.0),
        (" 7 ", 7.0),
        ("soon", None),
        ("-1", None),
        ("9" * 40, 1e9),
        ("1000000000", 1e9),
        ("Mon, 1 Jan 99999999999 00:00:00 GMT", None),
        ("Mon, 1 Jan 2020 00:00:00 +99999999", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
    ],
    ids=str,
)
def test_retry_after(text: str | None, seconds: float | None) -> None:
    """Retry-After is read as seconds or as a date; anything else is none."""
    assert retry_after(text) == seconds
