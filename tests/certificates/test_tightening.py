"""CROWN bounds of intermediate layers: where they pay, and where a few units show that they do not."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from securemnist.certificates.certificate import certify, network_of
from securemnist.certificates.operations.intervals import ball
from securemnist.certificates.proofs.proof import prove
from securemnist.certificates.relaxations import tightening
from securemnist.certificates.relaxations.tightening import tightened

UNITS = 40


def network(*, signs: bool) -> nn.Sequential:
    """Two hidden layers of undecided units. Without negative weights intervals are as tight as CROWN."""
    torch.manual_seed(0)
    sizes = ((4, UNITS), (UNITS, UNITS), (UNITS, 3))
    first, second, last = (nn.Linear(*size) for size in sizes)
    for layer in (first, second):
        nn.init.uniform_(layer.weight, -1.0 if signs else 0.1, 1.0)
        middle = (
            torch.full((layer.in_features,), 0.5) if layer is first else torch.full((UNITS,), 0.4)
        )
        layer.bias.data = -layer.weight.detach() @ middle
    return nn.Sequential(nn.Flatten(), first, nn.ReLU(), second, nn.ReLU(), last).eval()


@pytest.mark.parametrize(("signs", "bounded"), [(True, UNITS), (False, 16)])
def test_other_units_are_bounded_where_the_first_gain(
    signs: bool, bounded: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All 40 units get CROWN bounds where these are tighter than intervals, else 16 of them."""
    optimised, asked = tightening._optimised, list[int]()

    def counted(relaxation: object, weights: torch.Tensor, steps: int) -> torch.Tensor:
        asked.append(len(weights))
        return optimised(relaxation, weights, steps)

    monkeypatch.setattr(tightening, "_optimised", counted)
    x = torch.full((1, 1, 2, 2), 0.5)
    model = network(signs=signs).requires_grad_(False)
    found = tightened(network_of(model, x), ball(x, 0.4))
    layer = found.boxes[4]
    assert layer.lower.shape == (1, UNITS)
    assert bool(((layer.lower < 0) & (layer.upper > 0)).all())
    assert sum(asked) == 2 * bounded  # each unit from below and from above


@pytest.mark.parametrize(
    ("function", "eps"), [(nn.Tanh, 0.01), (nn.GELU, 0.02), (nn.Sigmoid, 0.05)]
)
def test_networks_of_smooth_functions_are_proved(function: type[nn.Module], eps: float) -> None:
    """CROWN over intervals of the layers proves nothing, over CROWN bounds of them it proves an image."""
    torch.manual_seed(0)
    layers = [part for _ in range(4) for part in (nn.Linear(30, 30), function())]
    for layer in layers[::2]:
        nn.init.normal_(layer.weight, std=0.6)
        nn.init.normal_(layer.bias, std=1.5)  # the sign of many units is known
    model = nn.Sequential(nn.Flatten(), *layers, nn.Linear(30, 3)).eval().requires_grad_(False)
    x = torch.rand(1, 1, 5, 6)
    y = model(x).argmax(1)
    assert not certify(model, x, y, eps=eps).proved.any()
    assert prove(model, x, y, eps=eps, seconds=60).proved.all()


@pytest.mark.parametrize("most", [1, 7, 64])
@pytest.mark.parametrize("count", [1, 5, 16, 100])
def test_parts_hold_each_unit_once(count: int, most: int) -> None:
    """Parts are no larger than asked, and the first one spans the layer."""
    units = torch.arange(count) * 3
    parts = tightening._parts(units, most)
    assert torch.equal(torch.cat(parts).sort().values, units)
    assert max(map(len, parts)) <= most
    assert min(map(len, parts)) > 0
    if most >= 16 and count == 100:
        assert parts[0].diff().min() >= 6 * 3
