"""The reduced network of one sample gives the bounds of passes through its network."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from securemnist.certificates.certificate import network_of
from securemnist.certificates.operations.intervals import ball
from securemnist.certificates.proofs.proof import prove
from securemnist.certificates.relaxations import reduction
from securemnist.certificates.relaxations.relaxation import Domains, Relaxation
from securemnist.certificates.relaxations.tightening import tightened
from tests.certificates.networks import SHAPE, network
from tests.certificates.tiny import sample, tiny

DOMAINS, EPS = 20, 0.05
LAYERS = ["convolution", "leaky", "sum", "relu", "mean", "batch norm", "relu"]


def relaxed(layers: list[str], eps: float = EPS) -> Relaxation:
    """The relaxation of one image and a small convolutional network."""
    model = network("normalised", layers, functions=False, seed=4)
    model.to(memory_format=torch.channels_last)  # as models are loaded
    x = torch.rand(1, *SHAPE, generator=torch.Generator().manual_seed(1))
    net = network_of(model, x)
    return Relaxation(net, tightened(net, ball(x, eps)))


def random_domains(relaxation: Relaxation) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Signs, duals and weights of margins; some duals lie outside their range."""
    rng = torch.Generator().manual_seed(0)
    signs = torch.randint(-1, 2, (DOMAINS, relaxation.units), generator=rng).to(torch.int8)
    signs[: DOMAINS // 2] *= torch.rand(DOMAINS // 2, relaxation.units, generator=rng) < 0.1
    duals = 1.5 * torch.rand(DOMAINS, relaxation.units, generator=rng) - 0.2
    classes = relaxation.network.classes
    eye = torch.eye(classes)
    return signs, duals, eye[0] - eye[1 + torch.arange(DOMAINS) % (classes - 1)]


def test_matrices_have_bounds_and_minima_of_the_network() -> None:
    """Bounds, images and weights are those of passes through the network, up to rounding."""
    relaxation = relaxed(LAYERS)
    assert relaxation.units > 100
    signs, duals, weights = random_domains(relaxation)
    small, whole = relaxation.estimates(signs), relaxation.domains(signs)
    assert not isinstance(small, Domains)
    exact = whole.lower_bounds(duals.double(), weights.double())
    scale = float(exact.abs().max())
    assert torch.allclose(small.lower_bounds(duals, weights).double(), exact, atol=1e-4 * scale)
    found, expected = small.minimum(duals, weights), whole.minimum(duals.double(), weights.double())
    assert torch.equal(found.bounds, small.lower_bounds(duals, weights))
    for name in ("bounds", "weights"):
        one, other = getattr(found, name).double(), getattr(expected, name)
        assert torch.allclose(one, other, atol=1e-4 * float(other.abs().max())), name
    assert found.images.is_contiguous()  # a model may need that
    # A pixel without weight may have either end.
    differ = (found.images - expected.images).abs() > 1e-6
    assert float(differ.float().mean()) < 0.05


def test_matrices_have_values_of_the_network() -> None:
    """Where a unit has a weight, its value at the minimum is that of a pass through the network."""
    relaxation = relaxed(LAYERS)
    signs, duals, weights = random_domains(relaxation)
    signs, duals = torch.zeros_like(signs), duals.clamp(0.2, 0.9)
    found = relaxation.estimates(signs).minimum(duals, weights)
    expected = relaxation.domains(signs).minimum(duals.double(), weights.double())
    read = expected.weights != 0
    assert read.double().mean() > 0.5
    one, other = found.values[read].double(), expected.values[read]
    assert torch.allclose(one, other, atol=1e-4 * float(other.abs().max()))


def test_matrices_serve_for_narrower_bounds() -> None:
    """With narrower bounds, by which some units have a sign, the same matrices give the new bounds."""
    wide = relaxed(LAYERS)
    signs, duals, weights = random_domains(wide)
    x = torch.rand(1, *SHAPE, generator=torch.Generator().manual_seed(1))
    narrow = wide.narrower(tightened(wide.network, ball(x, EPS / 2)))
    known = narrow.known_signs()
    assert 20 < int((known != 0).sum()) < wide.units
    signs = torch.where(known == 0, signs, known)
    small, exact = narrow.estimates(signs), narrow.domains(signs)
    assert not isinstance(small, Domains)
    assert narrow.reduced is not None
    assert narrow.reduced.maps is (wide.reduced and wide.reduced.maps)
    found, expected = small.minimum(duals, weights), exact.minimum(duals.double(), weights.double())
    scale = float(expected.bounds.abs().max())
    assert torch.allclose(found.bounds.double(), expected.bounds, atol=1e-4 * scale)


def test_gradient_of_a_minimum_is_that_of_its_bound() -> None:
    """The derivative by slopes and multipliers, also below 0, is that of automatic differentiation."""
    relaxation = relaxed(LAYERS)
    signs, duals, weights = random_domains(relaxation)
    duals = torch.where(signs == 0, duals.clamp(0.2, 0.9), duals)
    assert ((signs != 0) & (duals < 0)).any()
    duals, weights = duals.double().requires_grad_(), weights.double()
    domains = relaxation.domains(signs)
    (expected,) = torch.autograd.grad(domains.lower_bounds(duals, weights).sum(), duals)
    with torch.no_grad():
        found = domains.minimum(duals, weights).gradient()
    assert torch.allclose(found, expected, atol=1e-9 * float(expected.abs().max()))


@pytest.mark.parametrize("layers", [[*LAYERS, "max, overlapping"], [*LAYERS, "sigmoid"]])
def test_other_functions_need_the_network(layers: list[str]) -> None:
    """A network with other functions has bounds by passes of the network."""
    relaxation = relaxed(layers)
    assert isinstance(relaxation.estimates(random_domains(relaxation)[0]), Domains)


def test_many_units_need_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit of numbers the network itself is used, and proves the same samples."""
    model: nn.Module = tiny(4, hidden=12)
    x, y = sample(tiny(4, hidden=12), 4)
    proved = prove(model, x, y, eps=0.3, seconds=math.inf)
    monkeypatch.setattr(reduction, "MOST", 0)
    relaxation = relaxed(LAYERS)
    assert isinstance(relaxation.estimates(random_domains(relaxation)[0]), Domains)
    again = prove(model, x, y, eps=0.3, seconds=math.inf)
    assert proved.proved.all()
    assert again.proved.all()


def test_network_without_undecided_units() -> None:
    """Where the sign of every unit is known, one map from pixels to logits remains."""
    relaxation = relaxed(LAYERS, eps=0.0)
    signs = torch.zeros(2, relaxation.units, dtype=torch.int8)
    weights = torch.eye(relaxation.network.classes)[:2]
    small = relaxation.estimates(signs)
    assert not isinstance(small, Domains)
    found = small.lower_bounds(torch.zeros(2, relaxation.units), weights)
    logits = relaxation.intervals.boxes[-1].centre[0, :2]
    assert torch.allclose(found.double(), logits, atol=1e-3)
