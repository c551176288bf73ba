"""Certificates within L2 balls."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import securemnist
from securemnist.certificates import certify
from securemnist.certificates.euclidean import L2Ball, l2_ball
from securemnist.errors import MeasureError, UsageError


def _network(classes: int, channels: int) -> nn.Module:
    torch.manual_seed(classes)
    conv = nn.Conv2d(channels, 4, 3, stride=2)
    layers = conv, nn.ReLU(), nn.Flatten(), nn.Linear(36, 16), nn.ReLU(), nn.Linear(16, classes)
    return nn.Sequential(*layers).eval()


def _images(n: int, channels: int, side: int = 8) -> torch.Tensor:
    return torch.rand(n, channels, side, side, generator=torch.Generator().manual_seed(0))


def _smallest_sampled(
    model: nn.Module, x: torch.Tensor, y: torch.Tensor, eps: float
) -> torch.Tensor:
    """The smallest margin that random directions and gradient steps find within the ball."""
    smallest = torch.full((len(x),), torch.inf)
    step = torch.randn_like(x)
    for index in range(60):
        length = step.flatten(1).norm(dim=1).clamp_min(1e-12).view(-1, 1, 1, 1)
        point = (x + eps * step / length).clamp(0, 1).requires_grad_()
        logits = model(point)
        others = logits.scatter(1, y[:, None], -torch.inf).amax(1)
        margin = logits.gather(1, y[:, None])[:, 0] - others
        smallest = torch.minimum(smallest, margin.detach())
        (gradient,) = torch.autograd.grad(margin.sum(), point)
        step = -gradient if index % 2 else torch.randn_like(x)
    return smallest


@pytest.mark.parametrize(("classes", "channels"), [(2, 1), (5, 3)])
@pytest.mark.parametrize("eps", [0.05, 0.5])
def test_no_margin_in_the_ball_is_below_its_bound(classes: int, channels: int, eps: float) -> None:
    """No sampled or attacked image of the ball has a margin below the bound."""
    model, x = _network(classes, channels), _images(24, channels)
    y = model(x).argmax(1)
    certificates = certify(model, x, y, eps=eps, norm="l2")
    assert (certificates.margins <= _smallest_sampled(model, x, y, eps) + 1e-6).all()
    if eps < 0.1:
        assert certificates.proved.any()


def test_a_linear_bound_is_attained_and_a_wrong_norm_is_caught() -> None:
    """The minimum is that of the dual norm: a smaller norm would exceed a value in the ball."""
    x, weights = torch.full((1, 1, 4, 4), 0.5), torch.randn(1, 1, 4, 4, dtype=torch.float64)
    ball = l2_ball(x, 0.1)
    worst = (weights * (ball.sample - 0.1 * weights / weights.norm())).sum()
    assert ball.minimum(weights).item() == pytest.approx(worst.item(), abs=1e-8)
    assert ball.minimum(weights) <= worst
    wrong = L2Ball(
        ball.lower, ball.upper, ball.sample, 0.1 * (weights.abs().max() / weights.norm())
    )
    assert wrong.minimum(weights) > worst


def test_an_unknown_norm_is_refused() -> None:
    """A norm without certificates is an error, not the certificate of another norm."""
    with pytest.raises(MeasureError, match="linf or l2"):
        certify(_network(2, 1), _images(1, 1), torch.zeros(1).long(), eps=0.1, norm="l1")


def test_the_api_passes_the_norm_on() -> None:
    """`securemnist.certify` with norm l2 gives the margins of L2, and refuses proof_seconds."""
    model, x = _network(5, 3), _images(4, 3)
    y = model(x).argmax(1)
    found = securemnist.certify(model, x, y, eps=0.05, norm="l2", progress=False)
    assert torch.equal(found.margins, certify(model, x, y, eps=0.05, norm="l2").margins)
    assert (found.margins > certify(model, x, y, eps=0.05).margins).all()
    with pytest.raises(UsageError, match="proof_seconds"):
        securemnist.certify(model, x, y, eps=0.05, norm="l2", proof_seconds=1, progress=False)
