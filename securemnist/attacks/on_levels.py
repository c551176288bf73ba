"""Proposals for an endpoint that reads 8 bits a value: moved to levels that it can receive.

A proposal between two levels is rounded on its way, perhaps out of the threat, and does not count then.
"""

from __future__ import annotations

import torch

from securemnist.threats import Linf, Threat
from securemnist.threats.linf import TOLERANCE
from securemnist.types import Images, per_image


def snapped(x: Images, proposals: Images, threat: Threat, levels: int) -> Images:
    """The proposals on the levels: of each value the nearest level that the threat allows.

    For norms other than L-infinity the nearest level, or where that leaves the threat the next one
    towards `x`. A proposal that is not finite stays as it is.
    """
    finite = proposals.nan_to_num(0.0, 0.0, 0.0).clamp(0, 1).double() * levels
    exact = x.double() * levels
    nearest = finite.round()
    if isinstance(threat, Linf):
        reach = threat.eps * levels
        low, high = (exact - reach - TOLERANCE).ceil(), (exact + reach + TOLERANCE).floor()
        chosen = torch.minimum(torch.maximum(nearest, low), high)
    else:
        start = exact.round()
        towards = (finite - start + TOLERANCE * (finite - start).sign()).trunc() + start
        inside = threat.distance(x.double(), nearest / levels) <= threat.eps
        chosen = torch.where(per_image(inside), nearest, towards)
    on_levels = (chosen.clamp(0, levels) / levels).to(proposals.dtype)
    lost = ~torch.isfinite(proposals).flatten(1).all(1)
    return torch.where(per_image(lost), proposals, on_levels)
