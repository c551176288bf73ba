"""Certificates for images of other shapes, and for 2, 3 and 100 classes."""

from __future__ import annotations

import copy
import itertools
from functools import cache

import pytest
import torch
from torch import nn

from securemnist.attacks.pgd import PGD
from securemnist.certificates import certify
from securemnist.input_spec import InputSpec
from securemnist.threats import Linf
from tests.certificates.violations import below_margins, crown_margin, violations
from tests.image_forms import FORMS, convolutional, images

# Not changed by these tests, so that each is exported once.
network = cache(convolutional)
forms = pytest.mark.parametrize("spec", FORMS.values(), ids=FORMS)


@forms
def test_no_point_violates_a_bound(spec: InputSpec) -> None:
    """No point of a ball violates the bound of an activation or of a margin."""
    assert violations(network(spec), 0.02, shape=spec.shape) == 0


@pytest.mark.parametrize(
    ("last", "form"),
    [(nn.Softmax(1), "colour"), (nn.LogSoftmax(1), "wide"), (nn.Softmax(1), "tall")],
)
def test_no_margin_below_its_bound_after_softmax(last: nn.Module, form: str) -> None:
    """With softmax as last layer no margin of logarithms is below its bound."""
    spec = FORMS[form]
    model = nn.Sequential(network(spec), last).eval()
    x = images(spec, n=3)
    for eps in (0.002, 0.1):
        assert below_margins(model, x, model(x).argmax(1), eps) == 0


@forms
def test_bounds_match_corners_of_linear_network(spec: InputSpec) -> None:
    """For a linear network of eight values the bound is the smallest margin over all 256 corners."""
    places = torch.linspace(0, spec.size - 1, 8).long()
    layer = nn.Linear(spec.size, spec.classes)
    torch.nn.init.normal_(layer.weight, generator=torch.Generator().manual_seed(5))
    kept = torch.zeros(spec.size, dtype=torch.bool)
    kept[places] = True
    layer.weight.data[:, ~kept] = 0
    model = nn.Sequential(nn.Flatten(), layer).eval().requires_grad_(False)
    x = torch.full((1, *spec.shape), 0.5)
    y = model(x).argmax(1)
    signs = torch.tensor(list(itertools.product((-0.2, 0.2), repeat=8)))
    corners = x.flatten(1).repeat(len(signs), 1)
    corners[:, places] += signs
    logits = model(corners.view(-1, *spec.shape))
    label = y.expand(len(signs))[:, None]
    margins = logits.gather(1, label).squeeze(1) - logits.scatter(1, label, -torch.inf).amax(1)
    for crown in (False, True):
        bound = float(certify(model, x, y, eps=0.2, crown=crown).margins)
        assert bound <= float(margins.min()) + 1e-6
        assert bound == pytest.approx(float(margins.min()), abs=5e-3)


@forms
def test_bounds_match_enumeration_of_one_value(spec: InputSpec) -> None:
    """With a hidden layer that reads one value, bounds are below the true least margin.

    The true one lies at an end of the interval, or where a hidden unit changes sign. Where none does,
    CROWN's bound is equal to it.
    """
    rng = torch.Generator().manual_seed(7)
    first, last = nn.Linear(spec.size, 6), nn.Linear(6, spec.classes)
    place = spec.size // 3
    first.weight.data.zero_()
    first.weight.data[:, place] = torch.randn(6, generator=rng)
    first.bias.data = 0.3 * torch.randn(6, generator=rng)
    last.weight.data = torch.randn(spec.classes, 6, generator=rng)
    model = nn.Sequential(nn.Flatten(), first, nn.ReLU(), last).eval().requires_grad_(False)
    x = torch.full((1, *spec.shape), 0.5)
    y = model(x).argmax(1)
    exact = copy.deepcopy(model).double()
    signs = (-first.bias.double() / first.weight[:, place].double()).tolist()
    linear = 0
    for eps in (0.001, 0.02, 0.4):
        inside = [value for value in signs if 0.5 - eps < value < 0.5 + eps]
        ends = torch.tensor([0.5 - eps, 0.5 + eps, *inside], dtype=torch.float64)
        points = x.double().flatten(1).repeat(len(ends), 1)
        points[:, place] = ends
        logits = exact(points.view(-1, *spec.shape))
        others = logits.index_fill(1, y, -torch.inf).amax(1)
        least = float((logits[:, int(y)] - others).min())
        assert float(certify(model, x, y, eps=eps).margins) <= least
        bound = crown_margin(model, x, int(y), eps)
        assert bound <= least
        if not inside:
            linear += 1
            assert bound == pytest.approx(least, abs=1e-3)
    assert linear


@forms
def test_attack_breaks_no_certified_image(spec: InputSpec) -> None:
    """Some images are certified at a small radius, and PGD breaks none of them."""
    model, x = network(spec), images(spec, n=24)
    y = model(x).argmax(1)
    proved = certify(model, x, y, eps=0.0005).proved
    assert proved.any()
    rng = torch.Generator().manual_seed(0)
    x_adv = PGD(steps=20, loss="margin").propose(model, x, y, threat=Linf(0.0005), rng=rng)
    assert (model(x_adv).argmax(1) == y)[proved].all()
