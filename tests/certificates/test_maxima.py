"""Maxima and minima as differences and ReLUs: the same values, and more proofs than without them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import pytest
import torch
from torch import nn

from securemnist.certificates.certificate import network_of
from securemnist.certificates.graph import maxima
from securemnist.certificates.graph.maxima import without_maxima
from securemnist.certificates.operations.extremes import Extreme
from securemnist.certificates.operations.intervals import Box, ball
from securemnist.certificates.operations.rules import MaxPool
from securemnist.certificates.proofs import proof_run
from securemnist.certificates.proofs.proof import prove
from securemnist.certificates.relaxations.tightening import refined, tightened
from securemnist.evaluation.proof_stage import StartedAttack
from securemnist.threats import Linf

SHAPE, EPS = (2, 7, 8), 0.25
POOLS = {
    "2 x 2": nn.MaxPool2d(2),
    "overlapping": nn.MaxPool2d(3, stride=1, padding=1),
    "incomplete windows": nn.MaxPool2d(3, stride=2, ceil_mode=True),
    "dilated": nn.MaxPool2d(2, stride=1, dilation=2),
    "one row": nn.MaxPool2d((1, 5)),
    "no choice": nn.MaxPool2d(1),
    "adaptive": nn.AdaptiveMaxPool2d((3, 5)),
}


class Layer(nn.Module):
    """A function as a layer."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


# Maxima and minima that are no windows of planes.
OTHERS = {
    "of two": Layer(lambda x: torch.maximum(x[:, :2], x[:, 1:])),
    "of one and many": Layer(lambda x: torch.maximum(x, x[:, :1, :1, :1])),
    "of planes": Layer(lambda x: x.amax((2, 3))),
    "of channels": Layer(lambda x: x.max(1, keepdim=True).values),
    "minimum of two": Layer(lambda x: torch.minimum(x[:, :2], x[:, 1:])),
    "minimum of planes": Layer(lambda x: x.amin((2, 3))),
}
MAXIMA = POOLS | OTHERS


