"""A linear network, and code of a user that a name leads to."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.models import loading
from tests.own_code.rows import NAME


class Linear(nn.Module):
    """A linear network with a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(784, 10)
        self.register_buffer("shift", torch.zeros(10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, 10)."""
        out: torch.Tensor = self.layer(x.flatten(1)) + self.shift
        return out


@pytest.fixture
def context() -> Context:
    """A linear network, on images that it reads as their labels."""
    rng = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Linear()
    x = torch.rand(120, 1, 28, 28, generator=rng)
    y = model(x).argmax(1)
    return Context(loading.from_model(model, name="linear"), DataSet.from_tensors(x, y))


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], str]:
    """A function that makes a value available under the name NAME."""

    def as_module(value: Any) -> str:
        module = types.ModuleType("code_under_test")
        module.THING = value  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "code_under_test", module)
        return NAME

    return as_module
