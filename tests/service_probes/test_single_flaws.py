"""Services with a single flaw fail the row of its control by the checks of that flaw, and no other."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import torch
from starlette.types import ASGIApp, Receive, Scope, Send

from securemnist.data import DataSet
from securemnist.results.findings import Verdict
from securemnist.serve.controls.base import header
from securemnist.service_probes import own
from tests.odd_server import Request, answer
from tests.serve.hosts import Toy
from tests.service_probes.saboteurs import _around, infer
from tests.service_probes.test_flawed import Flaw, answering, limited, with_headers
from tests.service_probes.test_odd_servers import LABEL, guarded, violations
from tests.service_probes.test_rows import ROWS, judged

pytestmark = pytest.mark.flaky(reruns=2)
OWN_HOST = r"127\.0\.0\.1:\d+"


def named(control: str, mnist: DataSet) -> list[str]:
    """Names of the checks that our own service, as it is now, fails."""
    verdict, evidence = judged(ROWS[control], mnist, Toy)
    assert verdict is Verdict.FAIL
    return [check.name for check in evidence.checks or () if not check.holds]


def overridden(scope: Scope) -> tuple[int, str] | None:
    """Obeys a header that names another method, of POST only."""
    other = header(scope, "x-http-method-override")
    return (405, "{}") if scope["method"] == "POST" and other else None


def of_the_root(scope: Scope) -> tuple[int, str] | None:
    """Takes a path for one of the machine."""
    return (200, "root") if scope["path"] == "/etc/passwd" else None


def knowing_hosts_of_posts(app: ASGIApp, _: Any) -> ASGIApp:
    """Reads the Host header of requests that change something only."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        own_host = (b"host", b"localhost")
        if scope["method"] == "GET":
            others = [pair for pair in scope["headers"] if pair[0] != b"host"]
            count = len(scope["headers"]) - len(others)
            scope = {**scope, "headers": [*others, *[own_host] * count]}
        await app(scope, receive, send)

    return wrapped


FLAWS: dict[str, tuple[str, Flaw, list[str]]] = {
    "overrides of POST": (
        "methods",
        answering(overridden),
        ["POST X-HTTP-Method-Override: DELETE"],
    ),
    "files by their paths": ("path_traversal", answering(of_the_root), ["GET /etc/passwd"]),
    "hosts of POST only": (
        "origins",
        knowing_hosts_of_posts,
        ["metadata for Host: attacker.example"],
    ),
    "a path of the machine": (
        "error_disclosure",
        answering(
            lambda scope: (404, '"/workspace/net.pt"') if scope["path"] == "/nowhere" else None
        ),
        ["the answer to an unknown path (JSON)"],
    ),
    "the version of a server": (
        "error_disclosure",
        with_headers(405, (b"server", b"Jetty(9.4.51)")),
        ["the answer to another method (JSON)"],
    ),
}


