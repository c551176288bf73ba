"""Servers that guess at the end of a request in one way fail the row of that control by that check."""

from __future__ import annotations

import pytest
import torch

from securemnist.input_spec import MNIST
from securemnist.service_probes.request_smuggling import request_smuggling
from securemnist.service_probes.target import Target
from tests.service_probes.guessing_server import WEAKNESSES, GuessingServer

_SIGNS = ("a sign", "a prefix", "an underscore")
FAILED = {
    "first length": ["two lengths", "two lengths, the larger one first"],
    "last length": ["two lengths", "two lengths, the larger one first"],
    "Python's numbers": ["a length with a sign", "a length with an underscore"],
    "length beside chunks": ["a length, and a body that is not in chunks"],
    "chunks beside length": ["a length and chunks", "chunks and a length"],
    "folds": ["a folded header", "a folded coding"],
    "any coding": ["two codings", "an unknown coding, beside a length"],
    "spaces": ["a space before the colon"],
    "Python's chunks": [f"a chunk size with {one}" for one in _SIGNS],
    "64 bits": ["a chunk size with 65 bits"],
}
# Weaknesses of the connection, which many checks find.
OPEN = ("goes on", "hangs")


def failed(weakness: str | None, seconds: float = 0.3) -> list[str]:
    """Names of the checks that a server with a weakness fails."""
    with (
        GuessingServer(weakness) as server,
        Target(
            server.address, "m", MNIST, torch.zeros(1, 1, 28, 28), "a.token", timeout=seconds
        ) as t,
    ):
        return [one.name for one in request_smuggling(t) if not one.holds]


@pytest.mark.parametrize("weakness", FAILED)
def test_server_that_guesses(weakness: str) -> None:
    """A server that refuses all but one kind of ambiguous request fails by the checks of that kind."""
    assert failed(weakness) == FAILED[weakness]


def test_strict_server_passes() -> None:
    """A server that refuses every such request, and ends the connection, fails no check."""
    assert failed(None) == []


@pytest.mark.parametrize("weakness", OPEN)
def test_refusal_that_keeps_the_connection(weakness: str) -> None:
    """A server that refuses and reads on after the refusal, or waits for more, refuses nothing."""
    assert len(failed(weakness, 0.1)) > 10


def test_every_weakness_is_tried() -> None:
    """Each weakness of the server has a test."""
    assert {*FAILED, *OPEN} == set(WEAKNESSES)
