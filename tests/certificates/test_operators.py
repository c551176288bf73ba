"""Every operator that has a rule: its bounds, and its part of an incremental forward pass."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from securemnist.certificates.bounds.crown import EVERY_SAMPLE, lower_bounds
from securemnist.certificates.bounds.euclidean import ball_of, intervals_of
from securemnist.certificates.certificate import certify, network_of
from securemnist.certificates.operations.operators import OPERATORS, PARTS
from securemnist.models.architectures import Normalize
from securemnist.models.probabilities import LogProbabilities
from securemnist.referee import SLACK
from securemnist.threats import L2, Linf
from securemnist.threats.base import Threat
from tests.certificates.functional import CHANNELS
from tests.certificates.networks import MIDDLES, SHAPE
from tests.certificates.violations import SAMPLES, points, violations
from tests.incremental.changes import check

THREATS: dict[str, type[Linf | L2]] = {"linf": Linf, "l2": L2}


class Others(nn.Module):
    """Operations that no other network of these tests has."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = [
            x.clamp(-0.3, 0.3),
            torch.clamp_min(x, -0.1),
            torch.clamp_max(x, 0.2),
            x.select(1, 0).unsqueeze(1).squeeze(1).unsqueeze(1),
            x.unsqueeze(1).unsqueeze(2).squeeze((1, 2)),
            x.detach(),
            x[...],
            torch.tensor(0.5) - x,
            torch.rsub(x, torch.tensor(0.25)),
            torch.rsub(x, x.clamp(-0.3, 0.3)),
            *((function(x, 0.1)).float() for function in (torch.gt, torch.ge, torch.lt, torch.le)),
            *((function(x, torch.tensor(0.1))).float() for function in (torch.gt, torch.ge)),
            *((function(x, torch.tensor(0.1))).float() for function in (torch.lt, torch.le)),
            F.max_pool2d(x, 3, 1, 1),
        ]
        return torch.cat(parts, 1)