@pytest.mark.parametrize("name", FLAWS)
def test_single_flaw(name: str, mnist: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row fails by the check of the flaw alone, so that no other check has to find it."""
    control, flaw, expected = FLAWS[name]
    _around(monkeypatch, flaw)
    assert named(control, mnist) == expected


@pytest.mark.parametrize("name", ["forwarded", "user-agent"])
def test_limit_by_a_header(name: str, mnist: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit for each value of a header that the client chooses is no limit."""
    monkeypatch.setattr(own, "SETTINGS", {"rate_limit": {}})
    _around(monkeypatch, limited(lambda scope: header(scope, name) or "none"))
    assert all(one.startswith("new connections") for one in named("rate_limit", mnist))


@pytest.mark.parametrize(
    ("key", "taken", "meant", "expected"),
    [
        ("name", "images-other", "images", "a tensor with another name"),
        ("shape", [True, 1, 28, 28], [1, 1, 28, 28], "a tensor with a boolean in the shape"),
        ("data", [0.5] + [0] * 783, [0] * 784, "a tensor with a fraction"),
    ],
    ids=["name", "boolean", "fraction"],
)
def test_lenient_tensors(
    key: str,
    taken: Any,
    meant: Any,
    expected: str,
    mnist: DataSet,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A service that takes another name, a boolean or a fraction for what it looks like fails the row."""
    strict = infer.images_of

    def lenient(tensor: Any, *rest: Any) -> torch.Tensor:
        known = isinstance(tensor, dict) and json.dumps(tensor.get(key))  # 1 equals True
        alike = known == json.dumps(taken)
        result: torch.Tensor = strict({**tensor, key: meant} if alike else tensor, *rest)
        return result

    monkeypatch.setattr(infer, "images_of", lenient)
    assert named("wrong_tensors", mnist) == [expected]


def test_second_tensor(mnist: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that leaves further tensors out of account fails the row."""
    strict = infer.parsed

    def first(body: bytes, *, most_numbers: int) -> Any:
        two = re.search(rb"}, {", body)  # of two tensors only the first is kept
        known = body[: two.start()] + b"}]}" if two else body
        return strict(known, most_numbers=most_numbers)

    monkeypatch.setattr(infer, "parsed", first)
    assert named("wrong_tensors", mnist) == ["two tensors"]


def test_body_in_another_encoding(mnist: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that guesses the encoding of a body fails the row."""
    strict = infer.parsed

    def guessed(body: bytes, *, most_numbers: int) -> Any:
        known = body.decode("utf-16").encode() if body[2:4] == b"{\0" else body
        return strict(known, most_numbers=most_numbers)

    monkeypatch.setattr(infer, "parsed", guessed)
    assert named("malformed_json", mnist) == ["a body of UTF-16"]


def test_metadata_for_any_token() -> None:
    """A service that only looks whether there is a token before it names its model fails the row."""

    def careless(request: Request) -> list[bytes]:
        some = request.method == "GET" and len(request.headers.get("authorization", "")) > 7
        return answer(LABEL) if some else guarded(request)

    wrong = ("an invented token", "half of a token", "a longer token")
    found = [one.name for one in violations("authentication", careless)]
    assert found == [f"metadata with {one}" for one in wrong]


def test_version_without_a_token() -> None:
    """The path of a version, which the protocol knows as well, needs a token like the other one."""

    def unguarded(request: Request) -> list[bytes]:
        by_version = request.path.endswith("/versions/1/infer")
        return answer(LABEL) if by_version else guarded(request)

    (found,) = violations("authentication", unguarded)
    assert found.name.endswith("/versions/1/infer")


@pytest.mark.parametrize(("ends_with", "expected"), [(False, []), (True, ["Host", "Origin"])])
def test_names_that_end_alike(ends_with: bool, expected: list[str]) -> None:
    """A service that compares the ends of names takes those of an attacker, and fails the row."""

    def compares(request: Request) -> list[bytes]:
        found = re.search if ends_with else re.fullmatch
        host = found(f"{OWN_HOST}$", request.headers["host"])
        origin = request.headers.get("origin")
        site = origin is None or found(f"(http://)?{OWN_HOST}$", origin)
        return answer(LABEL) if host and site else answer({}, "403 Forbidden")

    found = violations("origins", compares)
    assert sorted(one.name.partition(":")[0] for one in found) == expected


def test_output_on_demand() -> None:
    """Exact numbers in an output that is left out by default, but named by the metadata, fail the row."""
    outputs = [{"name": "label"}, {"name": "logits"}]

    def exact(request: Request) -> list[bytes]:
        if request.method == "GET":
            return answer({"outputs": outputs})
        body = json.loads(request.body)
        count = body["inputs"][0]["shape"][0]
        if body.get("outputs") == outputs[1:]:
            logits = {"name": "logits", "datatype": "FP32", "shape": [1, 2], "data": [0.1234567, 0]}
            return answer({"outputs": [logits]})
        label = {"name": "label", "datatype": "INT64", "shape": [count], "data": [3] * count}
        return answer({"outputs": [label]})

    assert [one.name for one in violations("confidence_precision", exact)] == ["decimals"]
