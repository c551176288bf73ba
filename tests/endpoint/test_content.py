"""Answers that are not read: compressed ones and long ones."""

from __future__ import annotations

import pytest

from securemnist.endpoint import client as client_module
from securemnist.endpoint.client import Client
from securemnist.errors import ModelError
from tests.endpoint.conftest import table
from tests.endpoint.service import Reply, Service
from tests.error_form import one_sentence

PACKED = {"Content-Encoding": "gzip"}


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (Reply(200, b" " * 5_000), "at most 2,000 bytes.*, or raise `answer_bytes`"),
        (Reply(200, b"\x1f\x8b", PACKED), "compressed.*; switch its compression off"),
    ],
)
def test_a_refused_answer_is_asked_for_once(reply: Reply, problem: str, service: Service) -> None:
    """A long answer, and a compressed one that could unpack to any size, end the request at once."""
    service.fault = lambda _number, _body: reply
    with pytest.raises(ModelError, match=problem) as caught:
        Client(table(service, answer_bytes=2_000)).ask(b"{}", 1)
    one_sentence(caught.value)
    assert len(service.requests) == 1


def test_a_compressed_error_is_tried_again(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A compressed page of a busy service is an error of its status."""
    monkeypatch.setattr(client_module, "_FIRST_WAIT", 0.01)
    busy, answer = Reply(503, b"\x1f\x8b", PACKED), Reply(200, b"{}")
    service.fault = lambda number, _body: answer if number else busy
    assert Client(table(service)).ask(b"{}", 1) == b"{}"
    assert len(service.requests) == 2
