"""Pace: what one pass of this model costs here, and how many images its searches have to look at.

A row's time depends on both by orders of magnitude: an image that falls at once or is proved costs
next to nothing, one that survives costs every step of every attack. Both are tried on a few images.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import torch

from securemnist.attacks.base import BATCH, cross_entropy, gradient
from securemnist.attacks.pgd import PGD
from securemnist.certificates import certify
from securemnist.errors import NoCertificate
from securemnist.evaluation.context import Lab
from securemnist.models.predictions import is_wrong
from securemnist.threats import Threat

PROBED = 64  # images
# What certificates of one image cost, in passes; measured on the bundled certified models.
INTERVAL_PASSES, CROWN_PASSES = 3, 70
_SCOUT = PGD(steps=10)
_ROUNDS = 3


@dataclass(frozen=True)
class Shares:
    """Of all images: `unproved` by interval bounds, `standing` after a short attack, and `open`.

    `open` images withstand that attack and have no certificate: every stage of a ladder sees them.
    """

    unproved: float = 1.0
    standing: float = 1.0
    open: float = 1.0


@dataclass(frozen=True)
class Pace:
    """`seconds` of one forward and backward pass of one image; shares by threat, as it is printed."""

    seconds: float = 2e-4  # network A on two cores in float32
    by_threat: Mapping[str, Shares] = field(default_factory=dict)

    def shares(self, threat: Threat) -> Shares:
        """The shares within this threat; all images where it was not tried."""
        return self.by_threat.get(str(threat), Shares())


USUAL = Pace()


def measured(lab: Lab, threats: Iterable[Threat]) -> Pace:
    """The pace of the subject, from a second or two of work on the first test images."""
    digits = lab.data.test[:BATCH]
    x, y = digits.images().to(lab.subject.device), digits.labels.to(lab.subject.device)
    seconds = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        gradient(lab.target, x, y, cross_entropy)
        seconds.append((time.perf_counter() - began) / len(x))
    shares = {str(threat): _tried(lab, threat, x[:PROBED], y[:PROBED]) for threat in threats}
    return Pace(min(seconds), shares)


def _tried(lab: Lab, threat: Threat, x: torch.Tensor, y: torch.Tensor) -> Shares:
    rng = torch.Generator().manual_seed(0)
    found = _SCOUT(lab.target, x, y, threat=threat, rng=rng)
    standing = ~is_wrong(lab.logits(found), y)
    proved, crown = torch.zeros_like(standing), torch.zeros_like(standing)
    if threat.certifiable:
        try:
            proved = certify(lab.subject.model, x, y, eps=threat.eps, crown=False).proved
            asked = (standing & ~proved).nonzero().squeeze(1)
            if bool(proved.any()) and len(asked):
                crown[asked] = certify(lab.subject.model, x[asked], y[asked], eps=threat.eps).proved
        except NoCertificate:
            pass  # a network without bounds: every image is searched
    # Half an image more: none of a few says little about ten thousand.
    kinds = ~proved, standing, standing & ~proved & ~crown
    return Shares(*((int(kind.sum()) + 0.5) / (len(x) + 1) for kind in kinds))
