"""No bound is ever broken: by points and corners of the ball, by enumeration, by attacks."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from securemnist.attacks.pgd import PGD
from securemnist.certificates import activations, certify, read, rules
from securemnist.certificates.crown import lower_bounds
from securemnist.certificates.intervals import Box, ball
from securemnist.data import DataSet
from securemnist.models import loading
from securemnist.referee import SLACK
from securemnist.threats import Linf
from tests.certificates.networks import MIDDLES, network, networks
from tests.certificates.points import violations


@given(networks(), st.sampled_from([0.001, 0.02, 0.1, 0.3]), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_no_point_of_the_ball_breaks_a_bound(model: nn.Module, eps: float, seed: int) -> None:
    """Random networks of random layers: every activation in its box, every margin above its bound."""
    assert violations(model, eps, seed) == 0


@pytest.mark.parametrize("middle", MIDDLES)
def test_every_layer_has_sound_bounds(middle: str) -> None:
    """Each layer alone between two others: no point of the ball breaks a bound, small or large."""
    model = network("normalised", [middle], functions=False, seed=1)
    for eps in (0.005, 0.2):
        assert violations(model, eps) == 0


UNIMODAL: dict[str, activations.Unimodal] = {
    "gelu": activations.gelu(),
    "gelu, approximate": activations.gelu("tanh"),
    "silu": activations.silu(),
    "mish": activations.mish(),
    "hardswish": activations.hardswish(),
}


@pytest.mark.parametrize("rule", UNIMODAL.values(), ids=UNIMODAL)
def test_a_minimum_is_where_it_is_stated(rule: activations.Unimodal) -> None:
    """No number of a fine grid has a smaller value than the stated minimum."""
    grid = torch.linspace(-20, 5, 1_000_001, dtype=torch.float64)
    values = rule.function(grid)
    assert values.min() >= rule.function(torch.tensor(rule.minimum, dtype=torch.float64)) - 1e-15
    fall = values[grid <= rule.minimum].diff()
    rise = values[grid >= rule.minimum].diff()
    assert fall.max() <= 1e-15
    assert rise.min() >= -1e-15


def shrunk(box: Box) -> Box:
    """A box a tenth too small."""
    return Box(box.lower + 0.1 * box.radius, box.upper - 0.1 * box.radius)


CAUGHT = [
    rules.Affine,
    rules.MaxPool,
    activations.LeakyReLU,
    activations.Monotone,
    activations.Unimodal,
    activations.Comparison,
    rules.Rearrange,
]


@pytest.mark.parametrize("rule", CAUGHT)
def test_a_box_made_too_tight_is_caught(
    rule: type[rules.Rule], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever rule's boxes are a tenth too small, points of the ball are outside."""
    model = network("stretched", ["max", "gelu", "steps", "turns"], functions=True, seed=2)
    assert violations(model, 0.1) == 0
    enclose = rule.enclose
    monkeypatch.setattr(rule, "enclose", lambda self, *boxes: shrunk(enclose(self, *boxes)))
    with pytest.MonkeyPatch.context() as patch:
        # The sample itself is already outside a box that is too small; that check has its own test.
        patch.setattr("securemnist.certificates.certificate._check", lambda *_: None)
        assert violations(model, 0.1) > 0


def line(seed: int) -> tuple[nn.Sequential, nn.Linear, nn.Linear]:
    """A network of one hidden layer that reads a single pixel."""
    torch.manual_seed(seed)
    first, last = nn.Linear(784, 6), nn.Linear(6, 10)
    nn.init.normal_(first.weight)
    first.weight.data[:, torch.arange(784) != 400] = 0
    model = nn.Sequential(nn.Flatten(), first, nn.ReLU(), last).eval().requires_grad_(False)
    return model, first, last


@pytest.mark.parametrize("seed", range(8))
def test_a_line_agrees_with_enumeration(seed: int) -> None:
    """Bounds are below the true least margin, and equal to it where no unit changes sign.

    Of one pixel the true one lies at an end of the interval or at a kink.
    """
    model, first, _ = line(seed)
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
        bound = asked_of_crown(model, x, int(y), eps)
        assert bound <= true
        if not kinks:
            assert bound == pytest.approx(true, abs=1e-3)


def asked_of_crown(model: nn.Module, x: torch.Tensor, label: int, eps: float) -> float:
    """CROWN's bound of the least margin of one sample, also where intervals prove it."""
    network = read(model)
    eye = torch.eye(10, dtype=torch.float64)
    questions = torch.stack([eye[label] - eye[k] for k in range(10) if k != label])
    samples = torch.zeros(len(questions), dtype=torch.long)
    with torch.no_grad():
        intervals = network.intervals(ball(x, eps))
        return float(lower_bounds(network, intervals, samples, questions, to_image=True).min())


def test_corners_agree_with_a_linear_network() -> None:
    """Of a linear network that reads eight pixels, the least margin over all 256 corners is the bound."""
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


def test_attacks_break_no_certified_digit(mnist: DataSet) -> None:
    """CROWN certifies samples of the hardened network, more than intervals do; PGD breaks none."""
    model = loading.resolve("hardened").model
    digits = mnist.tuning[:12]
    x, y = digits.images(), digits.labels
    found = certify(model, x, y, eps=0.02 + SLACK)
    plain = certify(model, x, y, eps=0.02 + SLACK, crown=False)
    assert found.proved.sum() > plain.proved.sum()
    assert (found.margins >= plain.margins).all()
    rng = torch.Generator().manual_seed(0)
    x_adv = PGD(steps=40, loss="margin").propose(model, x, y, threat=Linf(0.02), rng=rng)
    assert (model(x_adv).argmax(1) == y)[found.proved].all()
