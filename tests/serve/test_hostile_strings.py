"""Hostile strings of every class as names, bodies, paths, tokens and headers: refused or harmless."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import httpx
import pytest

from securemnist.serve.settings import Settings
from securemnist.serve.tokens import Token
from tests.serve.hostile_strings import BYTES, CLASSES
from tests.serve.hosts import INFER, Client, body, client, serving, text

SETTINGS = Settings(port=0, off=("rate_limits",))
TOKEN, SECRET = Token.new("alice")
# Signs with a meaning in HTML, a header or a terminal.
_SPECIAL = re.compile(r"[<>\"'&\\`\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_LEGAL_STATUS = re.compile(rb"HTTP/1\.1 (200|4[0-9]{2}) ")


@pytest.fixture(scope="module")
def service() -> Iterator[Client]:
    """A client of the toy model, without a network."""
    with client(off=("rate_limits",)) as c:
        yield c


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The URL of a server of the toy model."""
    with serving(SETTINGS, TOKEN) as (url, _):
        yield url


def test_enough_strings() -> None:
    """There are 400 different strings at least, and 30 of bytes that are no text."""
    assert len({one for group in CLASSES.values() for one in group}) >= 400
    assert len(set(BYTES)) >= 30


@pytest.mark.parametrize("name", CLASSES)
def test_strings_in_bodies_and_names(service: Client, name: str) -> None:
    """Wherever the string stands, nothing breaks, and no special sign of it comes back unescaped."""
    for one in CLASSES[name]:
        sent = one.encode(errors="surrogatepass")
        answers = [
            service.post(INFER, content=sent),
            service.post(INFER, content=json.dumps({**body(), "id": one})),
            service.post(INFER, content=json.dumps({**body(), "parameters": {one: one}})),
            service.post(INFER, content=json.dumps({"inputs": [{"name": one, "datatype": one}]})),
            service.post(INFER, content=b'{"inputs":"' + sent + b'"}'),
            service.get(f"/v2/models/{quote(sent[:2000], safe='')}"),
        ]
        for number, answer in enumerate(answers):
            assert answer.status_code < 500, (number, one[:40], answer.text)
            assert answer.headers["content-type"] == "application/json"
            assert answer.headers["x-content-type-options"] == "nosniff"
            answer.json()
            harmless = len(one) < 4 or not _SPECIAL.search(one)
            assert harmless or one[:60] not in answer.text, (number, one[:40])


@pytest.mark.parametrize("case", BYTES, ids=range(len(BYTES)))
def test_bytes_that_are_no_text(service: Client, case: bytes) -> None:
    """Bytes outside UTF-8 are refused alone, in a text and as a key."""
    whole = text().encode()
    for content in (
        case,
        b'{"id":"' + case + b'",' + whole[1:],
        b'{"' + case + b'":1,' + whole[1:],
    ):
        answer = service.post(INFER, content=content)
        assert answer.status_code == 400


def exchanged(address: str, request: bytes) -> bytes:
    """What a server answers to one request of raw bytes."""
    parts, answer = urlsplit(address), b""
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
        connection.sendall(request)
        try:
            while part := connection.recv(65536):
                answer += part
        except ConnectionError:
            pass
    return answer


@pytest.mark.parametrize("name", [*CLASSES, "bytes"])
def test_strings_on_the_wire(address: str, name: str) -> None:
    """As raw bytes of a target, a header and a token they get 200 or 4xx, and break no answer."""
    for one in CLASSES.get(name, BYTES):
        raw = one if isinstance(one, bytes) else one.encode(errors="surrogatepass")
        raw = raw[:4000]
        for request in (
            b"GET /v2/models/%s HTTP/1.1\r\nConnection: close\r\nHost: localhost\r\n\r\n" % raw,
            b"GET /v2 HTTP/1.1\r\nConnection: close\r\nHost: localhost\r\nX-A: %s\r\n\r\n" % raw,
            b"GET /v2 HTTP/1.1\r\nConnection: close\r\nHost: %s\r\nCookie: %s\r\n"
            b"Authorization: Bearer %s\r\n\r\n" % (raw, raw, raw),
        ):
            answer = exchanged(address, request)
            heads = answer.partition(b"\r\n\r\n")[0]
            assert _LEGAL_STATUS.match(answer), (one[:40], answer[:80])
            assert not re.search(rb"(?im)^(set-cookie|x-admin):", heads), one[:40]
            assert b"HTTP/1.1 200" not in answer, one[:40]
    headers = {"Authorization": f"Bearer {SECRET}"}
    assert httpx.post(address + INFER, content=text(), headers=headers).status_code == 200
