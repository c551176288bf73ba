"""A gradient that is not the slope is doubted, in every format; one that is, is not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from securemnist.attacks.pgd import PGD
from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.evaluation.doubts import SearchCase
from securemnist.evaluation.doubts.binarization_test import sensitivity
from securemnist.evaluation.doubts.check_input import Case
from securemnist.evaluation.doubts.gradients import gradients
from securemnist.evaluation.doubts.other_attacks import weak_attack
from securemnist.evaluation.doubts.precision import in_float64, rounding
from securemnist.evaluation.eot import MeanModel
from securemnist.measures import bind, take_measurement
from securemnist.models import loading
from securemnist.models.predictions import is_wrong
from securemnist.results.findings import Requirement, Verdict
from securemnist.threats import L2, Linf, Threat
from tests.evaluation.doubts.impostors import Around, Dropping, Noisy
from tests.evaluation.doubts.lying import (
    HONEST,
    LIARS,
    Autocast,
    Float32Only,
    InBfloat16,
    Lying,
    untrained,
)

DIGITS = 64
FORMATS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "bfloat16": InBfloat16,
    "autocast": Autocast,
    "float32 only": Float32Only,
}


class OwnNoise(Around):
    """Noise from a generator of its own, which no seed of torch's repeats."""

    rng = torch.Generator().manual_seed(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        noise: torch.Tensor = self.network(x + 0.1 * torch.randn(x.shape, generator=self.rng))
        return noise


class Scaled(Around):
    """Logits times a factor."""

    def __init__(self, network: nn.Module, factor: float) -> None:
        super().__init__(network)
        self.factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.factor * self.network(x)


def network() -> nn.Module:
    """A reference network with max pooling, to be wrapped."""
    return copy.deepcopy(loading.resolve("network_d").model)


def case(model: nn.Module, mnist: DataSet, threat: Threat, digits: int = DIGITS) -> Case:
    """The digits that a model reads right."""
    context = Context(loading.from_model(model, name="it"), mnist)
    sample = context.sample(digits, 0)
    right = ~is_wrong(context.logits(sample.x), sample.y)
    return Case(context.subject, context.target, threat, sample.x[right], sample.y[right])


def doubted(model: nn.Module, mnist: DataSet, threat: Threat | None = None) -> bool:
    """Whether the doubt is raised."""
    found = gradients(case(model, mnist, threat or Linf(0.1)))
    return found is not None and found.name == "gradients"


@pytest.mark.parametrize("how", LIARS)
def test_a_lying_gradient_is_doubted(how: str, mnist: DataSet) -> None:
    """Whatever the backward pass hands back in the place of the derivative is doubted."""
    assert doubted(LIARS[how](network()), mnist)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("how", ["noise", "reversed", "another image's", "zero inside the ball"])
def test_a_lying_gradient_is_doubted_in_every_format(how: str, form: str, mnist: DataSet) -> None:
    """Also where no copy in float64 can be had, and where arithmetic is coarse."""
    assert doubted(Lying(FORMATS[form](network()), how).eval(), mnist)


@pytest.mark.parametrize("wrap", HONEST.values(), ids=HONEST)
def test_an_honest_format_is_not_doubted(
    wrap: Callable[[nn.Module], nn.Module], mnist: DataSet
) -> None:
    """Neither coarse arithmetic nor another scale or form of answers is a lie."""
    assert not doubted(wrap(network()).eval(), mnist)


@pytest.mark.parametrize("name", loading.reference_names())
def test_a_reference_model_is_not_doubted(name: str, mnist: DataSet) -> None:
    """Max pooling, batch norm, a clamp: kinks are no lies."""
    assert not doubted(loading.resolve(name).model, mnist, Linf(0.3))


@pytest.mark.parametrize("name", untrained(0))
def test_random_weights_are_not_doubted(name: str, mnist: DataSet) -> None:
    """Kinks, equal pixels and missing biases are no lies."""
    lab_of_all = case(untrained(1)[name](), mnist, Linf(0.1), 200)
    assert len(lab_of_all.y)
    assert gradients(lab_of_all) is None


def test_another_norm_is_judged_alike(mnist: DataSet) -> None:
    """Within L2, too, only the liar is doubted."""
    assert not doubted(network(), mnist, L2(1.5))
    assert doubted(Lying(network(), "noise").eval(), mnist, L2(1.5))


@pytest.mark.parametrize("kind", [Noisy, Dropping, OwnNoise])
def test_randomness_hides_no_lie(kind: type[Around], mnist: DataSet) -> None:
    """A model that answers at random is doubted if its gradient lies, and only then."""
    plain = loading.resolve("network_d").model
    honest, liar = kind(plain).eval(), Lying(kind(plain).eval(), "reversed").eval()
    assert gradients(case(MeanModel(honest), mnist, Linf(0.1), 24)) is None
    assert gradients(case(MeanModel(liar), mnist, Linf(0.1), 24)) is not None


def test_the_format_is_found(mnist: DataSet) -> None:
    """The coarsest format on the way counts, and a copy is used only if it is in float64 throughout."""
    x = mnist.test[:8].images()
    eps = {kind: torch.finfo(kind).eps for kind in (torch.float32, torch.bfloat16)}
    assert rounding(network(), x) == eps[torch.float32]
    assert rounding(Autocast(network()), x) == eps[torch.bfloat16]
    assert in_float64(network(), x) is not None
    assert in_float64(Float32Only(network()), x) is None
    assert in_float64(InBfloat16(network()), x) is None


def test_a_hidden_gradient_is_inconclusive(mnist: DataSet) -> None:
    """Noise in the place of the gradient is no pass, however many digits it leaves standing."""
    context = Context(loading.from_model(Lying(network(), "noise").eval(), name="it"), mnist)
    row: dict[str, Any] = {"threat": {"norm": "linf", "eps": 0.06}, "digits": 40}
    seen = take_measurement(
        context, "robust_accuracy", bind("robust_accuracy", row, tier="smoke"), 0
    )
    judged = Requirement(id="X-01", measure="robust_accuracy", because="", at_least=0.3).judge(seen)
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert "gradients" in judged.reason


def test_queries_find_what_a_gradient_hides(mnist: DataSet) -> None:
    """Where the gradient is noise, transfer and queries break what the smallest ladder left."""
    model = Lying(network(), "noise").eval()
    found = case(model, mnist, Linf(0.15), 48)
    assert weak_attack(SearchCase(**found.__dict__)) is not None


def test_small_logits_are_planted_in(mnist: DataSet) -> None:
    """Examples are planted in logits of any size, so that a blind attack is noticed there, too."""
    for factor in (1.0, 1e-9):
        model = Scaled(network(), factor).eval()
        found = case(model, mnist, Linf(0.1), 24)
        search = SearchCase(**{**found.__dict__, "attacks": (PGD(steps=10),)})
        assert sensitivity(search).planted > 15
