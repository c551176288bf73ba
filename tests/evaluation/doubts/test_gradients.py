"""A gradient that is not the slope is doubted in every format; an honest one is not."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from securemnist import data
from securemnist.attacks.pgd import PGD
from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.evaluation.doubts import SearchCase, model_doubts
from securemnist.evaluation.doubts.binarization_test import sensitivity
from securemnist.evaluation.doubts.check_input import Case
from securemnist.evaluation.doubts.gradients import AGREEMENT, gradients
from securemnist.evaluation.doubts.neighbours import agreement
from securemnist.evaluation.doubts.other_attacks import weak_attack
from securemnist.evaluation.doubts.precision import in_float64, rounding
from securemnist.evaluation.mean_model import MeanModel
from securemnist.measures import bind, take_measurement
from securemnist.models import loading
from securemnist.models.predictions import is_wrong
from securemnist.results.findings import Requirement, Verdict
from securemnist.threats import L2, Linf, Threat
from tests.evaluation.doubts import networks
from tests.evaluation.doubts.false_backward import (
    HONEST,
    LIARS,
    SHATTERING,
    Autocast,
    FalseBackward,
    Float32Only,
    InBfloat16,
    Shattered,
    SometimesFalse,
    untrained,
)
from tests.evaluation.doubts.impostors import Around, Dropping, Noisy

IMAGES = 16
# The poisoned networks have the layers and the training of `baseline`.
OWN_TRAINING = [name for name in loading.reference_names() if not name.startswith("poisoned")]
FORMATS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "bfloat16": InBfloat16,
    "autocast": Autocast,
    "float32 only": Float32Only,
}


class OwnNoise(Around):
    """Noise from a private generator, which torch's seed does not affect."""

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


@functools.cache
def _trained() -> nn.Module:
    return networks.plain(data.load(), 0, networks.pooled)


def network() -> nn.Module:
    """A small network with max pooling, to be wrapped."""
    return copy.deepcopy(_trained())


def case(model: nn.Module, mnist: DataSet, threat: Threat, images: int = IMAGES) -> Case:
    """The correctly classified images of a model."""
    context = Context(loading.from_model(model, name="it"), mnist)
    sample = context.sample(images, 0)
    right = ~is_wrong(context.logits(sample.x), sample.y)
    return Case(context.subject, context.target, threat, sample.x[right], sample.y[right])


def doubted(
    model: nn.Module, mnist: DataSet, threat: Threat | None = None, images: int = IMAGES
) -> bool:
    """Whether the doubt is raised."""
    found = gradients(case(model, mnist, threat or Linf(0.1), images))
    return found is not None and found.name == "gradients"


@pytest.mark.parametrize("how", LIARS)
def test_false_backward_is_doubted(how: str, mnist: DataSet) -> None:
    """Every false backward pass is doubted."""
    assert doubted(LIARS[how](network()), mnist)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("how", ["noise", "reversed", "another image's", "zero inside the ball"])
def test_false_backward_is_doubted_in_coarse_formats(how: str, form: str, mnist: DataSet) -> None:
    """A false backward pass is doubted without a float64 copy and in coarse arithmetic, too."""
    assert doubted(FalseBackward(FORMATS[form](network()), how).eval(), mnist)


@pytest.mark.parametrize("wrap", HONEST.values(), ids=HONEST)
def test_honest_formats_raise_no_doubt(
    wrap: Callable[[nn.Module], nn.Module], mnist: DataSet
) -> None:
    """Coarse arithmetic and other scales or forms of logits are not doubted."""
    assert not doubted(wrap(network()).eval(), mnist)


@pytest.mark.parametrize("name", OWN_TRAINING)
def test_reference_models_raise_no_gradient_doubt(name: str, mnist: DataSet) -> None:
    """Kinks of max pooling, batch norm and clamp raise no doubt."""
    assert not doubted(loading.resolve(name).model, mnist, Linf(0.3), images=24)


@pytest.mark.parametrize("name", untrained(0))
def test_random_weights_raise_no_gradient_doubt(name: str, mnist: DataSet) -> None:
    """Kinks, equal pixels and missing biases raise no doubt."""
    lab_of_all = case(untrained(1)[name](), mnist, Linf(0.1), 200)
    assert len(lab_of_all.y)
    assert gradients(lab_of_all) is None


