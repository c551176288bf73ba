"""Soundness of bounds with any slopes, multipliers and splits, and of tighter intermediate bounds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from securemnist.certificates.certificate import network_of
from securemnist.certificates.graph.network import Intervals, Network
from securemnist.certificates.operations.intervals import Box, ball
from securemnist.certificates.relaxations import relaxation
from securemnist.certificates.relaxations.relaxation import Relaxation
from securemnist.certificates.relaxations.tightening import refined, tightened
from tests.certificates.networks import SHAPE, network
from tests.certificates.tiny import sample, tiny
from tests.certificates.violations import outside_boxes

DOMAINS, POINTS = 60, 400
LAYERS = ["convolution", "leaky", "sum", "relu", "mean", "batch norm", "relu", "max, overlapping"]
CURVED = ["gelu", "attention, fused", "sum", "tanh", "layer norm of channels", "gated by softmax"]


def bounds_of(
    network: Network, tighter: Callable[[Network, Intervals], Intervals] | None = None
) -> Callable[[Box], Intervals]:
    """A function from the balls of several samples to bounds, tightened for one sample at a time."""

    def bounds(box: Box) -> Intervals:
        each = [tightened(network, box[k : k + 1]) for k in range(len(box.lower))]
        each = [tighter(network, one) for one in each] if tighter else each
        boxes = [
            Box(torch.cat([b.lower for b in step]), torch.cat([b.upper for b in step]))
            for step in zip(*(one.boxes for one in each), strict=True)
        ]
        return Intervals(boxes, [])

    return bounds


@pytest.mark.parametrize(
    ("layers", "samples", "eps"), [(LAYERS, 3, 0.005), (LAYERS, 3, 0.1), (CURVED, 1, 0.005)]
)
def test_tightened_boxes_hold_every_activation(layers: list[str], samples: int, eps: float) -> None:
    """CROWN bounds of layers, with optimised slopes of ReLUs too, hold for every point of the ball."""
    model = network("normalised", layers, functions=False, seed=4)
    x = torch.rand(samples, *SHAPE, generator=torch.Generator().manual_seed(1))
    net = network_of(model, x)
    plain = net.intervals(ball(x, eps))
    for tighter in (None, refined) if layers is LAYERS else (None,):
        bounds = bounds_of(net, tighter)
        found = bounds(ball(x, eps))
        narrower = zip(found.boxes, plain.boxes, strict=True)
        assert all((a.radius <= b.radius + 1e-12).all() for a, b in narrower)
        assert found.boxes[-1].radius.sum() < 0.9 * plain.boxes[-1].radius.sum()
        assert outside_boxes(model, x, model(x).argmax(1), eps, bounds) == 0


def breaches(model: nn.Module, x: torch.Tensor, eps: float) -> int:
    """Points of random domains whose margin is below a bound with random slopes and multipliers.

    A third of both lie outside their range.
    """
    rng = torch.Generator().manual_seed(0)
    net = network_of(model, x)
    relaxed = Relaxation(net, net.intervals(ball(x, eps)))
    points = (x + eps * (2 * torch.rand(POINTS, *x.shape[1:], generator=rng) - 1)).clamp(0, 1)
    signs = torch.randint(-1, 2, (DOMAINS, relaxed.units), generator=rng).to(torch.int8)
    duals = 3 * torch.rand(DOMAINS, relaxed.units, generator=rng, dtype=torch.float64) - 1
    weights = torch.eye(3, dtype=torch.float64)[0] - torch.eye(3, dtype=torch.float64)[1]
    bounds = relaxed.domains(signs).lower_bounds(duals, weights.expand(DOMAINS, -1))
    hidden, values = points, []
    for layer in model.children():
        before, hidden = hidden, layer(hidden)
        values += [before] if isinstance(layer, nn.ReLU) else []
    units = torch.cat([v[:, each.units] for v, each in zip(values, relaxed.layers, strict=True)], 1)
    inside = ((signs[:, None] * units[None]) >= 0).all(2)
    assert inside.any(1).sum() > 10
    margins = (hidden[:, 0] - hidden[:, 1]).double()
    return int((inside & (margins[None] < bounds[:, None])).sum())


def random_domains() -> int:
    """Breaches over five networks."""
    return sum(breaches(tiny(seed), sample(tiny(seed), seed)[0], 0.3) for seed in range(5))


def test_bounds_hold_for_any_slopes_and_multipliers() -> None:
    """No point of a domain has a margin below its bound, whatever the slopes and multipliers are."""
    assert random_domains() == 0


def test_multipliers_without_their_constant_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Multipliers below 0, without what makes up for them, give bounds that points violate."""
    monkeypatch.setattr(relaxation, "_constant", lambda _box, added: added.new_zeros(len(added)))
    assert random_domains() > 0


def test_wrong_half_of_a_split_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds of the other half of a split are violated by points of the domain."""
    split = relaxation._split
    monkeypatch.setattr(relaxation, "_split", lambda box, units, sign: split(box, units, -sign))
    assert random_domains() > 0


def test_unclipped_slopes_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slopes above 1 or below 0, where nothing clips them, give bounds that points violate."""
    monkeypatch.setattr(torch.Tensor, "clamp_max", lambda self, _limit: self.clone())
    monkeypatch.setattr(torch, "maximum", lambda one, _other: one.clone())
    assert random_domains() > 0
