"""Certificates of images and numbers of classes other than those of MNIST."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from securemnist.certificates import certify
from securemnist.certificates.operations import rules
from securemnist.certificates.operations.intervals import Box, rounding
from tests.certificates.violations import violations


@pytest.mark.parametrize("classes", [2, 3, 100])
@pytest.mark.parametrize("last", [nn.Identity, lambda: nn.Softmax(1), lambda: nn.LogSoftmax(1)])
def test_certificates_for_any_number_of_classes(classes: int, last: type[nn.Module]) -> None:
    """Colour images and K classes are certified, and no corner of the ball violates a bound."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 4, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 9, classes)]
    model = nn.Sequential(*layers, last()).eval().requires_grad_(False)
    model[3].weight.mul_(10)  # type: ignore[operator, union-attr]
    x = torch.rand(6, 3, 8, 8)
    y = model(x).argmax(1)
    found = certify(model, x, y, eps=0.001)
    assert found.proved.any()
    for _ in range(20):
        logits = model((x + 0.001 * torch.randn_like(x).sign()).clamp(0, 1)).double()
        logits = logits.log() if isinstance(model[4], nn.Softmax) else logits
        margins = (logits.gather(1, y[:, None]) - logits).scatter(1, y[:, None], torch.inf)
        assert (margins.amin(1) >= found.margins).all()


@pytest.mark.parametrize("classes", [2, 10, 1_000, 100_000])
def test_log_softmax_rounding_within_bound(classes: int) -> None:
    """The margins of float32 log-softmax differ by less than the bound, for any number of classes."""
    rng = torch.Generator().manual_seed(0)
    for size in (0.0, 1.0, 30.0):
        z = size * torch.randn(8, classes, generator=rng)
        exact = z.double()
        error = rules.LogSoftmax().rounding(Box(exact, exact))
        for deployed in (F.log_softmax(z, 1).double(), F.softmax(z, 1).double().log()):
            kept = F.softmax(exact, 1) > 1e-30
            apart = (deployed - deployed[:, :1]) - (exact - exact[:, :1])
            assert (apart.abs() <= error + error[:, :1])[kept & kept[:, :1]].all()


def test_log_softmax_rounding_grows_with_classes() -> None:
    """With more classes a larger logarithm is subtracted, so the bound is larger."""
    bounds = [
        rules.LogSoftmax().rounding(Box(z, z)).max()
        for z in (torch.zeros(1, classes, dtype=torch.float64) for classes in (2, 10, 1_000))
    ]
    assert bounds[0] < bounds[1] < bounds[2]


def test_a_sum_of_too_many_terms_has_no_bound() -> None:
    """Of 16 million float32 terms the rounding errors may be as large as the sum: no bound is given."""
    sizes = torch.ones(1, dtype=torch.float64)
    assert rounding(8_000_000, sizes).isfinite()
    assert rounding(17_000_000, sizes).isinf()


class Scalars(nn.Module):
    """Activations (n,), one number a sample, in every kind of rule; then two logits."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(48, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        both = self.layer(x.flatten(1))
        one, other = both[:, 0], both[:, 1]
        bent = torch.relu(one - 0.1) * 0.5 + torch.tanh(other)
        value = (bent + x.mean((1, 2, 3))).unsqueeze(1)
        return torch.cat((value * 0.0, value), 1)


def test_bounds_of_one_number_a_sample() -> None:
    """Activations without a further dimension have sound bounds, and certificates at a small radius."""
    torch.manual_seed(1)
    model = Scalars().eval().requires_grad_(False)
    for eps in (0.005, 0.1):
        assert violations(model, eps, shape=(3, 4, 4)) == 0
    # CROWN gains on a few of so many images.
    x = torch.rand(60, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    y = model(x).argmax(1)
    assert certify(model, x, y, eps=1e-4).proved.all()
    crown, plain = (certify(model, x, y, eps=0.2, crown=crown) for crown in (True, False))
    assert (crown.margins > plain.margins).any()
