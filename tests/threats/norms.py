"""The exponent of each norm, by which the tests compute sizes and distances of their own."""

from __future__ import annotations

import math

ORDERS = {"linf": math.inf, "l2": 2.0}


def dual_order(norm: str) -> float:
    """The exponent of the dual norm."""
    order = ORDERS[norm]
    return 1 / (1 - 1 / order) if order > 1 else math.inf
