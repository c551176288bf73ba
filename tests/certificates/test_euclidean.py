"""Certificates within L2 balls."""

from __future__ import annotations

import copy
import math
from functools import cache

import pytest
import torch
from torch import nn

import securemnist
from securemnist.certificates import certify
from securemnist.certificates.proofs.proof import prove
from securemnist.errors import MeasureError
from tests.certificates.balls import first_wrong


@cache
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


PIXELS = (1, 1, 2)
# Factors of the first layer's weights, and the sizes of its biases.
SCALES = {
    "usual": (1.0, 1.0),
    "large weights": (1e6, 1.0),
    "small weights": (1e-6, 1e-6),
    "huge biases": (1.0, 1e7),
}


@cache
def _of_two_pixels(seed: int, weight: float, bias: float) -> nn.Module:
    """Two hidden layers, three classes; the biases of the first layer are subtracted in the second."""
    torch.manual_seed(seed)
    layers = first, _, second, _, _ = (
        *(nn.Linear(2, 4), nn.ReLU()),
        *(nn.Linear(4, 4), nn.ReLU()),
        nn.Linear(4, 3),
    )
    for layer in (first, second):
        nn.init.normal_(layer.weight)
    first.weight.data *= weight
    first.bias.data = bias * (1 + torch.rand(4))
    second.bias.data -= second.weight.data @ first.bias.data
    return nn.Sequential(nn.Flatten(), *layers).eval().requires_grad_(False)


def _smallest_of_disc(model: nn.Module, x: torch.Tensor, label: int, eps: float) -> float:
    """The smallest margin, of float32 logits, over a dense grid of the disc and of its edge."""
    angles = torch.linspace(0, 2 * torch.pi, 361)
    edge = torch.stack([angles.cos(), angles.sin()], 1)
    disc = eps * (1 - 1e-6) * torch.cat([share * edge for share in torch.linspace(0, 1, 25)])
    logits = model((x + disc.view(-1, *PIXELS)).clamp(0, 1)).double()
    right = logits[:, label].clone()
    logits[:, label] = -torch.inf
    return float((right - logits.amax(1)).min())


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
@pytest.mark.parametrize("seed", [2, 3])
def test_no_image_of_a_disc_is_below_its_bound(seed: int, scale: tuple[float, float]) -> None:
    """Of two pixels all images of the ball are tried, for large and small weights and biases.

    Where the ball is small and numbers are usual, the bound is near to the smallest margin.
    """
    model = _of_two_pixels(seed, *scale)
    x = torch.rand(1, *PIXELS, generator=torch.Generator().manual_seed(seed))
    y = model(x).argmax(1)
    for eps in (0.0, 1e-6, 1e-3, 0.1, 0.7):
        for crown in (False, True):
            bound = float(certify(model, x, y, eps=eps, norm="l2", crown=crown).margins)
            least = _smallest_of_disc(model, x, int(y), eps)
            assert bound <= least
        if scale == SCALES["usual"] and eps <= 1e-3:
            assert bound == pytest.approx(least, abs=0.02)


def test_a_tie_is_not_certified() -> None:
    """Two classes of equal logits have a margin of 0, which is no certificate, also at eps 0."""
    model = copy.deepcopy(_of_two_pixels(0, 1.0, 1.0))
    last = model[-1]
    last.weight.data[1], last.bias.data[1] = last.weight.data[0], last.bias.data[0]
    last.bias.data[2] -= 100
    x, y = torch.rand(8, *PIXELS), torch.zeros(8, dtype=torch.long)
    for eps in (0.0, 1e-3):
        found = certify(model, x, y, eps=eps, norm="l2")
        assert not found.proved.any()
        assert (found.margins <= 0).all()


@pytest.mark.parametrize("eps", [0.3, 0.4, 0.7])
@pytest.mark.parametrize("seed", [2, 3, 4, 5])
def test_branch_and_bound_decides_every_disc(seed: int, eps: float) -> None:
    """Images of two pixels are proved where no image of the disc is wrong, and broken elsewhere."""
    model = _of_two_pixels(seed, *SCALES["usual"])
    x = torch.rand(1, *PIXELS, generator=torch.Generator().manual_seed(seed))
    y = model(x).argmax(1)

    def attack(place: int, starts: torch.Tensor) -> torch.Tensor | None:
        assert ((starts - x).flatten(1).norm(dim=1) <= eps * (1 + 1e-5)).all()
        return first_wrong(model, y)(place, starts)

    found = prove(model, x, y, eps=eps, norm="l2", seconds=math.inf, attack=attack)
    least = _smallest_of_disc(model, x, int(y), eps)
    assert bool(found.proved) == (least > 0)
    assert bool(found.broken) == (least <= 0)
    assert float(found.margins) <= least


def test_proofs_and_certificates_of_one_network_do_not_mix() -> None:
    """Maximum pooling is rewritten for proofs alone: certificates after them are those before."""
    x, layers = _images(4, 1), (nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
    torch.manual_seed(0)
    model = nn.Sequential(*layers, nn.Linear(36, 3)).eval().requires_grad_(False)
    y, other = model(x).argmax(1), copy.deepcopy(model)
    before = certify(model, x, y, eps=0.3, norm="l2").margins
    prove(other, x, y, eps=0.3, norm="l2", seconds=2)
    assert torch.equal(certify(other, x, y, eps=0.3, norm="l2").margins, before)


def test_an_unknown_norm_is_refused() -> None:
    """A norm without certificates is an error, not the certificate of another norm."""
    with pytest.raises(MeasureError, match="linf, l2"):
        certify(_network(2, 1), _images(1, 1), torch.zeros(1).long(), eps=0.1, norm="l1")


def test_the_api_passes_the_norm_on() -> None:
    """`securemnist.certify` with norm l2 gives the margins of L2, and passes it on to the proofs."""
    model, x = _network(5, 3), _images(4, 3)
    y = model(x).argmax(1)
    found = securemnist.certify(model, x, y, eps=0.05, norm="l2", progress=False)
    assert torch.equal(found.margins, certify(model, x, y, eps=0.05, norm="l2").margins)
    assert (found.margins > certify(model, x, y, eps=0.05).margins).all()
    eps = 0.5
    plain, more = (
        securemnist.certify(model, x, y, eps=eps, norm="l2", proof_seconds=s, progress=False)
        for s in (0, 60)
    )
    assert int(more.proved.sum()) > int(plain.proved.sum())
    assert (more.margins <= _smallest_sampled(model, x, y, eps) + 1e-6).all()