@pytest.mark.parametrize(("a", "w"), SHATTERING)
@pytest.mark.parametrize("threat", [Linf(0.06), L2(1.5)], ids=str)
def test_shattered_gradients_are_doubted(
    a: float, w: float, threat: Threat, mnist: DataSet
) -> None:
    """True gradients that change from point to point are doubted."""
    found = gradients(case(Shattered(network(), a, w).eval(), mnist, threat))
    assert found is not None
    assert "nothing in common" in found.reason


@pytest.mark.parametrize("eps", [0.03, 0.1, 0.3])
def test_honest_gradients_agree_with_their_neighbours(eps: float, mnist: DataSet) -> None:
    """Undefended, hardened and certified networks stay far above the limit at every epsilon."""
    for name in ("network_d", "hardened", "certified", "fgsm_trained"):
        model = loading.resolve(name).model
        assert agreement(case(model, mnist, Linf(eps))) > 2 * AGREEMENT


def test_gradients_that_become_false_are_doubted_in_a_later_row(mnist: DataSet) -> None:
    """A backward pass that becomes false after the checks of the model is doubted after the search."""
    liar = SometimesFalse(network(), lambda _number, _size: False).eval()
    context = Context(loading.from_model(liar, name="it"), mnist)
    threat = {"norm": "linf", "eps": 0.06}
    row: dict[str, Any] = {"attack": {"use": "PGD", "steps": 2}, "threat": threat, "images": 12}
    assert not model_doubts(context, Linf(0.06), 12)
    liar.when = lambda _number, _size: True
    measurement = take_measurement(context, "robust_accuracy", bind("robust_accuracy", row), 0)
    names = [doubt.name for doubt in measurement.doubts]
    assert names.count("gradients") == 1


def test_gradients_check_in_l2(mnist: DataSet) -> None:
    """Within L2, too, only the false backward pass is doubted."""
    assert not doubted(network(), mnist, L2(1.5))
    assert doubted(FalseBackward(network(), "noise").eval(), mnist, L2(1.5))


@pytest.mark.parametrize("kind", [Noisy, Dropping, OwnNoise])
def test_gradients_check_of_randomised_models(kind: type[Around], mnist: DataSet) -> None:
    """A randomised model is doubted exactly if its gradient is false."""
    plain = network()
    honest, liar = kind(plain).eval(), FalseBackward(kind(plain).eval(), "reversed").eval()
    assert gradients(case(MeanModel(honest), mnist, Linf(0.1), 12)) is None
    assert gradients(case(MeanModel(liar), mnist, Linf(0.1), 12)) is not None


def test_format_detection(mnist: DataSet) -> None:
    """The coarsest format counts; a copy is used only if it computes in float64 throughout."""
    x = mnist.test[:8].images()
    eps = {kind: torch.finfo(kind).eps for kind in (torch.float32, torch.bfloat16)}
    assert rounding(network(), x) == eps[torch.float32]
    assert rounding(Autocast(network()), x) == eps[torch.bfloat16]
    assert in_float64(network(), x) is not None
    assert in_float64(Float32Only(network()), x) is None
    assert in_float64(InBfloat16(network()), x) is None


def test_noise_gradient_is_inconclusive(mnist: DataSet) -> None:
    """A noise gradient does not pass, however many images survive."""
    context = Context(
        loading.from_model(FalseBackward(network(), "noise").eval(), name="it"), mnist
    )
    row: dict[str, Any] = {
        "threat": {"norm": "linf", "eps": 0.06},
        "attack": {"use": "PGD", "steps": 10},
        "images": 16,
    }
    measurement = take_measurement(
        context, "robust_accuracy", bind("robust_accuracy", row, tier="smoke"), 0
    )
    judged = Requirement(id="X-01", measure="robust_accuracy", because="", at_least=0.3).judge(
        measurement
    )
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert "gradients" in judged.reason


def test_weak_attack_uses_queries_and_transfer(mnist: DataSet) -> None:
    """Behind a noise gradient, transfer and queries break survivors of the smallest ladder."""
    model = FalseBackward(network(), "noise").eval()
    found = case(model, mnist, Linf(0.15), 48)
    assert weak_attack(SearchCase(**found.__dict__)) is not None


def test_planting_is_scale_invariant(mnist: DataSet) -> None:
    """Examples are planted for logits of any size, so that a failing attack is noticed."""
    for factor in (1.0, 1e-9):
        model = Scaled(network(), factor).eval()
        found = case(model, mnist, Linf(0.1), 24)
        search = SearchCase(**{**found.__dict__, "attacks": (PGD(steps=10),)})
        assert sensitivity(search).planted > 15