@cache
def network(name: str) -> nn.Sequential:
    """A convolution, a maximum, and a linear layer."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(2, 3, 3, padding=1), MAXIMA[name], nn.Flatten(), nn.LazyLinear(4)]
    model = nn.Sequential(*layers)
    model(torch.zeros(2, *SHAPE))
    return model.eval().requires_grad_(False)


@pytest.mark.parametrize("name", POOLS)
def test_windows_are_those_of_the_maximum(name: str) -> None:
    """The largest member of each window is the output, for windows of any form."""
    pool = POOLS[name]
    groups = maxima.windows(MaxPool(lambda x: (pool(x), x)), SHAPE[1:])
    x = torch.randn(5, *SHAPE, generator=torch.Generator().manual_seed(1))
    found = torch.full_like(pool(x).flatten(2), torch.nan)
    for group in groups:
        found[:, :, group.outputs] = x.flatten(2)[:, :, group.members].amax(2)
    assert torch.equal(found, pool(x).flatten(2))


@pytest.mark.parametrize("name", MAXIMA)
def test_rewritten_network_has_the_same_values(name: str) -> None:
    """Bounds of a point are its logits, and the intervals of a ball are those of the maximum."""
    model = network(name)
    x = torch.rand(1, *SHAPE, generator=torch.Generator().manual_seed(2))
    net = network_of(model, x)
    other = without_maxima(net, SHAPE)
    assert not any(isinstance(step.rule, MaxPool | Extreme) for step in other.steps)
    point = other.intervals(Box(x.double(), x.double())).boxes[-1]
    assert torch.allclose(point.centre, model(x).double(), atol=1e-4)
    wide, narrow = (each.intervals(ball(x, 0.1)).boxes[-1] for each in (net, other))
    assert torch.allclose(wide.lower, narrow.lower)
    assert torch.allclose(wide.upper, narrow.upper)


@pytest.mark.parametrize("name", MAXIMA)
def test_bounds_hold_all_values_of_a_ball(name: str) -> None:
    """Tightened bounds of the logits hold those of random points of the ball."""
    model = network(name)
    x = torch.rand(1, *SHAPE, generator=torch.Generator().manual_seed(3))
    net = without_maxima(network_of(model, x), SHAPE)
    image = ball(x, 0.1)
    found = refined(net, tightened(net, image))
    rng = torch.Generator().manual_seed(4)
    points = image.lower + torch.rand(4000, *SHAPE, generator=rng).round() * 2 * image.radius
    with torch.no_grad():
        logits = model(points.float()).double()
    assert bool((logits >= found.boxes[-1].lower).all())
    assert bool((logits <= found.boxes[-1].upper).all())


# The maximum, the channels before it, and the values after it.
SMALL: dict[str, tuple[Callable[[], nn.Module], int, int]] = {
    "windows": (lambda: nn.MaxPool2d(2), 4, 4),
    "padded windows": (lambda: nn.MaxPool2d(2, 1, padding=1), 2, 18),
    "maxout": (lambda: Layer(lambda x: torch.maximum(x[:, ::2], x[:, 1::2])), 6, 12),
    "minima": (lambda: Layer(lambda x: (-x).unflatten(1, (2, 3)).amin(2)), 6, 8),
}


@cache
def small(seed: int, kind: str = "windows") -> nn.Sequential:
    """A network of nine pixels whose ReLUs and maxima decide."""
    torch.manual_seed(seed)
    pool, channels, features = SMALL[kind]
    layers = [nn.Conv2d(1, channels, 2), nn.ReLU(), pool(), nn.Flatten(), nn.Linear(features, 3)]
    model = nn.Sequential(*layers)
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    return model.eval().requires_grad_(False)


def decided(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, int]:
    """The images (n,) that are proved, and the number of those that are proved or broken."""
    attack = StartedAttack(model, x, y, Linf(EPS))
    found = prove(model, x, y, eps=EPS, seconds=math.inf, attack=attack)
    return found.proved, int((found.proved | found.broken).sum())


# Networks and images of which some stay open with maxima as they are; some balls are broken.
@pytest.mark.parametrize(
    ("kind", "seed"), [("windows", 1), ("padded windows", 1), ("maxout", 0), ("minima", 0)]
)
def test_networks_with_maxima_are_decided(
    kind: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every ball is proved or holds an adversarial example; with maxima as they are, some stay open."""
    model, rng = small(seed, kind), torch.Generator().manual_seed(seed)
    x = torch.rand(4, 1, 3, 3, generator=rng)
    y = model(x).argmax(1)
    corners = x[:, None] + EPS * (2 * torch.rand(4, 5000, 1, 3, 3, generator=rng).round() - 1)
    predicted = model(corners.clamp(0, 1).flatten(0, 1)).argmax(1).view(4, -1)
    proved, every = decided(model, x, y)
    assert not bool((predicted[proved] != y[proved, None]).any())
    assert every == 4
    monkeypatch.setattr(proof_run, "without_maxima", lambda net, _shape: net)
    kept, before = decided(model, x, y)
    assert not bool((kept & ~proved).any())
    assert before < every


@pytest.mark.parametrize(("limit", "most"), [("MOST_PIXELS", 3), ("MOST_VALUES", 15)])
def test_large_maxima_stay(limit: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above either limit the network is as it was, and images without a choice are still proved."""
    model = small(0)
    x = torch.rand(2, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    net = network_of(model, x)
    assert len(without_maxima(net, (1, 3, 3)).steps) > len(net.steps)
    monkeypatch.setattr(maxima, limit, most)
    assert without_maxima(net, (1, 3, 3)).steps == net.steps
    y = model(x).argmax(1)
    assert prove(model, x, y, eps=1e-4, seconds=math.inf).proved.all()


def test_windows_without_a_pixel_are_not_rewritten() -> None:
    """A window of padding alone has no maximum: it has no members."""
    pool = nn.MaxPool2d(2, padding=1, dilation=9)
    assert not pool(torch.zeros(1, 1, 8, 8)).isfinite().all()
    assert maxima.windows(MaxPool(lambda x: (pool(x), x)), (8, 8)) == []
