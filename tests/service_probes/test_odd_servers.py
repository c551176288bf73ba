"""Services that answer oddly: what was not asked, not read or not understood holds no control."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest
import torch

from securemnist.errors import MeasureError
from securemnist.input_spec import MNIST
from securemnist.results.evidence.service import ServiceCheck
from securemnist.service_probes.raw_answer import parsed
from securemnist.service_probes.table import PROBES
from securemnist.service_probes.target import Target
from tests.odd_server import Handler, Request, answer, certificate_of, serving

LABEL = {"outputs": [{"name": "label", "datatype": "INT64", "shape": [1], "data": [3]}]}
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"


def violations(
    control: str, handler: Handler, certificate: Path | None = None
) -> list[ServiceCheck]:
    """Checks of a control that do not hold, of a service that answers so."""
    with (
        serving(handler, certificate) as url,
        Target(url, "m", MNIST, torch.zeros(1, 1, 28, 28), "a.token", timeout=0.5) as target,
    ):
        return [one for one in PROBES[control](target) if not one.holds]


def guarded(request: Request) -> list[bytes]:
    """A label for the token; everything else is refused."""
    if request.headers.get("authorization") != "Bearer a.token":
        return answer({}, "401 Unauthorized")
    known = request.path.startswith("/v2/models/m")
    return answer(LABEL) if known else answer({}, "404 Not Found")


@pytest.mark.parametrize(
    "reply",
    [
        [HINTS, *answer(LABEL)],
        [HINTS * 2 + answer(LABEL)[0]],
        [json.dumps(LABEL).encode(), b""],
        [],
    ],
    ids=["hints", "hints in one part", "no HTTP", "no answer"],
)
def test_other_spellings_of_a_path(reply: list[bytes]) -> None:
    """Behind early hints there is an answer; bytes without a status and silence are no refusal."""
    assert violations("authentication", guarded) == []

    def open_to_all(request: Request) -> list[bytes]:
        return reply if "//" in request.path.removeprefix("http://") else guarded(request)

    found = violations("authentication", open_to_all)
    assert [one.name for one in found] == ["POST //v2/models/m/infer", "POST /v2/models/m//infer"]


def test_absolute_target_without_a_token() -> None:
    """A service that checks tokens by the path as it was sent, and so no absolute target, fails."""

    def open_to_absolute(request: Request) -> list[bytes]:
        return answer(LABEL) if "://" in request.path else guarded(request)

    (found,) = violations("authentication", open_to_absolute)
    assert found.name.startswith("POST http://127.0.0.1:")


def test_interim_answers_in_bytes() -> None:
    """The last answer counts; interim ones alone are no closed connection."""
    final = answer({}, "404 Not Found")[0]
    assert parsed(HINTS * 1000 + final).status == 404
    assert parsed(HINTS).status == 103
    assert parsed(b"").status == 0
    assert [parsed(odd).status for odd in (b"HTTP/1.1 OK\r\n\r\n", b"root", b"HTTP/1.1 2")] == [
        -2
    ] * 3


def test_certificates_are_checked_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests as bytes trust the same authorities as the others, so that they are really sent."""
    certificate = certificate_of(tmp_path)
    monkeypatch.setattr(certifi, "where", lambda: str(certificate))
    found = violations("path_traversal", lambda _: answer(b"file"), certificate)
    assert len(found) > 30


@pytest.mark.parametrize(("datatype", "score"), [("INT32", 987_654), ("INT64", -12)])
def test_scores_as_whole_numbers(datatype: str, score: int) -> None:
    """Scores that are scaled to whole numbers are as precise as those with decimals."""

    def scaled(request: Request) -> list[bytes]:
        if request.method == "GET":
            return answer({}, "404 Not Found")
        count = json.loads(request.body)["inputs"][0]["shape"][0]
        label = {"name": "label", "datatype": "INT64", "shape": [count], "data": [3] * count}
        scores = {"name": "score", "datatype": datatype, "shape": [count, 2], "data": [score, 5]}
        return answer({"outputs": [label, scores]})

    assert [one.name for one in violations("confidence_precision", scaled)] == ["whole numbers"]


def test_refused_certificate_is_named(tmp_path: Path) -> None:
    """A row of a service whose certificate is refused says so, and decides nothing."""
    with pytest.raises(MeasureError, match=r"refused \(self-signed certificate\)"):
        violations("security_headers", guarded, certificate_of(tmp_path))


@pytest.mark.parametrize("control", ["path_traversal", "slow_requests"])
def test_connection_that_is_not_made(control: str, tmp_path: Path) -> None:
    """A service that no connection reaches has refused nothing."""
    with pytest.raises(MeasureError, match=r"expected a connection to 127\.0\.0\.1:.*certificate"):
        violations(control, guarded, certificate_of(tmp_path))


@pytest.mark.parametrize("coding", ["gzip, gzip", "br"])
def test_answer_that_is_packed_twice(coding: str) -> None:
    """A few KiB that unpack to 64 MiB at one stroke are refused."""
    bomb = gzip.compress(gzip.compress(bytes(1 << 26)))
    packed = answer(bomb, "200 OK", f"Content-Encoding: {coding}")
    with pytest.raises(MeasureError, match="expected an answer without a coding"):
        violations("security_headers", lambda _: packed)


def test_answers_that_do_not_come() -> None:
    """Where a hostile request gets no answer in time, its answer was not read."""

    def silent(request: Request) -> Iterator[bytes]:
        return iter([] if request.method in ("DELETE", "OPTIONS") else guarded(request))

    assert [one.name for one in violations("error_disclosure", silent)] == [
        "the answer to another method"
    ]
    assert "a preflight of another site" in [one.name for one in violations("origins", silent)]