class Everything(nn.Module):
    """All layers of these tests side by side, between two others, with softmax at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(Normalize(), nn.Conv2d(1, CHANNELS, 4, stride=3, padding=1))
        # Work in place would change what the others read.
        made = {name: make() for name, make in MIDDLES.items() if name != "relu in place"}
        self.names = [*made, "others"]
        self.middles = nn.ModuleList([*made.values(), Others()])
        self.last = nn.LazyLinear(10)

    def parts(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The outputs (n, f) of each layer."""
        x = self.first(x)
        return [middle(x).flatten(1) for middle in self.middles]

    def part(self, x: torch.Tensor, index: int) -> torch.Tensor:
        """The outputs (n, f) of one layer."""
        return self.middles[index](self.first(x)).flatten(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.last(torch.cat(self.parts(x), 1))
        return logits.softmax(1)


@pytest.fixture(scope="module")
def everything() -> Everything:
    """One network of all operators, because the export takes most of the time of its tests."""
    torch.manual_seed(5)
    model = Everything()
    model(torch.rand(2, *SHAPE))
    return model.eval().requires_grad_(False)


def below_bounds(model: Everything, eps: float, norm: str) -> set[str]:
    """The layers with a combination of outputs below its bound, at a point of a ball.

    The bounds are those of CROWN and of the last exact operations.
    """
    x = torch.rand(SAMPLES, *SHAPE, generator=torch.Generator().manual_seed(0))
    network, threat = network_of(model, x), THREATS[norm](eps - SLACK)
    boxes = intervals_of(network, ball_of(x, eps, norm))
    images = points(model, x, model(x).argmax(1), eps - SLACK, norm)
    outputs = zip(*(model.parts(image) for image in images), strict=True)
    steps = max((step.inputs for step in network.steps), key=len)  # of the concatenation
    found, rng = set(), torch.Generator().manual_seed(1)
    for index, (name, values) in enumerate(zip(model.names, outputs, strict=True)):
        draw = torch.randn(values[0].shape, generator=rng)
        one = draw * (draw == draw.amax(1, keepdim=True))  # of one output, bounds are narrow
        for weights in (draw, -draw, one, -one):
            least = lowest(model, index, x, weights, threat)
            seen = torch.stack([*values, least]).double() * weights.double()
            bounds = [
                lower_bounds(
                    network,
                    boxes,
                    EVERY_SAMPLE,
                    weights.double(),
                    to_image=to_image,
                    step=steps[index],
                )
                for to_image in (False, True)
            ]
            if bool((seen.sum(2) < torch.stack(bounds).amax(0)).any()):
                found.add(name)
    return found


def lowest(
    model: Everything, index: int, x: torch.Tensor, weights: torch.Tensor, threat: Threat
) -> torch.Tensor:
    """A layer's outputs at the images of the balls where their gradient leads downwards."""
    image = x.clone().requires_grad_(True)
    (model.part(image, index) * weights).sum().backward()
    assert image.grad is not None
    return model.part(threat.project(x, x + 1e3 * threat.steepest(-image.grad)), index)


def test_operators_all_tested_with_sound_bounds(everything: Everything) -> None:
    """A network of all operators: none is missing, and no point of three balls violates a bound.

    Bounds of a layer's outputs do not depend on the layers beside it.
    """
    last = nn.Sequential(nn.Flatten(), nn.Linear(SHAPE[1] * SHAPE[2], 10), nn.LogSoftmax(1)).eval()
    used: set[object] = set()
    for each in (last, everything):
        graph = network_of(each, torch.rand(2, *SHAPE)).exported.graph
        used |= {node.target for node in graph.nodes}
    assert not {str(operator) for operator in (*OPERATORS, *PARTS) if operator not in used}
    for norm, eps in (("linf", 0.01), ("linf", 0.2), ("l2", 0.1)):
        assert violations(everything, eps, shape=SHAPE, norm=norm) == 0
        assert not below_bounds(everything, eps, norm)


def test_incremental_pass_of_all_operators(everything: Everything) -> None:
    """Each kind of layer that has bounds, local or not, gives its own outputs after local changes.

    A pixel of one layer that is wrong by 0.1 changes a logarithm by 6e-5 or more.
    """
    check(LogProbabilities(everything).eval(), SHAPE, seed=1, rtol=0)


class Difference(nn.Module):
    """Class 0 loses 20 times what the second pixel exceeds the first one by, less 0.1."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        one, other = x.flatten(1)[:, :1], x.flatten(1)[:, 1:2]
        excess = torch.relu(torch.rsub(one, other) - 0.1)
        return torch.cat([0.5 - 20 * excess, 0 * one], 1)


def test_difference_of_two_activations_keeps_its_direction() -> None:
    """The difference of rsub keeps its sign: a sample that a change breaks has no certificate."""
    model, x = Difference().eval(), torch.zeros(1, 1, 8, 8)
    x[0, 0, 0, :2] = torch.tensor([0.5, 0.55])
    changed, y = x.clone(), torch.tensor([0])
    changed[0, 0, 0, :2] = torch.tensor([0.45, 0.6])
    assert model(x).argmax() == 0
    assert model(changed).argmax() == 1
    assert not certify(model, x, y, eps=0.05).proved.any()
    assert certify(model, x, y, eps=0.02).proved.all()


class Grey(nn.Module):
    """A network of three channels behind one, that is copied or normalised by a mean a channel."""

    def __init__(self, copied: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.copied, self.first = copied, nn.Conv2d(1, 1, 3, padding=1)
        self.rest = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        x = x.expand(-1, 3, -1, -1) if self.copied else x
        logits: torch.Tensor = self.rest((x - torch.linspace(0, 0.4, 3).view(-1, 1, 1)) / 0.3)
        return logits


def test_one_channel_broadcast_to_three_has_the_bounds_of_copies() -> None:
    """Weights of the copies of a pixel are summed, also in front of a convolution."""
    x = torch.rand(8, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    networks = [Grey(copied).eval() for copied in (False, True)]
    y = networks[0](x).argmax(1)
    found, expected = (certify(network, x, y, eps=0.01) for network in networks)
    assert torch.allclose(found.margins, expected.margins, atol=1e-6)
    assert found.proved.any()
