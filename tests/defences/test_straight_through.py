"""Straight-through gradients: same answers, and a gradient where the model has none."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from securemnist.attacks.losses import loss_and_gradient, margins
from securemnist.defences.straight_through import StraightThrough
from tests.small_network import small_network
from tests.stubs import FunctionModel

NETWORK = small_network()
CLASSES = torch.arange(10)


def scores(x: torch.Tensor) -> torch.Tensor:
    """Logits (n, 10) of a small network."""
    logits: torch.Tensor = NETWORK(x)
    return logits


def written(x: torch.Tensor) -> torch.Tensor:
    """A vote that is counted by indexed writing."""
    votes = torch.zeros(len(x), 10)
    votes[torch.arange(len(x)), scores(x).argmax(1)] += 1
    return votes


def without_gradients(x: torch.Tensor) -> torch.Tensor:
    """Logits that are computed with gradients switched off."""
    with torch.no_grad():
        return scores(x).clone()


def rounded_in_place(x: torch.Tensor) -> torch.Tensor:
    """Logits that are rounded in place."""
    logits = scores(x) * 4
    logits.round_()
    return logits


STEPS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "rounded logits": lambda x: (scores(x) * 4).round(),
    "rounded in place": rounded_in_place,
    "rounded images": lambda x: scores((x * 3).floor() / 3),
    "levels of 8 bits": lambda x: scores((x * 255).to(torch.uint8).float() / 255),
    "bit mask": lambda x: scores((x * 255).to(torch.uint8).bitwise_and(0xF0) / 255),
    "binary images": lambda x: scores((x > 0.5).float()),
    "signs": lambda x: scores(x).sign(),
    "intervals": lambda x: scores(torch.bucketize(x, torch.tensor([0.3, 0.6])) / 2),
    "one-hot class": lambda x: F.one_hot(scores(x).argmax(1), 10).float(),
    "one-hot by a table": lambda x: torch.eye(10)[scores(x).max(1).indices],
    "one-hot by comparison": lambda x: (scores(x).argmax(1)[:, None] == CLASSES).float(),
    "largest by comparison": lambda x: (scores(x) == scores(x).amax(1, keepdim=True)).float(),
    "scattered class": lambda x: torch.zeros(len(x), 10).scatter_(
        1, scores(x).argmax(1, keepdim=True), 1.0
    ),
    "written class": written,
    "most frequent class": lambda x: torch.eye(10)[
        torch.stack([scores(x).argmax(1), scores(x + 0.1).argmax(1)]).mode(0).values
    ],
    "gate": lambda x: torch.where((x.mean((1, 2, 3)) > 0.5)[:, None], scores(x), scores(1 - x)),
    "masked": lambda x: scores(x.masked_fill(x < 0.5, 0.0)),
    "logic": lambda x: scores((~(x > 0.8) & (x > 0.2) | (x > 0.9)).float()),
    "detached": lambda x: scores(x).detach() + 0 * x.mean(),
    "gradients off": without_gradients,
}


@pytest.mark.parametrize("name", STEPS)
def test_answers_are_equal_and_gradients_exist(name: str) -> None:
    """The copy answers bit for bit as the model does, and each image has a finite gradient."""
    model = FunctionModel(STEPS[name])
    x = torch.rand(5, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = model(x)
    y = expected.argmax(1)
    _, gradient, logits = loss_and_gradient(StraightThrough(model), x, y, margins)
    assert torch.equal(logits, expected.float())
    assert bool(gradient.isfinite().all())
    assert bool((gradient != 0).flatten(1).any(1).all())


def test_smooth_models_keep_their_gradient() -> None:
    """The gradient of a model without discrete steps is that of the model, bit for bit."""
    x = torch.rand(5, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    y = torch.zeros(5, dtype=torch.long)
    own = loss_and_gradient(NETWORK, x, y, margins)
    copied = loss_and_gradient(StraightThrough(NETWORK), x, y, margins)
    assert all(torch.equal(a, b) for a, b in zip(own, copied, strict=True))


def test_gradient_of_rounding_is_that_of_the_identity() -> None:
    """Rounded logits have the gradient of the logits themselves."""
    x = torch.rand(5, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    y = torch.zeros(5, dtype=torch.long)
    target = torch.ones(5, dtype=torch.long)

    def gap(logits: torch.Tensor, y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return logits.gather(1, target[:, None])[:, 0] - logits.gather(1, y[:, None])[:, 0]

    rounded = StraightThrough(FunctionModel(lambda x: scores(x).round()))
    own = loss_and_gradient(NETWORK, x, y, gap, target)[1]
    assert torch.allclose(loss_and_gradient(rounded, x, y, gap, target)[1], own)


def test_errors_of_the_model_stay() -> None:
    """An exception of the model is raised as it is."""

    class Broken(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise ArithmeticError("overflow")

    with pytest.raises(ArithmeticError, match="overflow"):
        StraightThrough(Broken())(torch.rand(1, 1, 28, 28, requires_grad=True))
