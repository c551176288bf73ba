"""Rules of a clamp: shifts and ReLUs, which have linear bounds and units to split.

max(x, low) is low + relu(x - low), and min(x, high) is high - relu(high - x). A kernel rounds the limits
alone, to float32; the rules of the shifts allow for more.
"""

from __future__ import annotations

import torch

from securemnist.certificates.operations.activations import leaky_relu
from securemnist.certificates.operations.affine import elementwise
from securemnist.certificates.operations.intervals import LARGEST
from securemnist.certificates.operations.rules import Rule
from securemnist.errors import NoCertificate


def clamp(low: float | None = None, high: float | None = None) -> tuple[Rule, ...]:
    """Rules that follow each other: a clamp to [`low`, `high`]; None means no limit."""
    limits = [limit for limit in (low, high) if limit is not None]
    if not limits or not all(isinstance(limit, int | float) for limit in limits):
        raise NoCertificate(f"expected a clamp at numbers, got one at {low} and {high}")
    largest = max(abs(limit) for limit in limits)
    if not largest <= LARGEST:
        raise NoCertificate(f"expected a clamp at numbers up to {LARGEST:g}, got one at {largest}")
    relu = leaky_relu(0.0)
    if low is not None and high is not None:
        return (*_shift(-low), relu, *_shift(high - low, -1), relu, *_shift(high, -1))
    if low is not None:
        return (*_shift(-low), relu, *_shift(low))
    (limit,) = limits
    return (*_shift(limit, -1), relu, *_shift(limit, -1))


def _shift(by: float, sign: int = 1) -> tuple[Rule, ...]:
    """Sign * x + by; no rule where that is x."""
    if (by, sign) == (0, 1):
        return ()
    shift = torch.tensor(float(by), dtype=torch.float64)
    return (elementwise(torch.full_like(shift, sign), shift, shift.abs()),)
