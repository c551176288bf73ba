"""Linear bounds of curved functions: sound in every box, and tight enough for proofs."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from securemnist.certificates.bounds.margin_bounds import CROWN
from securemnist.certificates.certificate import certify
from securemnist.certificates.operations import curves, functions
from securemnist.certificates.operations.intervals import Box
from securemnist.certificates.operations.lines import Grid

# Functions by the way that their lines are found.
ON_GRID: dict[str, curves.Curve] = {
    "sigmoid": functions.SIGMOID,
    "tanh": functions.TANH,
    "erf": functions.ERF,
    "atan": functions.ATAN,
    "log-sigmoid": functions.LOG_SIGMOID,
    "silu": functions.SILU,
    "mish": functions.MISH,
    "gelu": functions.gelu(),
    "gelu, approximate": functions.gelu("tanh"),
    "elu": functions.elu(),
    "celu": functions.elu(0.3, 1.0, 1 / 0.3),
    "softplus": functions.softplus(),
    "softplus, steep": functions.softplus(40.0),
}
# Their derivative jumps: at zero, or at -3 and 3.
KINKED: dict[str, curves.Curve] = {
    "selu": functions.elu(1.6733, 1.0507),
    "elu, steep": functions.elu(3.0),
    "hard swish": functions.HARDSWISH,
    "hard sigmoid": functions.HARDSIGMOID,
    "absolute": functions.ABSOLUTE,
}
BY_TANGENT: dict[str, curves.Curve] = {
    "exp": functions.EXP,
    "log": functions.LOG,
    "sqrt": functions.SQRT,
    "reciprocal": functions.RECIPROCAL,
    "rsqrt": functions.RSQRT,
    "square": functions.power(2),
    "fourth power": functions.power(4),
}
EVERY = ON_GRID | KINKED | BY_TANGENT


@pytest.mark.parametrize("name", [*ON_GRID, *KINKED])
def test_curvature_and_kinks_bound_the_derivative(name: str) -> None:
    """They bound its changes on a fine grid, by 2 % at most too much."""
    lines = EVERY[name].lines
    assert isinstance(lines, Grid)
    x = torch.linspace(-30, 30, 600_001, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(EVERY[name].function(x).sum(), x)
    changes = slope.diff().abs()
    jumps = changes[changes > 0.01]
    assert 0.98 * lines.kinks <= float(jumps.sum()) <= lines.kinks + 0.01
    steepest = float((changes[changes <= 0.01] / x.detach().diff()[changes <= 0.01]).max())
    assert 0.98 * lines.curvature <= steepest <= lines.curvature + 1e-9


@pytest.mark.parametrize("name", EVERY)
def test_lines_hold_the_function(name: str) -> None:
    """No point of boxes from a millionth to 60 wide is outside of both lines."""
    rule, rng = EVERY[name], torch.Generator().manual_seed(0)
    width = 10 ** (8 * torch.rand(1, 400, generator=rng, dtype=torch.float64) - 6.2)
    lower = 8 * torch.randn(1, 400, generator=rng, dtype=torch.float64)
    if name in ("log", "sqrt", "reciprocal", "rsqrt"):
        lower = lower.exp()
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
    out = functions.TANH.enclose(box)
    (below,), least = functions.TANH.backward(weights, [box], out)
    (_,), most = functions.TANH.backward(-weights, [box], out)
    assert below is not None
    assert float(-most - least) < float((out.upper - out.lower).sum()) / 25


def test_lines_hold_the_jump_of_softplus() -> None:
    """Softplus rises by 2e-9 at its threshold, which no point of a narrow grid shows."""
    rule, middle = functions.softplus(), 20 + 1e-6
    box = Box(*(torch.full((1, 1), middle + side * 5e-5).double() for side in (-1, 1)))
    x = torch.linspace(float(box.lower), float(box.upper), 100_001, dtype=torch.float64)
    for sign in (1.0, -1.0):
        weights = torch.full((1, 1), sign).double()
        (slope,), constant = rule.backward(weights, [box], rule.enclose(box))
        assert slope is not None
        assert float(slope) != 0
        assert bool((slope * x + constant <= sign * rule.function(x)).all())


@pytest.mark.parametrize("function", [functions.ROUND, functions.SIGN], ids=["round", "sign"])
def test_steps_keep_their_interval(function: curves.Curve) -> None:
    """A grid would miss the jumps of a function."""
    box = Box(torch.full((1, 1), -4.0).double(), torch.full((1, 1), 1.0).double())
    weights = torch.ones(1, 1).double()
    assert function.backward(weights, [box], function.enclose(box))[0] == [None]


@pytest.mark.parametrize("name", ["log", "sqrt", "reciprocal", "rsqrt"])
@pytest.mark.parametrize("lower", [-1.0, 0.0, 1e-40])
def test_functions_of_positive_numbers_have_no_bounds_elsewhere(name: str, lower: float) -> None:
    """A box that reaches 0, below it or a denormal number has a bound that certifies nothing."""
    box = Box(torch.full((1, 1), lower).double(), torch.ones(1, 1).double())
    out = EVERY[name].enclose(box)
    out = out.widened(EVERY[name].rounding(box))
    for sign in (1.0, -1.0):
        _, constant = EVERY[name].backward(sign * torch.ones(1, 1).double(), [box], out)
        assert not bool((constant > -math.inf).any())


@pytest.mark.parametrize("layer", [nn.GELU, nn.Tanh, nn.ELU, nn.Softplus, nn.Hardswish, nn.SELU])
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
