"""Bounds of norms with statistics of the image: tight for a small eps, and with all roundings."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from securemnist.certificates import certify
from securemnist.certificates.operations.arithmetic import Activations
from securemnist.certificates.operations.intervals import Box
from securemnist.certificates.operations.normalization import Normalization, group_norm
from tests.certificates.networks import scaled
from tests.certificates.violations import crown_margin, points

SHAPE = (4, 7, 7)
LAYERS = {
    "group norm": lambda: nn.GroupNorm(2, 4),
    "instance norm": lambda: nn.InstanceNorm2d(4, affine=True),
    "layer norm": lambda: nn.LayerNorm(SHAPE),
}


@pytest.mark.parametrize("kind", LAYERS)
def test_bounds_are_tight_for_a_small_eps(kind: str) -> None:
    """CROWN's bound and the least margin that gradients find differ by at most 0.3 of the change."""
    torch.manual_seed(2)
    norm = scaled(LAYERS[kind]())
    model = nn.Sequential(nn.Conv2d(1, 4, 4, 4), norm, nn.Flatten(), nn.Linear(196, 10)).eval()
    model.requires_grad_(False)
    x, eps = torch.rand(1, 1, 28, 28), 0.003
    y = model(x).argmax(1)

    def margin(image: torch.Tensor) -> float:
        logits = model(image)[0]
        return float(logits[y] - logits.index_fill(0, y, -torch.inf).max())

    least = min(margin(image) for image in points(model, x, y, eps))
    bound = crown_margin(model, x, int(y), eps)
    assert bound <= least < margin(x)
    assert bound == pytest.approx(least, abs=0.3 * (margin(x) - least))


@pytest.mark.parametrize("last", [False, True], ids=["rows", "channels last"])
@pytest.mark.parametrize("offset", [0.0, 3.0, 1e4, 1e19, 1e29])
def test_rounding_errors_are_covered(offset: float, last: bool) -> None:
    """Float32 outputs are within the bound, also where a kernel subtracts large squares."""
    torch.manual_seed(0)
    norm = scaled(nn.GroupNorm(2, 4, eps=1e-6))
    x = torch.randn(20, 4, 60, 60) + offset
    rule = group_norm((), Activations(x.shape[1:]), norm.weight, norm.bias, 20, 4, 3600, 2, 1e-6)
    box = Box(x.double(), x.double())
    allowed = rule.rounding(box)
    assert allowed is not None
    exact = rule.enclose(box)
    layout = torch.channels_last if last else torch.contiguous_format
    with torch.no_grad():
        got = norm(x.contiguous(memory_format=layout)).double()
    error = torch.maximum(got - exact.upper, exact.lower - got)
    assert bool((error <= allowed).all()) or bool(allowed.isinf().all())
    assert float(error.max()) > 0 or offset > 1e18
    if offset <= 3:
        assert float(allowed.max()) < 1


def test_bounds_of_the_variance_are_near_its_extremes() -> None:
    """All values move towards the mean, or away from it: no point of the box has another variance."""
    x = torch.randn(50, 1, 600, generator=torch.Generator().manual_seed(3)).double()
    rule = Normalization(1, torch.ones(()), torch.zeros(()), 1e-5)
    for eps in (1e-3, 0.05, 0.2):
        _, bounds = rule.parts(Box(x - eps, x + eps))
        step = eps * (x - x.mean(2, keepdim=True)).sign()
        least, middle, most = (
            each.var(2, correction=0, keepdim=True) for each in (x - step, x, x + step)
        )
        assert bool((bounds.lower <= least).all() and (most <= bounds.upper).all())
        assert bool((middle - bounds.lower <= 1.25 * (middle - least)).all())
        assert bool((bounds.upper - middle <= 1.4 * (most - middle)).all())


def test_a_group_of_equal_values_has_no_certificate_without_eps() -> None:
    """Where the deviation can be 0 and nothing is added to it, no bound is a number."""
    norm = nn.LayerNorm(784, eps=0.0, elementwise_affine=False)
    model = nn.Sequential(nn.Flatten(), norm, nn.Linear(784, 10)).eval().requires_grad_(False)
    with torch.no_grad():
        model[2].bias.copy_(torch.arange(10.0))
    x = torch.linspace(0, 1, 784).view(1, 1, 28, 28)
    y = model(x).argmax(1)
    assert bool(certify(model, x, y, eps=1e-4).proved.all())
    assert not certify(model, x, y, eps=0.5).proved.any()
