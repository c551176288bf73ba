"""Wrong code of the user's own: no row passes by it, and no other row, model or process changes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn

from securemnist import assessing
from securemnist.attacks.base import Attack
from securemnist.evaluation.context import Context
from securemnist.models.fingerprint import fingerprint
from securemnist.results.findings import Finding, Verdict
from tests.own_code.conftest import Linear
from tests.own_code.rows import requirement


@dataclass(frozen=True, kw_only=True)
class Own(Attack):
    """An attack that does what `doing` says with its model and images."""

    def propose(self, model: Any, x: Any, y: Any, **_: Any) -> Any:
        return type(self).doing(model, x)

    @staticmethod
    def doing(_: Any, x: Any) -> Any:
        """By default nothing."""
        return x


def attacked(context: Context, name: str) -> Finding:
    """The finding of a row with this attack."""
    threat = {"norm": "linf", "eps": 0.001}
    settings = {"threat": threat, "images": 20, "attack": {"use": name}}
    return assessing.judge(context, requirement("attack_accuracy", settings))


def zeroed(model: nn.Module, x: Any) -> Any:
    """Write zeros into every parameter."""
    for weights in model.parameters():
        weights.data.zero_()
    return x


def replaced(model: nn.Module, x: Any) -> Any:
    """Replace a submodule."""
    inner = next(module for module in model.modules() if isinstance(module, Linear))
    inner.layer = nn.Linear(784, 10)
    return x


def shifted(model: nn.Module, x: Any) -> Any:
    """Write into a buffer, then raise."""
    next(model.buffers()).add_(1)
    raise ValueError("not today")


def in_training(model: nn.Module, x: Any) -> Any:
    """Switch to train mode."""
    model.train()
    return x


@pytest.mark.parametrize("doing", [zeroed, replaced, shifted, in_training])
def test_a_model_that_an_attack_changes_is_put_back(
    context: Context, install: Callable[[Any], str], doing: Any
) -> None:
    """Its row is an ERROR that says so, and later rows measure the model as it was."""
    before = fingerprint(context.subject.model)
    kind = type("Changing", (Own,), {"doing": staticmethod(doing)})
    found = attacked(context, install(kind))
    assert found.verdict is Verdict.ERROR
    assert "leaves the model as it is" in found.reason
    assert fingerprint(context.subject.model) == before
    assert not context.subject.model.training


def test_what_the_process_shares_is_put_back(
    context: Context, install: Callable[[Any], str]
) -> None:
    """Random numbers, default dtype and gradient mode are those of before the row."""

    def careless(_: Any, x: Any) -> Any:
        torch.manual_seed(7)
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float64)
        return x

    before = torch.get_rng_state()
    attacked(context, install(type("Careless", (Own,), {"doing": staticmethod(careless)})))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() is torch.float32


@pytest.mark.parametrize(
    "doing",
    [
        lambda *_: None,
        lambda _, x: x.numpy(),
        lambda _, x: x.double(),
        lambda _, x: x.to(torch.complex64),
        lambda _, x: x[:-1],
        lambda _, x: x * float("nan"),
        lambda *_: sys.exit(0),
    ],
)
def test_wrong_proposals_are_an_error(
    context: Context, install: Callable[[Any], str], doing: Any
) -> None:
    """Proposals of another type, dtype, number or value, and an exit, are no attack that failed."""
    kind = type("Wrong", (Own,), {"doing": staticmethod(doing)})
    assert attacked(context, install(kind)).verdict is Verdict.ERROR


@pytest.mark.parametrize("size", [-1, 0, 1.5, True])
def test_a_chunk_without_images_is_an_error(
    context: Context, install: Callable[[Any], str], size: Any
) -> None:
    """With a negative chunk no image would be attacked, and the row would pass."""
    found = attacked(context, install(type("Chunked", (Own,), {"chunk": size})))
    assert found.verdict is Verdict.ERROR
    assert "expected a chunk of at least 1 image" in found.reason


def test_a_call_of_an_attack_rules_by_the_caller_s_images(context: Context) -> None:
    """An attack that writes into its input changes neither the caller's images nor the ruling."""
    kind = type("Writing", (Own,), {"doing": staticmethod(lambda _, x: x.fill_(0.5))})
    x = context.data.test[:10].images()
    kept, y = x.clone(), context.data.test[:10].labels
    result = kind()(context.subject, x, y, threat="linf:0.001", progress=False)
    assert torch.equal(x, kept)
    assert not result.success.any()
