"""Curved functions of one activation, with their minima, rounding errors and linear bounds."""

from __future__ import annotations

import math
from functools import partial

import torch
import torch.nn.functional as F

from securemnist.certificates.operations.curves import CURVE, Curve
from securemnist.certificates.operations.intervals import SMALLEST
from securemnist.certificates.operations.lines import Grid, Tangent
from securemnist.certificates.operations.rules import Map, Rule
from securemnist.errors import NoCertificate

SIGMOID = Curve(torch.sigmoid, share=0, lines=Grid(0.0963))
TANH = Curve(torch.tanh, share=0, lines=Grid(0.7699))
ERF = Curve(torch.erf, share=0, lines=Grid(0.968))
ATAN = Curve(torch.atan, share=0, lines=Grid(0.6496))
# clamp(x + 3, 0, 6) / 6; Howard et al. 2019, arXiv 1905.02244.
HARDSIGMOID = Curve(F.hardsigmoid, share=0, lines=Grid(0, kinks=1 / 3))
LOG_SIGMOID = Curve(F.logsigmoid, lines=Grid(0.2501))
# Their values are exact integers.
ROUND, FLOOR, CEIL, SIGN = (
    Curve(function, 0, 0) for function in (torch.round, torch.floor, torch.ceil, torch.sign)
)
ABSOLUTE = Curve(torch.abs, 0, 0, minimum=0, lines=Grid(0, kinks=2))
# x * sigmoid(x), also called swish.
SILU = Curve(F.silu, minimum=-1.2784645428, lines=Grid(0.5001))
# x * tanh(softplus(x)); Misra 2019, arXiv 1908.08681.
MISH = Curve(F.mish, minimum=-1.1924312145, lines=Grid(0.6443))
# x * clamp(x + 3, 0, 6) / 6; Howard et al. 2019, arXiv 1905.02244.
HARDSWISH = Curve(F.hardswish, minimum=-1.5, lines=Grid(0.3334, kinks=1))
EXP = Curve(torch.exp, 0, 0, CURVE, lines=Tangent(torch.log))


def _of_positive(function: Map, touch: Map, *, rises: bool) -> Curve:
    """A function of positive numbers, concave if it rises, else convex; elsewhere NaN certifies nothing.

    Denormal numbers count as elsewhere, because a kernel may take them for 0.
    """

    def value(x: torch.Tensor) -> torch.Tensor:
        return torch.where(x >= SMALLEST, function(x), torch.nan)

    minimum = -math.inf if rises else math.inf
    return Curve(value, CURVE, 0, CURVE, minimum, Tangent(touch, concave=rises))


LOG = _of_positive(torch.log, torch.reciprocal, rises=True)
SQRT = _of_positive(torch.sqrt, lambda slope: 0.25 / slope**2, rises=True)
RECIPROCAL = _of_positive(torch.reciprocal, lambda slope: (-slope) ** -0.5, rises=False)
RSQRT = _of_positive(torch.rsqrt, lambda slope: (-2 * slope) ** (-2 / 3), rises=False)


def power(exponent: float) -> Rule:
    """X to an exponent of 0.5, -1, -0.5, 2 or 4."""
    named = {0.5: SQRT, -0.5: RSQRT, -1.0: RECIPROCAL}
    if exponent in named:
        return named[exponent]
    if exponent not in (2, 4):
        raise NoCertificate(f"expected a power of 2, 4, 0.5, -0.5 or -1, got {exponent}")

    def touch(slope: torch.Tensor) -> torch.Tensor:
        return slope.sign() * (slope.abs() / exponent) ** (1 / (exponent - 1))

    return Curve(lambda x: x**exponent, 0, 0, CURVE, minimum=0, lines=Tangent(touch))


def elu(alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Rule:
    """Scale * x above zero, scale * alpha * (exp(input_scale * x) - 1) below.

    ELU (Clevert et al. 2015, arXiv 1511.07289), CELU (Barron 2017, arXiv 1704.07483) and SELU
    (Klambauer et al. 2017, arXiv 1706.02515).
    """
    if not (0 <= alpha * scale <= 100 and 0 <= scale <= 100 and 0.01 <= input_scale <= 100):
        raise NoCertificate(
            "expected an ELU with alpha and a scale from 0 to 100, and an input scale from 0.01 to 100, "
            f"got alpha {alpha} and scales {scale} and {input_scale}"
        )
    # A relative error of a few units in exp(z) z, which is at most 1 for z below 0.
    function = partial(torch.ops.aten.elu, alpha=alpha, scale=scale, input_scale=input_scale)
    error, share = CURVE * max(1.0, alpha * scale), CURVE * max(1.0, scale)
    below = scale * alpha * input_scale  # the derivative just below zero
    lines = Grid(1.0001 * below * input_scale, kinks=abs(scale - below))
    return Curve(function, error, share, lines=lines)


def softplus(beta: float = 1.0, threshold: float = 20.0) -> Rule:
    """log(1 + exp(beta * x)) / beta, and x where beta * x is above the threshold."""
    # Above 88 exp overflows in float32.
    if not (0.01 <= beta <= 100 and 20 <= threshold <= 80):
        raise NoCertificate(
            "expected a softplus with beta from 0.01 to 100 and a threshold from 20 to 80, got "
            f"{beta} and {threshold}"
        )
    error = CURVE * (1 + 1 / beta)
    return Curve(lambda x: F.softplus(x, beta, threshold), error, lines=Grid(0.2501 * beta))


def gelu(approximate: str = "none") -> Curve:
    """X * Phi(x), Phi the normal distribution; Hendrycks & Gimpel 2016, arXiv 1606.08415."""
    minimum = {"none": -0.7517915247, "tanh": -0.7524614221}[approximate]
    return Curve(lambda x: F.gelu(x, approximate=approximate), minimum=minimum, lines=Grid(0.798))
