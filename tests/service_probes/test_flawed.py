"""Services that are wrong only a little fail their row, and no status alone counts as an answer."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from securemnist.data import DataSet
from securemnist.errors import Inconclusive, MeasureError
from securemnist.results.findings import Verdict
from securemnist.serve.controls.base import header
from securemnist.service_probes import own
from securemnist.service_probes.reply import HONEST
from tests.serve.hosts import Toy
from tests.service_probes.saboteurs import _around, infer
from tests.service_probes.test_rows import ROWS, judged

Flaw = Callable[[ASGIApp, Any], ASGIApp]


async def _send(send: Send, status: int, text: str, *headers: tuple[bytes, bytes]) -> None:
    kind = (b"content-type", b"application/json")
    await send({"type": "http.response.start", "status": status, "headers": [kind, *headers]})
    await asyncio.sleep(0.02)  # so that the text is not in the packet of the headers
    await send({"type": "http.response.body", "body": text.encode()})


def answering(wanted: Callable[[Scope], tuple[int, str] | None]) -> Flaw:
    """Answers some requests itself, by a status and a text."""

    def wrap(app: ASGIApp, _: Any) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            found = wanted(scope)
            if found is None:
                await app(scope, receive, send)
            else:
                await _send(send, *found, (b"retry-after", b"5"))

        return wrapped

    return wrap


def limited(key: Callable[[Scope], str | None]) -> Flaw:
    """A rate limit of 30 requests for each key."""
    counts: Counter[str] = Counter()

    def wanted(scope: Scope) -> tuple[int, str] | None:
        if (name := key(scope)) is None:
            return None
        counts[name] += 1
        return (429, "{}") if counts[name] > 30 else None

    return answering(wanted)


def refusing_with_results(app: ASGIApp, _: Any) -> ASGIApp:
    """Computes for everyone, and only the status differs."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def changed(message: Message) -> None:
            stranger = not (header(scope, "authorization") or "").startswith("Bearer probe.")
            if message["type"] == "http.response.start" and stranger:
                message = {**message, "status": 401}
            await send(message)

        await app(scope, receive, changed)

    return wrapped


def with_headers(status: int, *headers: tuple[bytes, bytes]) -> Flaw:
    """Replaces headers of answers of a status."""
    names = {name for name, _ in headers}

    def wrap(app: ASGIApp, _: Any) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            async def changed(message: Message) -> None:
                if message.get("status") == status:
                    kept = [pair for pair in message["headers"] if pair[0] not in names]
                    message = {**message, "headers": [*kept, *headers]}
                await send(message)

            await app(scope, receive, changed)

        return wrapped

    return wrap


def _path(mark: str, status: int, text: str) -> Flaw:
    raw = mark.encode()
    return answering(lambda scope: (status, text) if raw in scope.get("raw_path", b"") else None)


POLICY = b"default-src 'none'; frame-ancestors *"
FLAWS: dict[str, tuple[str, dict[str, Any], Flaw]] = {
    "a path without authentication": ("authentication", {}, _path("/./", 200, "{}")),
    "results beside a 401": (
        "authentication",
        {"off": ("authentication",)},
        refusing_with_results,
    ),
    "a limit for each connection": (
        "rate_limit",
        {},
        limited(lambda scope: str(scope["client"])),
    ),
    "a limit by what the client says": (
        "rate_limit",
        {},
        limited(lambda scope: header(scope, "x-forwarded-for") or "none"),
    ),
    "a policy for every frame": (
        "security_headers",
        {},
        with_headers(200, (b"content-security-policy", POLICY)),
    ),
    "a file behind the headers": ("path_traversal", {}, _path("passwd", 404, "root:x:0:0")),
    "a trace in a header": (
        "error_disclosure",
        {},
        with_headers(404, (b"x-error", b"ValueError in forward")),
    ),
}


@pytest.mark.parametrize("name", FLAWS)
def test_flaw_fails_its_row(name: str, mnist: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service with one small flaw fails the row of its control."""
    control, settings, flaw = FLAWS[name]
    monkeypatch.setattr(own, "SETTINGS", {control: settings})
    _around(monkeypatch, flaw)
    verdict, evidence = judged(ROWS[control], mnist, Toy)
    assert verdict is Verdict.FAIL
    assert [c for c in evidence.checks or () if not c.holds and c.name != HONEST]


@pytest.mark.parametrize("extra", [0.123456789, float("nan")], ids=["figures", "nan"])
def test_further_outputs_count(
    extra: float, mnist: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unrounded numbers in another output fail the row, and NaN is no answer."""
    outputs = infer.outputs

    def more(logits: Any, *rest: Any) -> list[dict[str, Any]]:
        raw = {"name": "raw", "datatype": "FP32", "shape": [1], "data": [extra]}
        return [raw, *outputs(logits, *rest)]

    monkeypatch.setattr(infer, "outputs", more)
    monkeypatch.setattr(infer, "JSONResponse", _lenient_response)
    if extra != extra:
        with pytest.raises(MeasureError, match="expected labels or scores"):
            judged(ROWS["confidence_precision"], mnist, Toy)
        return
    verdict, _ = judged(ROWS["confidence_precision"], mnist, Toy)
    assert verdict is Verdict.FAIL


def _lenient_response(value: Any) -> Any:
    from starlette.responses import Response

    return Response(json.dumps(value), media_type="application/json")


@pytest.mark.parametrize("control", ["path_traversal", "authentication", "overload"])
def test_status_alone_is_no_answer(
    control: str, mnist: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that answers honest requests by 200 and an error text decides nothing."""
    broken = answering(
        lambda scope: (200, '{"error": "x"}') if scope["path"].endswith("/model/infer") else None
    )
    _around(monkeypatch, broken)
    with pytest.raises(MeasureError, match="expected labels or scores"):
        judged(ROWS[control], mnist, Toy)


def test_refusal_by_200_is_a_lost_request(mnist: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under load, an error text with status 200 is a request without an answer."""
    count = 0

    def wanted(scope: Scope) -> tuple[int, str] | None:
        nonlocal count
        count += 1
        return (200, '{"error": "busy"}') if 10 < count < 40 else None

    _around(monkeypatch, answering(wanted))
    verdict, evidence = judged(ROWS["overload"], mnist, Toy)
    assert verdict is Verdict.FAIL
    failed = {check.name for check in evidence.checks or () if not check.holds}
    assert "requests without an answer" in failed


def test_fast_service_of_others_is_undecided(
    mnist: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service at an address that answers the whole burst in time shows no bound, and fails none."""
    from securemnist.evaluation.context import Context
    from securemnist.models import loading
    from securemnist.service_probes.overload import overload

    monkeypatch.setattr(own, "SETTINGS", {"overload": {"requests": 1000}})
    context = Context(loading.from_model(Toy(), name="subject"), mnist)
    with own.own_target(context, "overload", waiting_images=1_000_000) as target:
        target.own = False
        with pytest.raises(Inconclusive, match="the bound of the queue was not reached"):
            overload(target)
