"""Rounding alone explains a missing gradient; any other step that hides it stays doubted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from securemnist.data import DataSet
from securemnist.defences import make_defence
from securemnist.evaluation.doubts.check_input import Case
from securemnist.evaluation.doubts.gradients import gradients
from securemnist.evaluation.doubts.rounding import explained_by_rounding
from securemnist.models import loading
from securemnist.models.predictions import is_wrong
from securemnist.threats import L2, Linf, Threat
from tests.evaluation.doubts.false_backward import LIARS, FalseBackward
from tests.evaluation.doubts.impostors import Around

IMAGES = 16
# Networks that round, and one that detaches a part of its gradient, which the copy attaches again.
TRUE_COPY = ("straight through 256 levels", "straight through sine")
# One of each kind of false backward pass.
TRIED = (*TRUE_COPY, "straight through threshold", "half noise", "reversed for few")
TRIED += ("zero inside the ball", "noise in batches up to 8", "shattered, a = 0.03, w = 200")


class Rounding(Around):
    """Pixels rounded to bytes."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network((x * 255).to(torch.uint8).float() / 255)


def behind(settings: dict[str, Any]) -> Callable[[nn.Module], nn.Module]:
    """A bundled defence before a network."""
    return make_defence(settings).wrap


class OtherWithGradients(Around):
    """Another network answers where gradients are recorded, and gives its true ones."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network)
        self.other = loading.resolve("hardened").model

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (self.other if x.requires_grad else self.network)(x)


EXPLAINED: dict[str, Callable[[nn.Module], nn.Module]] = {
    "bytes": Rounding,
    "jpeg": behind({"use": "jpeg", "quality": 75}),
    "eight grey levels": behind({"use": "bit-depth", "bits": 3}),
    "rounded logits": behind({"use": "confidence-mask", "decimals": 1}),
}
HIDING: dict[str, Callable[[nn.Module], nn.Module]] = {
    "threshold": behind({"use": "bit-depth", "bits": 1}),
    "four grey levels": behind({"use": "bit-depth", "bits": 2}),
    "classes": behind({"use": "label-only"}),
    "rounding and a reversed gradient": lambda net: Rounding(FalseBackward(net, "reversed")),
    "rounding and half noise": lambda net: Rounding(FalseBackward(net, "half noise")),
    "rounding and a gradient that is zero in the ball": lambda net: FalseBackward(
        Rounding(net), "zero inside the ball"
    ),
}


def case(model: nn.Module, mnist: DataSet, threat: Threat) -> Case:
    """The first tuning images that the model classifies right."""
    samples = mnist.tuning[:IMAGES]
    x, y = samples.images(), samples.labels
    subject = loading.from_model(model.eval(), name="tried")
    with torch.no_grad():
        right = ~is_wrong(subject.model(x), y)
    return Case(subject, subject.model, threat, x[right], y[right])


@pytest.mark.parametrize(
    ("name", "threat"), [*((name, Linf(0.3)) for name in EXPLAINED), ("jpeg", L2(1.5))], ids=str
)
def test_rounding_is_explained(name: str, threat: Threat, mnist: DataSet) -> None:
    """Rounded pixels, coefficients and logits raise the doubt, and attacks go through them."""
    found = case(EXPLAINED[name](loading.resolve("hardened").model), mnist, threat)
    assert gradients(found) is not None
    assert explained_by_rounding(found)


@pytest.mark.parametrize("name", HIDING)
def test_other_steps_are_not(name: str, mnist: DataSet) -> None:
    """Thresholds and classes, and a false backward pass beside rounding, are not explained."""
    found = case(HIDING[name](loading.resolve("hardened").model), mnist, Linf(0.3))
    assert not explained_by_rounding(found)


def test_coarse_rounding_is_not_on_an_undefended_network(mnist: DataSet) -> None:
    """Behind a threshold margins fall less than predicted, of a network that is easy to attack, too."""
    threshold = behind({"use": "bit-depth", "bits": 1})(loading.resolve("baseline").model)
    assert not explained_by_rounding(case(threshold, mnist, Linf(0.3)))


def test_another_network_where_gradients_are_recorded_is_not(mnist: DataSet) -> None:
    """A network that does not round, whose attacks see the gradients of another one, is not explained."""
    found = case(OtherWithGradients(loading.resolve("baseline").model), mnist, Linf(0.1))
    assert gradients(found) is not None
    assert not explained_by_rounding(found)


@pytest.mark.parametrize("name", TRIED)
def test_false_gradients_are_not(name: str, mnist: DataSet) -> None:
    """Of networks with a false backward pass, only those with a true gradient in a copy are."""
    found = case(LIARS[name](loading.resolve("network_d").model), mnist, Linf(0.1))
    assert explained_by_rounding(found) == (name in TRUE_COPY)
