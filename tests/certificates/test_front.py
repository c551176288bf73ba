"""The front of a network: functions of single pixels before the first sum of pixels."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

from securemnist.certificates.certificate import network_of
from securemnist.certificates.graph.front import split
from securemnist.certificates.operations.intervals import Box, ball
from securemnist.certificates.proofs.proof import prove
from tests.certificates.balls import first_wrong
from tests.certificates.tiny import sample, smallest_within, tiny

Pixels = Callable[[torch.Tensor], torch.Tensor]
# Functions of pixels in front of a network of ReLUs, and how many steps of the graph they are.
FRONTS: dict[str, tuple[Pixels, int]] = {
    "clamp": (lambda x: ((x - 0.2) / 0.6).clamp(0, 1), 5),
    "decreasing": (lambda x: (1.4 * (1 - x) - 0.2).clamp(0, 1), 6),
    "clamp at zero": (lambda x: (x - 0.2).clamp(min=0), 2),
    "tanh": (torch.tanh, 1),
    "rounding": (lambda x: torch.round(4 * x), 2),
}


class WithFront(nn.Module):
    """A network behind a function of its pixels."""

    def __init__(self, front: Pixels, network: nn.Module) -> None:
        super().__init__()
        self.front, self.network = front, network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(self.front(x))


@cache
def behind(name: str, seed: int) -> nn.Module:
    """A tiny network behind one of the fronts."""
    return WithFront(FRONTS[name][0], tiny(seed)).eval()


@pytest.mark.parametrize("name", FRONTS)
@pytest.mark.parametrize("seed", [1, 6])
def test_balls_are_decided_as_by_enumeration(name: str, seed: int) -> None:
    """A ball is proved where no margin behind the front is negative, and broken by a start elsewhere."""
    front, network, model = FRONTS[name][0], tiny(seed), behind(name, seed)
    x, y = sample(model, seed)
    for eps in torch.linspace(0.05, 0.6, 3).tolist():
        whole = ball(x, eps)

        def attack(place: int, starts: torch.Tensor, whole: Box = whole) -> torch.Tensor | None:
            assert (starts >= whole.lower - 1e-6).all()
            assert (starts <= whole.upper + 1e-6).all()
            return first_wrong(model, y)(place, starts)

        found = prove(model, x, y, eps=eps, seconds=math.inf, attack=attack)
        ends = torch.stack([front(end).flatten() for end in (whole.lower, whole.upper)], 1)
        smallest = smallest_within(network, np.sort(ends.numpy(), 1), int(y))
        if smallest > 2e-3:
            assert found.proved
            assert 0 < float(found.margins) <= smallest + 1e-6
        elif smallest < 0:
            assert not found.proved
        if smallest < 0 and name != "rounding":  # values between its levels are no values of images
            assert found.broken


@pytest.mark.parametrize("name", FRONTS)
def test_front_has_the_steps_before_the_first_sum(name: str) -> None:
    """The rest of the network reads the output of the front alone."""
    steps = FRONTS[name][1]
    x, _ = sample(tiny(1), 1)
    network = network_of(behind(name, 1), x)
    found = split(network, tuple(x.shape[1:]))
    assert len(found.first.steps) == steps
    assert [step.rule for step in found.rest.steps] == [s.rule for s in network.steps[steps:]]


@pytest.mark.parametrize(
    "front",
    [
        lambda x: x,
        lambda x: (x - 0.1) / 0.3,
        lambda x: x + x.clamp(0.2, 0.8),
        lambda x: x.transpose(2, 3).clamp(0.2, 0.8),
    ],
    ids=["nothing", "normalisation", "sum with the image", "moved pixels"],
)
def test_other_networks_have_no_front(front: Pixels) -> None:
    """Linear steps, and steps whose input is read again, stay with the rest; values are images."""
    x, _ = sample(tiny(1), 1)
    found = split(network_of(WithFront(front, tiny(1)).eval(), x), tuple(x.shape[1:]))
    assert found.first.steps == ()
    assert torch.equal(found.box(ball(x, 0.1)).lower, ball(x, 0.1).lower)
    assert found.images(ball(x, 0.1), x) is x


def test_copied_pixels_are_no_front() -> None:
    """One channel as three is read by the rest, so that values behind the front are as many as pixels."""
    level = torch.linspace(0.2, 0.7, 3).view(-1, 1, 1)
    rest = nn.Sequential(nn.Flatten(), nn.Linear(48, 3))
    model = WithFront(lambda x: (x.clamp(0.1, 0.9) - level).clamp(min=0), rest).eval()
    x = torch.rand(1, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    found = split(network_of(model, x), tuple(x.shape[1:]))
    assert found.shape == (1, 4, 4)
