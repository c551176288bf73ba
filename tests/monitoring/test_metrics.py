"""Metrics and their server."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from securemnist.errors import UsageError
from securemnist.monitoring import Monitor, MonitorSettings, Reference
from securemnist.monitoring.metrics import Metrics
from securemnist.monitoring.metrics_server import MetricsServer
from tests.error_form import one_sentence
from tests.monitoring.streams import stream


def samples(text: bytes) -> dict[tuple[str, str], float]:
    """Values by name and labels."""
    families = text_string_to_metric_families(text.decode())
    return {
        (sample.name, " ".join(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_metrics_count_requests_and_answers() -> None:
    """Requests are counted by status, answers by class, and their times in a histogram."""
    metrics = Metrics()
    for status, seconds in ((200, 0.004), (200, 0.03), (429, 0.0001)):
        metrics.request(status, seconds)
    metrics.answers("m", [7, 7, 1])
    found = samples(metrics.text())
    assert found["securemnist_requests_total", "200"] == 2
    assert found["securemnist_requests_total", "429"] == 1
    assert found["securemnist_answers_total", "7 m"] == 2
    assert found["securemnist_request_seconds_bucket", "0.005"] == 2
    assert found["securemnist_request_seconds_count", ""] == 3


def test_metrics_show_drift(reference: Reference) -> None:
    """P values of the last window, its limit, and alarms by statistic and test."""
    metrics, monitor = Metrics(), Monitor(reference, MonitorSettings(window=100))
    images, logits = stream(200, seed=2)
    for part in (slice(0, 100), slice(100, 200)):
        metrics.drift("m", monitor, monitor.observe(images[part] * 0.5, logits[part]))
    found = samples(metrics.text())
    assert found["securemnist_drift_windows", "m"] == 2
    assert found["securemnist_drift_limit", "m"] == monitor.limit
    assert found["securemnist_drift_alarms_total", "m brightness distribution"] == 2
    assert found["securemnist_drift_p", "m brightness distribution"] < monitor.limit


def test_registry_is_private() -> None:
    """Two services in a process do not share metrics, nor with the registry of the library."""
    first, second = Metrics(), Metrics()
    first.request(200, 0.1)
    assert ("securemnist_requests_total", "200") not in samples(second.text())
    assert not any(f.name.startswith("securemnist") for f in REGISTRY.collect())


@pytest.fixture(scope="module")
def server() -> Iterator[MetricsServer]:
    """A server of fixed text."""
    server = MetricsServer(lambda: b"up 1\n")
    yield server
    server.close()


def test_server_answers_on_loopback(server: MetricsServer) -> None:
    """The text is served on 127.0.0.1, without a name or version of the server."""
    answer = httpx.get(server.url)
    assert (answer.status_code, answer.content) == (200, b"up 1\n")
    assert "server" not in answer.headers
    assert server._server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize(
    ("method", "path", "host", "status"),
    [
        ("GET", "/metrics", "evil.example", 403),
        ("GET", "/metrics", "127.0.0.1.evil.example:80", 403),
        ("GET", "/metrics", "localhost", 200),
        ("GET", "/", "localhost", 404),
        ("GET", "/metrics/../x", "localhost", 404),
        ("POST", "/metrics", "localhost", 501),
        ("DELETE", "/metrics", "localhost", 501),
    ],
)
def test_server_answers_nothing_else(
    server: MetricsServer, method: str, path: str, host: str, status: int
) -> None:
    """Another path, method or host name gets no metrics."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(f"{method} {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        received = b""
        while part := connection.recv(4096):
            received += part
    assert int(received.split()[1]) == status
    assert (b"up 1" in received) == (status == 200)


def test_silent_client_does_not_stop_the_server(
    server: MetricsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that sends nothing is dropped after its time, and the next one is answered."""
    monkeypatch.setattr(server._server.RequestHandlerClass, "timeout", 0.1)
    with socket.create_connection(("127.0.0.1", server.port)):
        assert httpx.get(server.url, timeout=10).status_code == 200


def test_trickling_client_does_not_stop_the_server(
    server: MetricsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that sends a byte now and then is dropped after its time, too."""
    monkeypatch.setattr(server._server.RequestHandlerClass, "timeout", 0.3)
    ended = threading.Event()
    with socket.create_connection(("127.0.0.1", server.port)) as slow:
        slow.sendall(b"GET /metrics HTTP/1.0\r\n")
        thread = threading.Thread(target=_trickle, args=(slow, ended))
        thread.start()
        try:
            assert httpx.get(server.url, timeout=3).status_code == 200
        finally:
            ended.set()
            thread.join()


def _trickle(connection: socket.socket, ended: threading.Event) -> None:
    with contextlib.suppress(OSError):
        while not ended.wait(0.05):
            connection.sendall(b"X-A: b\r\n")


def test_taken_port_is_a_usage_error(server: MetricsServer) -> None:
    """A port that is in use is refused in one sentence."""
    with pytest.raises(UsageError) as refused:
        MetricsServer(lambda: b"", server.port)
    one_sentence(refused.value)
