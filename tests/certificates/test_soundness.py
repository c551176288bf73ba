"""Soundness of bounds: points and corners of the ball, enumeration, attacks."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from securemnist.attacks.pgd import PGD
from securemnist.certificates import certify
from securemnist.certificates.operations import (
    activations,
    choices,
    curves,
    functions,
    norms,
    quotients,
    rules,
)
from securemnist.certificates.operations.intervals import Box
from securemnist.data import DataSet
from securemnist.models import loading
from securemnist.referee import SLACK
from securemnist.threats import Linf
from tests.certificates.networks import SHAPE, network, networks
from tests.certificates.violations import crown_margin, violations

NORM = st.sampled_from(["linf", "l2"])


@given(networks(), st.sampled_from([0.001, 0.02, 0.1, 0.3]), NORM, st.integers(0, 99))
@settings(max_examples=4, deadline=None)
def test_bounds_of_random_networks(model: nn.Module, eps: float, norm: str, seed: int) -> None:
    """Random networks: every activation is in its box, and every margin above its bound."""
    assert violations(model, eps * (5 if norm == "l2" else 1), seed, SHAPE, norm) == 0


def test_bounds_of_a_relu_in_place() -> None:
    """No point of a ball violates a bound of a ReLU that overwrites its input.

    `test_operators` has all other layers in one network.
    """
    model = network("normalised", ["relu in place"], functions=False, seed=1)
    for norm, eps in (("linf", 0.005), ("linf", 0.2), ("l2", 0.1)):
        assert violations(model, eps, shape=SHAPE, norm=norm) == 0


WITH_MINIMUM: dict[str, curves.Curve] = {
    "gelu": functions.gelu(),
    "gelu, approximate": functions.gelu("tanh"),
    "silu": functions.SILU,
    "mish": functions.MISH,
    "hardswish": functions.HARDSWISH,
}


@pytest.mark.parametrize("rule", WITH_MINIMUM.values(), ids=WITH_MINIMUM)
def test_curve_minimum(rule: curves.Curve) -> None:
    """No number of a fine grid has a smaller value than the stated minimum."""
    grid = torch.linspace(-20, 5, 1_000_001, dtype=torch.float64)
    values = rule.function(grid)
    assert values.min() >= rule.function(torch.tensor(rule.minimum, dtype=torch.float64)) - 1e-15
    fall = values[grid <= rule.minimum].diff()
    rise = values[grid >= rule.minimum].diff()
    assert fall.max() <= 1e-15
    assert rise.min() >= -1e-15


def tight(enclose: Callable[..., Box]) -> Callable[..., Box]:
    """The method `enclose` of a rule, with boxes that are a tenth too small."""

    def shrunk(rule: rules.Rule, *boxes: Box) -> Box:
        box = enclose(rule, *boxes)
        return Box(box.lower + 0.1 * box.radius, box.upper - 0.1 * box.radius)

    return shrunk


CAUGHT = [
    rules.Affine,
    rules.Product,
    rules.Sum,
    rules.MaxPool,
    activations.LeakyReLU,
    curves.Curve,
    activations.Comparison,
    rules.Rearrange,
    choices.Choice,
    norms.Norm,
    quotients.Quotient,
]


def test_violations_detect_tight_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    """For every rule, boxes that are a tenth too small are violated by points of the ball."""
    # One model for all rules: its export takes most of the time, and is cached.
    middles = ["choices", "quotients", "max", "gelu", "steps", "turns", "gates", "norms"]
    model = network("stretched", middles, functions=True, seed=2)
    assert violations(model, 0.1, shape=SHAPE) == 0
    # The sample itself is already outside a box that is too small; that check has its own test.
    monkeypatch.setattr(
        "securemnist.certificates.bounds.margin_bounds.check_bounds", lambda *_: None
    )
    for rule in CAUGHT:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rule, "enclose", tight(rule.enclose))
            assert violations(model, 0.1, shape=SHAPE) > 0, rule


def one_pixel_network(seed: int) -> tuple[nn.Sequential, nn.Linear, nn.Linear]:
    """A network with one hidden layer that reads a single pixel."""
    torch.manual_seed(seed)
    first, last = nn.Linear(784, 6), nn.Linear(6, 10)
    nn.init.normal_(first.weight)
    first.weight.data[:, torch.arange(784) != 400] = 0
    model = nn.Sequential(nn.Flatten(), first, nn.ReLU(), last).eval().requires_grad_(False)
    return model, first, last


@pytest.mark.parametrize("seed", range(4))
def test_bounds_match_enumeration_on_one_pixel(seed: int) -> None:
    """Bounds are below the true least margin, and equal to it where no unit changes sign.

    Of one pixel the true one lies at an end of the interval or at a kink.
    """
    model, first, _ = one_pixel_network(seed)
    x = torch.full((1, 1, 28, 28), 0.5)
    y = model(x).argmax(1)
    slope, shift = first.weight[:, 400].double(), first.bias.double()
    for eps in (0.001, 0.05, 0.2, 0.4):
        low, high = 0.5 - eps, 0.5 + eps
        kinks = [float(k) for k in -shift / slope if low < k < high]
        values = []
        for pixel in (low, high, *kinks):
            image = x.double().clone()
            image[0, 0, 14, 8] = pixel
            logits = model.double()(image)
            values.append(logits[0, y] - logits.scatter(1, y[:, None], -torch.inf).amax())
        model.float()
        true = float(torch.stack(values).min())
        assert float(certify(model, x, y, eps=eps).margins) <= true
        bound = crown_margin(model, x, int(y), eps)
        assert bound <= true
        if not kinks:
            assert bound == pytest.approx(true, abs=1e-3)


def test_bounds_match_corners_of_linear_network() -> None:
    """For a linear network of eight pixels the bound is the smallest margin over all 256 corners."""
    torch.manual_seed(3)
    layer = nn.Linear(784, 10)
    pixels = torch.arange(100, 780, 90)
    layer.weight.data[:, [k for k in range(784) if k not in pixels]] = 0
    model = nn.Sequential(nn.Flatten(), layer).eval().requires_grad_(False)
    x = torch.full((1, 1, 28, 28), 0.5)
    y = model(x).argmax(1)
    least = torch.inf
    for signs in itertools.product((-0.2, 0.2), repeat=len(pixels)):
        image = x.flatten(1).clone()
        image[0, pixels] += torch.tensor(signs)
        logits = model(image)
        wrong = logits.scatter(1, y[:, None], -torch.inf).amax()
        least = min(least, float(logits[0, y] - wrong))
    for crown in (False, True):
        bound = float(certify(model, x, y, eps=0.2, crown=crown).margins)
        assert bound <= least + 1e-6
        assert bound == pytest.approx(least, abs=1e-3)


def test_pgd_breaks_no_certified_image(mnist: DataSet) -> None:
    """CROWN certifies more images of the hardened network than intervals; PGD breaks none of them."""
    model = loading.resolve("hardened").model
    samples = mnist.tuning[:12]
    x, y = samples.images(), samples.labels
    found = certify(model, x, y, eps=0.02 + SLACK)
    plain = certify(model, x, y, eps=0.02 + SLACK, crown=False)
    assert found.proved.sum() > plain.proved.sum()
    assert (found.margins >= plain.margins).all()
    rng = torch.Generator().manual_seed(0)
    x_adv = PGD(steps=40, loss="margin").propose(model, x, y, threat=Linf(0.02), rng=rng)
    assert (model(x_adv).argmax(1) == y)[found.proved].all()
