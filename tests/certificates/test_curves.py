"""Linear bounds of smooth activation functions: sound in every box, and tight enough for proofs."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from securemnist.certificates.bounds.margin_bounds import CROWN
from securemnist.certificates.certificate import certify
from securemnist.certificates.operations import curves
from securemnist.certificates.operations.intervals import Box

SMOOTH: dict[str, curves.Curve] = {
    "sigmoid": curves.SIGMOID,
    "tanh": curves.TANH,
    "log-sigmoid": curves.LOG_SIGMOID,
    "silu": curves.SILU,
    "mish": curves.MISH,
    "gelu": curves.gelu(),
    "gelu, approximate": curves.gelu("tanh"),
    "elu": curves.elu(),
    "celu": curves.elu(0.3, 1.0, 1 / 0.3),
    "softplus": curves.softplus(),
    "softplus, steep": curves.softplus(40.0),
}
# Their derivative jumps at zero, at -3 and at whole numbers.
KINKED = {"selu": curves.elu(1.6733, 1.0507), "hard swish": curves.HARDSWISH, "round": curves.ROUND}


@pytest.mark.parametrize("name", SMOOTH)
def test_curvature_is_the_largest_second_derivative(name: str) -> None:
    """It bounds the change of the derivative on a fine grid, by 2 % at most too much."""
    rule = SMOOTH[name]
    x = torch.linspace(-30, 30, 600_001, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(rule.function(x).sum(), x)
    change = float((slope.diff() / x.detach().diff()).abs().max())
    assert change <= rule.curvature
    assert change >= 0.98 * rule.curvature


@pytest.mark.parametrize("name", SMOOTH)
def test_lines_hold_the_function(name: str) -> None:
    """No point of boxes from a millionth to 60 wide is outside of both lines."""
    rule, rng = SMOOTH[name], torch.Generator().manual_seed(0)
    width = 10 ** (8 * torch.rand(1, 400, generator=rng, dtype=torch.float64) - 6.2)
    lower = 8 * torch.randn(1, 400, generator=rng, dtype=torch.float64)
    box = Box(lower, lower + width)
    out, error = rule.enclose(box), rule.rounding(box)
    out = Box(out.lower - error, out.upper + error)  # as the network widens it
    part = torch.linspace(0, 1, 1001, dtype=torch.float64)[:, None]
    x = lower + width * part
    for sign in (1.0, -1.0):
        # A function of one unit at a time: the weights of all others are 0.
        weights = sign * torch.eye(400, dtype=torch.float64)
        (slopes,), constants = rule.backward(weights, [box], out)
        assert slopes is not None
        bound = slopes.diagonal() * x + constants
        assert bool((bound <= sign * rule.function(x)).all())


def test_lines_are_tight_in_narrow_boxes() -> None:
    """In a box of 0.2 both lines are nearer than a twenty-fifth of the interval."""
    lower = torch.linspace(-3, 3, 61, dtype=torch.float64)[None]
    box = Box(lower, lower + 0.2)
    weights = torch.ones(1, 61, dtype=torch.float64)
    out = curves.TANH.enclose(box)
    (below,), least = curves.TANH.backward(weights, [box], out)
    (_,), most = curves.TANH.backward(-weights, [box], out)
    assert below is not None
    assert float(-most - least) < float((out.upper - out.lower).sum()) / 25


@pytest.mark.parametrize("name", KINKED)
def test_functions_with_kinks_keep_their_interval(name: str) -> None:
    """The grid of a function with jumps in its derivative would bound nothing."""
    box = Box(torch.full((1, 1), -4.0).double(), torch.full((1, 1), 1.0).double())
    rule = KINKED[name]
    assert rule.backward(torch.ones(1, 1).double(), [box], rule.enclose(box))[0] == [None]


@pytest.mark.parametrize("layer", [nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid, nn.ELU, nn.Softplus])
def test_ordinary_networks_are_proved(layer: type[nn.Module]) -> None:
    """CROWN proves samples that intervals do not, in a network with two smooth layers."""
    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Flatten(), nn.Linear(16, 30), layer(), nn.Linear(30, 30), layer(), nn.Linear(30, 3))
    ).eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    x = torch.rand(60, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    y = model(x).argmax(1)
    assert certify(model, x, y, eps=0.01).count(CROWN) >= 20
