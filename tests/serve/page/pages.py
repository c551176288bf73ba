"""Services with a page over small models, and their requests."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from securemnist.data import DataSet
from securemnist.serve.application import create_application
from securemnist.serve.service import ServedModel, Service
from securemnist.serve.settings import Settings
from securemnist.serve.tokens import Token
from tests.serve.hosts import Client

HOSTILE_NAMES = ("<img src=x onerror=alert(1)>", "</script><script>alert(2)</script>", "cat")


def linear(channels: int, side: int, classes: int, seed: int = 0) -> nn.Module:
    """A linear network with random weights, without gradients."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Flatten(), nn.Linear(channels * side**2, classes))
    return model.requires_grad_(False).eval()


def random_data(channels: int, side: int, names: tuple[str, ...]) -> DataSet:
    """Random images of named classes."""
    rng = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (30, channels, side, side), generator=rng, dtype=torch.uint8)
    return DataSet.from_tensors(
        images, torch.arange(30) % len(names), name="noise", class_names=names
    )


def service(data: DataSet, *, with_data: bool = True, count: int = 2) -> Service:
    """Two linear models of the form of these data."""
    spec = data.spec
    models = tuple(
        ServedModel(name, linear(spec.channels, spec.height, spec.classes, k), spec, f"{k}" * 64)
        for k, name in enumerate(("first", "second")[:count])
    )
    return Service(models, data=data if with_data else None)


@contextmanager
def page_client(
    served: Service, *, token: bool = True, observers: Any = (), **settings: Any
) -> Iterator[Client]:
    """A client of the page without a network."""
    known, secret = Token.new("alice")
    served.observers.extend(observers)
    application = create_application(served, Settings(**settings), [known])
    found = Client(application, {"Authorization": f"Bearer {secret}"} if token else {})
    try:
        yield found
    finally:
        found.runner.close()
        served.close(60)


def pixels(answer: dict[str, Any]) -> bytes:
    """The image in an answer."""
    return base64.b64decode(answer["image"]["pixels"])


def encoded(array: np.ndarray, kind: str = "PNG") -> bytes:
    """A picture file of these pixels."""
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind)
    return file.getvalue()
