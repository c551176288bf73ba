"""Each control refuses what it is for, and a service without it does not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import torch
from torch import nn

from securemnist.serve.record import Record
from securemnist.serve.service import Service
from securemnist.serve.sessions import COOKIE
from tests.serve.hosts import INFER, Client, body, client, toy


class Broken(nn.Module):
    """A model that fails with a telling message."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("/srv/weights/secret.bin")


def no_token(c: Client) -> int:
    del c.headers["Authorization"]
    return c.get("/v2").status_code


def wrong_token(c: Client) -> int:
    return c.get("/v2", headers={"Authorization": "Bearer alice.x"}).status_code


def too_often(c: Client) -> int:
    return [c.get("/v2").status_code for _ in range(4)][-1]


def too_often_without_token(c: Client) -> int:
    del c.headers["Authorization"]
    return [c.get("/v2/health/live").status_code for _ in range(6)][-1]


def large(c: Client) -> int:
    return c.post(INFER, content=b" " * 3000 + b"{}").status_code


def large_in_parts(c: Client) -> int:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield b" " * 1000

    return c.post(INFER, content=parts()).status_code


def other_host(c: Client) -> int:
    return c.get("/v2", headers={"Host": "attacker.example"}).status_code


def other_origin(c: Client) -> int:
    return c.get("/v2", headers={"Origin": "http://attacker.example"}).status_code


def cookie_without_origin(c: Client) -> int:
    return c.post(INFER, json=body(), headers={"Cookie": f"{COOKIE}=x"}).status_code


@pytest.mark.parametrize(
    ("switch", "request_of", "refusal", "settings"),
    [
        ("authentication", no_token, 401, {}),
        ("authentication", wrong_token, 401, {}),
        ("rate_limits", too_often, 429, {"requests_per_token": 3}),
        ("rate_limits", too_often_without_token, 429, {"requests_per_address": 5}),
        ("body_cap", large, 413, {"body_bytes": 2048}),
        ("body_cap", large_in_parts, 413, {"body_bytes": 2048}),
        ("body_cap", large_in_parts, 503, {"buffered_bytes": 2048}),
        ("hosts", other_host, 421, {}),
        ("origins", other_origin, 403, {}),
        ("origins", cookie_without_origin, 403, {}),
    ],
    ids=lambda value: getattr(value, "__name__", "") or (value if isinstance(value, str) else None),
)
def test_control_refuses(
    switch: str, request_of: Any, refusal: int, settings: dict[str, Any]
) -> None:
    """The request is refused with the status of its control, and not so once that is off."""
    with client(**settings) as on:
        assert request_of(on) == refusal
    with client(**settings, off=(switch,)) as off:
        assert request_of(off) != refusal


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("192.0.2.7", "192.0.2.7:8080"),
        ("2001:db8::7", "[2001:db8::7]:8080"),
        ("127.0.0.1", "[::1]"),
        ("127.0.0.1", "LOCALHOST:8080"),
    ],
)
def test_service_answers_under_its_own_names(host: str, name: str) -> None:
    """The address that it listens on is a name of the service, in brackets where it is one of IPv6."""
    with client(host=host) as c:
        assert c.get("/v2", headers={"Host": name}).status_code == 200


def test_limit_says_when_to_come_again() -> None:
    """Refusals by rate carry Retry-After in seconds."""
    with client(requests_per_token=1, window_seconds=30.0) as c:
        c.get("/v2")
        assert 25 <= int(c.get("/v2").headers["Retry-After"]) <= 30


def test_errors_are_not_disclosed() -> None:
    """An unexpected error is answered without its text; switched off, with its trace."""
    with client(module=Broken()) as c:
        hidden = c.post(INFER, json=body())
    with client(module=Broken(), off=("errors",)) as c:
        shown = c.post(INFER, json=body())
    assert (hidden.status_code, shown.status_code) == (500, 500)
    assert "secret" not in hidden.text
    assert "secret" in shown.text


@pytest.mark.parametrize("path", ["/v2", "/nowhere", "/v2/health/live"])
def test_every_answer_has_the_security_headers(path: str) -> None:
    """Answers and refusals carry the headers, and no name of the HTTP server."""
    with client() as c:
        headers = c.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["server"] == "service"
    with client(off=("headers",)) as c:
        assert "x-content-type-options" not in c.get(path).headers


def test_probabilities_are_rounded() -> None:
    """Probabilities have three decimals, or all with rounding off."""
    with client() as c:
        rounded = c.post(INFER, json=body()).json()["outputs"][1]["data"]
    with client(off=("rounding",)) as c:
        exact = c.post(INFER, json=body()).json()["outputs"][1]["data"]
    assert rounded == [round(value, 3) for value in exact]
    assert rounded != exact


def test_labels_only() -> None:
    """With `labels_only` no probability leaves the service, also on demand."""
    with client(labels_only=True) as c:
        assert [one["name"] for one in c.post(INFER, json=body()).json()["outputs"]] == ["label"]
        wanted = {**body(), "outputs": [{"name": "probabilities"}]}
        assert c.post(INFER, json=wanted).status_code == 400


def test_too_many_at_a_time() -> None:
    """A request above the bound gets 503 with Retry-After, while those in work are answered."""
    gate = threading.Event()

    class Slow(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            gate.wait(10)
            return torch.zeros(len(x), 10)

    async def ask(c: Client) -> tuple[httpx.Response, httpx.Response]:
        first = asyncio.create_task(c.http.post(INFER, json=body()))
        await asyncio.sleep(0.1)
        refused = await c.http.post(INFER, json=body())
        gate.set()
        return await first, refused

    with client(module=Slow(), requests=1) as c:
        answered, refused = c.runner.run(ask(c))
    assert answered.status_code == 200
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) >= 1


def test_observers_see_every_request() -> None:
    """A record names time, token, address, model, images, predictions, status and latency."""
    records: list[Record] = []
    with client(observers=[records.append]) as c:
        assert c.post(INFER, json=body(2)).status_code == 200
        c.get("/v2", headers={"Authorization": "Bearer alice.x"})
    answered, refused = records
    assert (answered.subject, answered.address, answered.status) == ("alice", "10.0.0.1", 200)
    assert answered.model == "d" * 64
    assert answered.images is not None
    assert answered.images.shape == (2, 1, 28, 28)
    assert answered.predictions is not None
    assert answered.predictions.tolist() == [5, 5]
    assert 0 < answered.latency < 10
    assert (refused.subject, refused.images, refused.status) == ("", None, 401)


def test_no_answer_without_its_record() -> None:
    """Where an observer fails, the client gets 503 and no result."""

    def full_disk(_record: Record) -> None:
        raise OSError("no space left on device")

    with client(observers=[full_disk]) as c:
        answer = c.post(INFER, json=body())
    assert answer.status_code == 503
    assert "label" not in answer.text
    assert "space" not in answer.text


def test_cancelled_requests_free_their_place() -> None:
    """A request that was given up leaves the queue, and its images no longer count."""

    async def ask() -> int:
        service = Service((toy(),), waiting_images=4)
        x = torch.zeros(4, 1, 28, 28)
        for _ in range(3):
            task = asyncio.create_task(service.logits(service.models[0], x))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.sleep(0.05)
        answer = await service.logits(service.models[0], x)
        service.close(10)
        return len(answer)

    assert asyncio.run(ask()) == 4
