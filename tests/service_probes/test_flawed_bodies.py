"""Services that are wrong in one kind of body fail the row of its control by that check."""

from __future__ import annotations

import json
import zlib
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from securemnist.data import DataSet
from securemnist.results.findings import Verdict
from securemnist.serve.controls.base import header
from securemnist.service_probes import body_cap, own
from tests.serve.hosts import Toy
from tests.service_probes.saboteurs import _around, infer
from tests.service_probes.test_rows import ROWS, judged

pytestmark = pytest.mark.flaky(reruns=2)
HEADS = {"gzip": b"\x1f\x8b", "deflate": b"\x78"}


def patient_with_chunks(app: ASGIApp, _: Any) -> ASGIApp:
    """Waits for bodies in chunks without a deadline."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        parts: list[Message] = []
        while header(scope, "transfer-encoding") and (not parts or parts[-1].get("more_body")):
            parts.append(await receive())

        async def kept() -> Message:
            return parts.pop(0) if parts else await receive()

        await app(scope, kept, send)

    return wrapped


def violated(control: str, mnist: DataSet) -> list[str]:
    """Names of the checks that fail the row of a control."""
    verdict, evidence = judged(ROWS[control], mnist, Toy)
    assert verdict is Verdict.FAIL
    return [check.name for check in evidence.checks or () if not check.holds]


@pytest.mark.parametrize("coding", HEADS)
def test_bodies_that_unpack(coding: str, mnist: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that unpacks bodies of one coding behind its cap fails the row of the cap."""
    strict = infer.parsed

    def unpacked(body: bytes, *, most_numbers: int) -> Any:
        if body.startswith(HEADS[coding]):
            return json.loads(zlib.decompress(body, zlib.MAX_WBITS | 32))
        return strict(body, most_numbers=most_numbers)

    monkeypatch.setattr(infer, "parsed", unpacked)
    monkeypatch.setattr(body_cap, "_CAP", 8 << 20)
    assert violated("body_cap", mnist) == [f"a {coding} body that unpacks to 8 MiB"]


def test_chunks_that_trickle(mnist: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service whose deadline is for bodies of a declared length only fails the row of slow requests."""
    monkeypatch.setattr(own, "TIMEOUT", 3.0)
    _around(monkeypatch, patient_with_chunks)
    assert violated("slow_requests", mnist) == ["a body in chunks sent byte by byte"]
