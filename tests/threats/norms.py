"""The exponent of each norm of a ball, by which the tests compute sizes and distances of their own."""

from __future__ import annotations

import math

from securemnist.threats import THREATS, Threat

ORDERS = {"linf": math.inf, "l2": 2.0, "l1": 1.0}


def dual_order(norm: str) -> float:
    """The exponent of the dual norm."""
    order = ORDERS[norm]
    return 1 / (1 - 1 / order) if order > 1 else math.inf


def share_of(norm: str, share: float, size: int) -> Threat:
    """The threat whose eps is this share of the span of images of `size` values, in whole pixels."""
    kind = THREATS[norm]
    eps = share * kind.span(size)
    return kind(eps if kind.form == "ball" else int(eps))
