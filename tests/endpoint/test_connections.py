"""Connections to an endpoint: certificates, names of hosts, answers without a request."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from pathlib import Path

import pytest

from securemnist.endpoint.client import Client
from securemnist.endpoint.description import described
from securemnist.errors import ModelError, NoAnswer
from tests.endpoint.service import Service
from tests.error_form import one_sentence
from tests.odd_server import RESET, Request, answer, certificate_of, serving

BODY = b'{"instances": []}'


def asked(certificate: Path, **more: object) -> tuple[bytes, int]:
    """The answer of a server with this certificate, and the number of its requests."""
    requests: list[Request] = []

    def handler(request: Request) -> list[bytes]:
        requests.append(request)
        return answer({})

    with serving(handler, certificate) as url:
        fields = {"uri": url, "request": '{"$image": {"as": "png"}}', "scores": "$"}
        client = Client(described(fields | more, "test"))
        try:
            return client.ask(BODY, 1), len(requests)
        finally:
            client.close()
            assert len(requests) <= 1


@pytest.mark.parametrize(
    ("host", "days", "known", "reason"),
    [
        ("127.0.0.1", 1, False, "self-signed certificate"),
        ("127.0.0.1", -1, True, "certificate has expired"),
        ("other.example", 1, True, "IP address mismatch"),
    ],
)
def test_refused_certificate_is_named(
    host: str, days: int, known: bool, reason: str, tmp_path: Path
) -> None:
    """A certificate that does not fit ends the request at once, in one sentence that says why."""
    certificate = certificate_of(tmp_path, host, days=days)
    authority = {"authority": str(certificate)} if known else {}
    with pytest.raises(ModelError, match=reason) as caught:
        asked(certificate, **authority)
    one_sentence(caught.value)


@pytest.mark.parametrize("host", ["a..example", "a" * 64, "xn--a"])
def test_name_of_no_host(host: str) -> None:
    """A name that cannot be looked up ends the request in one sentence."""
    fields = {"uri": f"http://{host}/", "request": '{"$image": {"as": "png"}}', "scores": "$"}
    with pytest.raises(ModelError, match="expected the name of a host") as caught:
        Client(described(fields, "test")).ask(BODY, 1)
    one_sentence(caught.value)


def test_answer_before_its_request() -> None:
    """A second answer to one request is not taken for that to the next one."""
    requests: list[Request] = []

    def twice(request: Request) -> list[bytes]:
        requests.append(request)
        return [answer(len(requests))[0] * (2 if len(requests) == 2 else 1)]

    with serving(twice) as url:
        fields = {"uri": url, "request": '{"$image": {"as": "png"}}', "scores": "$"}
        client = Client(described(fields, "test"))
        found = [client.ask(BODY, 1) for _ in range(4)]
        client.close()
    assert found == [b"1", b"2", b"4", b"5"]
    assert client.budget.run.failed == 1


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("ending", ["close", "reset"])
def test_a_kept_connection_that_the_service_closed_is_no_failure(
    tls: bool, ending: str, tmp_path: Path
) -> None:
    """A service that closes connections unannounced is asked again on a new one; images count twice."""
    served: dict[int, int] = {}  # requests of each connection

    def once(request: Request) -> list[bytes]:
        served[request.port] = served.get(request.port, 0) + 1
        if served[request.port] == 1:
            return answer(len(served))
        return [RESET if ending == "reset" else b""]

    with serving(once, certificate_of(tmp_path) if tls else None) as url:
        fields = {"uri": url, "request": '{"$images": {"as": "png"}}', "scores": "$"}
        client = Client(described(fields | {"retries": 0, "verify": False}, "test"))
        assert [client.ask(BODY, 2) for _ in range(3)] == [b"1", b"2", b"3"]
        client.close()
    run = client.budget.run
    assert (run.queries, run.attempts, run.failed) == (10, 3, 0)


def test_a_service_that_fails_on_a_request_has_failed() -> None:
    """A request that ends a new connection, too, is a failure and is not repeated without end."""
    requests: list[Request] = []

    def fails(request: Request) -> list[bytes]:
        requests.append(request)
        return answer({}) if request.body == BODY else [b""]

    with serving(fails) as url:
        fields = {"uri": url, "request": '{"$images": {"as": "png"}}', "scores": "$", "retries": 0}
        client = Client(described(fields, "test"))
        client.ask(BODY, 1)
        with pytest.raises(NoAnswer, match="RemoteProtocolError"):
            client.ask(b"{}", 1)
        client.close()
    assert len(requests) == 3
    run = client.budget.run
    assert (run.attempts, run.failed, run.unanswered) == (2, 1, 1)


def test_certificate_of_a_named_authority(tmp_path: Path) -> None:
    """A certificate that the description names is taken, and with `verify` = false any is."""
    certificate = certificate_of(tmp_path)
    assert asked(certificate, authority=str(certificate)) == (b"{}", 1)
    expired = certificate_of(tmp_path, days=-1)
    assert json.loads(asked(expired, verify=False)[0]) == {}


@pytest.mark.parametrize("images", [1, 2])
def test_several_images_without_an_answer_may_be_too_many(images: int) -> None:
    """A service may fail for a large batch with any status, or close the connection."""
    for failed in (answer({}, "500 Internal Server Error"), [b""]):
        with serving(lambda _, failed=failed: failed) as url:
            fields = {
                "uri": url,
                "request": '{"$images": {"as": "flat"}}',
                "scores": "$",
                "retries": 0,
            }
            with pytest.raises(NoAnswer) as caught:
                Client(described(fields, "test")).ask(BODY, images)
        assert ("lower `batch`" in str(caught.value)) == (images > 1)
        one_sentence(caught.value)


def test_another_protocol_is_named() -> None:
    """HTTP/2 alone, TLS that ends with an alert, plain HTTP behind https: the advice fits."""
    frames = b"\x00\x00\x00\x04" + bytes(5)  # SETTINGS of HTTP/2
    alert = bytes([21, 3, 3, 0, 2, 2, 120])  # no_application_protocol
    plain = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    for sent, scheme, advice in (
        (frames, "http", r"RemoteProtocolError.*answer in HTTP/1\.1"),
        (alert, "https", r"SSLError.*speak TLS with HTTP/1\.1"),
        (plain, "https", r"SSLError.*fix the scheme"),
    ):
        with socket.create_server(("127.0.0.1", 0)) as server:
            ended = threading.Thread(target=_first_bytes, args=(server, sent), daemon=True)
            ended.start()
            uri = f"{scheme}://127.0.0.1:{server.getsockname()[1]}/"
            fields = {
                "uri": uri,
                "request": '{"$image": {"as": "png"}}',
                "scores": "$",
                "retries": 0,
            }
            with pytest.raises(NoAnswer, match=advice) as caught:
                Client(described(fields, "test")).ask(BODY, 1)
            ended.join()
        one_sentence(caught.value)


def test_plain_http_to_a_port_of_tls_is_named(tmp_path: Path) -> None:
    """Where TLS ends a connection because the address says http, the advice names the scheme."""
    with serving(lambda _: answer({}), certificate_of(tmp_path)) as url:
        fields = {
            "uri": url.replace("https", "http"),
            "upload": "body",
            "scores": "$",
            "retries": 0,
        }
        with pytest.raises(NoAnswer, match="or fix the scheme of its address") as caught:
            Client(described(fields, "test")).ask(BODY, 1)
    one_sentence(caught.value)


def _first_bytes(server: socket.socket, sent: bytes) -> None:
    """Answer one connection by these bytes, whatever it asks."""
    connection, _ = server.accept()
    with connection, contextlib.suppress(ConnectionError):
        connection.recv(65_536)
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65_536):
            pass


def test_a_service_whose_code_raises_is_no_answer(service: Service) -> None:
    """A service that closes the connection may have failed on the form of the request."""

    def fails(_number: int, _body: bytes) -> None:
        raise BrokenPipeError

    service.fault = fails
    fields = {
        "uri": service.url,
        "request": '{"$image": {"as": "png"}}',
        "scores": "$",
        "retries": 0,
    }
    with pytest.raises(NoAnswer, match=r"RemoteProtocolError.*; read its log, and check `request`"):
        Client(described(fields, "test")).ask(BODY, 1)
