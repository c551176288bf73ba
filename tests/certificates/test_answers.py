"""Certificates of softmax outputs, hooks, own calls and default arguments."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from securemnist.certificates import certify
from securemnist.referee import SLACK
from tests.certificates.networks import SHAPE, Teacher, network
from tests.certificates.violations import SAMPLES, below_margins, violations


class Probabilities(nn.Module):
    """The probabilities of a network's logits, or their logarithms."""

    def __init__(self, network: nn.Module, function: Callable[..., torch.Tensor]) -> None:
        super().__init__()
        self.network, self.function = network, function

    def forward(self, x: torch.Tensor, temperature: float = 1.0) -> torch.Tensor:
        return self.function(self.network(x) / temperature, dim=1)


class Called(nn.Module):
    """A network with a `__call__` of its own, a hook and a keyword argument with a default."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.register_forward_hook(lambda _model, _given, out: 2 * out)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return super().__call__(1 - x)

    def forward(self, x: torch.Tensor, *, features: bool = False) -> torch.Tensor:
        return x if features else self.network(x)


@functools.cache
def normalised() -> nn.Module:
    """The network below the answers, which no test changes; it is exported once."""
    return network("normalised", ["relu"], functions=False, seed=3)


ANSWERS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "log-softmax": lambda model: nn.Sequential(model, nn.LogSoftmax(1)),
    "log-softmax, called": lambda model: Probabilities(model, F.log_softmax),
    "softmax": lambda model: nn.Sequential(model, nn.Softmax(1)),
    "softmax, called": lambda model: Probabilities(model, torch.softmax),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_certificates_of_softmax_outputs(answer: str) -> None:
    """With softmax outputs certificates are sound, and equal those of the logits up to rounding."""
    plain = normalised()
    model = ANSWERS[answer](plain).eval()
    x = torch.rand(SAMPLES, *SHAPE, generator=torch.Generator().manual_seed(3))
    y = plain(x).argmax(1)
    for eps in (0.0, 0.02):
        assert below_margins(model, x, y, eps + SLACK) == 0
        apart = certify(plain, x, y, eps=eps).margins - certify(model, x, y, eps=eps).margins
        assert ((apart >= 0) & (apart < 1e-3)).all()


@pytest.mark.parametrize("sharpness", [100.0, 10_000.0])
def test_certificates_with_underflowing_softmax(sharpness: float) -> None:
    """Where a probability underflows in float32, the certificate is that of the logits."""
    plain = network("normalised", ["relu"], functions=False, seed=3)
    x = torch.rand(8, *SHAPE, generator=torch.Generator().manual_seed(3))
    y = (plain(x).argmax(1) + torch.tensor([0] * 6 + [1] * 2)) % 10
    plain[-1].weight.mul_(sharpness)
    plain[-1].bias.mul_(sharpness)
    found = certify(nn.Sequential(plain, nn.Softmax(1)).eval(), x, y, eps=0.0005)
    assert torch.equal(found.proved, certify(plain, x, y, eps=0.0005).proved)
    assert 0 < int(found.proved.sum()) < 8


def test_certificates_cover_hooks_and_defaults() -> None:
    """Hooks, an own `__call__` and default arguments are part of the certified graph."""
    plain = normalised()
    model = Called(plain).eval()
    assert violations(model, 0.01, shape=SHAPE) == 0
    x = torch.rand(SAMPLES, *SHAPE, generator=torch.Generator().manual_seed(3))
    y = model(x).argmax(1)
    doubled = 2 * certify(plain, 1 - x, y, eps=0.01).margins
    assert torch.allclose(certify(model, x, y, eps=0.01).margins, doubled, atol=1e-3)


def test_unused_head_changes_no_certificate() -> None:
    """A second head whose output is unused changes no certificate."""
    plain = network("nothing", [], functions=False, seed=4)
    x = torch.rand(SAMPLES, *SHAPE, generator=torch.Generator().manual_seed(4))
    y = plain(x).argmax(1)
    found = certify(Teacher(plain).eval().requires_grad_(False), x, y, eps=0.01)
    assert torch.equal(found.margins, certify(plain, x, y, eps=0.01).margins)
