"""Services over small models, and clients of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import torch
from torch import nn

from securemnist.input_spec import MNIST
from securemnist.serve.application import create_application
from securemnist.serve.server import ServerThread
from securemnist.serve.service import ServedModel, Service
from securemnist.serve.settings import Settings
from securemnist.serve.tokens import Token

URL = "http://127.0.0.1:8080"
INFER = "/v2/models/toy/infer"


class Toy(nn.Module):
    """Reads the class from the brightness of the image."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        distances = x.mean((1, 2, 3))[:, None] - torch.arange(10) / 10
        return -30 * distances.square()


class Client:
    """Requests to an application without a network, one after the other; `http` sends several."""

    def __init__(self, application: Any, headers: dict[str, str]) -> None:
        transport = httpx.ASGITransport(
            application, raise_app_exceptions=False, client=("10.0.0.1", 1)
        )
        self.http = httpx.AsyncClient(transport=transport, base_url=URL, headers=headers)
        self.headers = self.http.headers
        self.application = application
        self.runner = asyncio.Runner()

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request and its answer."""
        return self.runner.run(self.http.request(method, path, **options))

    def get(self, path: str, **options: Any) -> httpx.Response:
        """One GET."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        """One POST."""
        return self.request("POST", path, **options)


def toy(module: nn.Module | None = None) -> ServedModel:
    """The toy model as it is served."""
    return ServedModel("toy", (module or Toy()).eval(), MNIST, "d" * 64)


@contextmanager
def client(
    *, module: nn.Module | None = None, token: bool = True, observers: Any = (), **settings: Any
) -> Iterator[Client]:
    """A client of a service without a network; `token`: it sends a valid one."""
    known, secret = Token.new("alice")
    service = Service((toy(module),))
    service.observers.extend(observers)
    application = create_application(service, Settings(**settings), [known])
    headers = {"Authorization": f"Bearer {secret}"} if token else {}
    found = Client(application, headers)
    try:
        yield found
    finally:
        found.runner.close()
        service.close(10)


@contextmanager
def serving(settings: Settings, token: Token) -> Iterator[tuple[str, Service]]:
    """The URL of a server of the toy model that accepts a token, and its service."""
    service = Service((toy(),))
    with ServerThread(create_application(service, settings, [token]), settings) as server:
        yield server.address, service
    service.close(10)


def body(count: int = 1, kind: str = "UINT8", value: float = 128, **more: Any) -> dict[str, Any]:
    """The body of a request with equal pixels."""
    tensor = {"name": "images", "shape": [count, 1, 28, 28], "datatype": kind}
    return {"inputs": [{**tensor, "data": [value] * (784 * count), **more}]}


def text(**more: Any) -> str:
    """The body of one image as JSON."""
    return json.dumps(body(**more))
