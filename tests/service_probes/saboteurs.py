"""Services with one control missing, by the control whose row they have to fail."""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from starlette.types import ASGIApp, Receive, Scope, Send
from torch import nn

from securemnist.serve import application, controls
from securemnist.serve.controls.recording import recording
from securemnist.serve.tokens import Tokens
from securemnist.service_probes import own
from tests.service_probes.guessing_server import GuessingServer

# The package has the function under this name.
infer = importlib.import_module("securemnist.serve.protocol.infer")
# Settings that switch the control off.
OFF: dict[str, dict[str, Any]] = {
    "authentication": {"off": ("authentication",)},
    "rate_limit": {"off": ("rate_limits",)},
    "body_cap": {"off": ("body_cap",)},
    "slow_requests": {"off": ("deadlines",)},
    "error_disclosure": {"off": ("errors",)},
    "security_headers": {"off": ("headers",)},
    "origins": {"off": ("origins", "hosts")},
    "confidence_precision": {"off": ("rounding",)},
    "overload": {"off": ("concurrency",), "waiting_images": 1_000_000},
}


class FailsOnBlack(nn.Module):
    """A classifier with an error for black images."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if bool((x.flatten(1).sum(1) == 0).any()) and len(x) == 1:
            raise RuntimeError("division by zero")
        return x.mean((1, 2, 3))[:, None] * torch.arange(10.0)


class Mixing(nn.Module):
    """A classifier that normalises over its batch."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        brightness = x.mean((1, 2, 3))
        return (brightness - brightness.mean())[:, None] * 50 * torch.arange(10.0)


MODELS: dict[str, type[nn.Module]] = {
    "error_disclosure": FailsOnBlack,
    "batch_independence": Mixing,
}


def slow_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare tokens character by character, each by a slow store."""
    right: list[str] = []
    new = own.Token.new

    def noting(name: str) -> Any:
        token, secret = new(name)
        right.append(secret)
        return token, secret

    def owner(_self: Tokens, text: str) -> str | None:
        for a, b in zip(text, right[-1], strict=False):
            if a != b:
                return None
            time.sleep(2e-5)
        return "probe" if text == right[-1] else None

    monkeypatch.setattr(own.Token, "new", noting)
    monkeypatch.setattr(Tokens, "owner", owner)


def lenient_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read JSON as Python does: the last of two keys counts."""

    def parsed(body: bytes, *, most_numbers: int) -> Any:
        return json.loads(body)

    monkeypatch.setattr(infer, "parsed", parsed)


def lenient_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fill up what is missing and cut what is too much."""

    def images_of(tensor: Any, spec: Any, most: int) -> torch.Tensor:
        data = torch.tensor(tensor["data"], dtype=torch.float32).flatten()
        filled = torch.zeros(spec.size)
        filled[: len(data)] = data[: spec.size] / 255
        return filled.reshape(1, *spec.shape)

    monkeypatch.setattr(infer, "images_of", images_of)


def _around(
    monkeypatch: pytest.MonkeyPatch, wrap: Callable[[ASGIApp, Any], ASGIApp], drop: Any = None
) -> None:
    """Put a faulty layer around the application, or leave a control out."""
    kept = tuple(pair for pair in controls.CONTROLS if pair[1] is not drop)
    monkeypatch.setattr(application, "CONTROLS", ((None, wrap), *kept))


def _same(app: ASGIApp, _: Any) -> ASGIApp:
    return app


def any_method(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every method for GET."""

    def wrap(app: ASGIApp, _: Any) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            post = scope["method"] == "POST"
            await app({**scope, "method": "POST" if post else "GET"}, receive, send)

        return wrapped

    _around(monkeypatch, wrap)


def files_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Serve the files that paths lead to."""

    def wrap(app: ASGIApp, _: Any) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            file = Path("/tmp/a/b/c/d/e/f") / scope["path"].lstrip("/")  # noqa: S108
            place = Path(*[p for p in file.parts if p != ".."][:1]) / scope["path"].split("../")[-1]
            if ".." not in scope["path"] or not place.is_file():
                await app(scope, receive, send)
                return
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": place.read_bytes()})

        return wrapped

    _around(monkeypatch, wrap)


def no_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the records out."""
    _around(monkeypatch, _same, drop=recording)


def guessing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Serve by a server that takes the first of two lengths."""
    monkeypatch.setattr(own, "ServerThread", lambda *_: GuessingServer("first length"))


PATCHES: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "token_comparison": slow_comparison,
    "malformed_json": lenient_json,
    "wrong_tensors": lenient_tensors,
    "methods": any_method,
    "path_traversal": files_of_the_machine,
    "audit_trail": no_records,
    "request_smuggling": guessing,
}
