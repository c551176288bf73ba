"""One call of an attack, with the referee's ruling on every proposal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from securemnist.attacks.on_levels import snapped
from securemnist.errors import MeasureError
from securemnist.referee import Ruling, rule
from securemnist.threats import Threat
from securemnist.types import Images, Labels, Progress, silent

if TYPE_CHECKING:
    from securemnist.attacks.base import Attack


def attempt(
    attack: Attack,
    attacked: nn.Module,
    model: nn.Module,
    x: Images,
    y: Labels,
    *,
    threat: Threat,
    rng: torch.Generator,
    progress: Progress = silent,
    pool: Images | None = None,
) -> tuple[Images, Ruling]:
    """Adversarial candidates (n, C, H, W) against `attacked`, each ruled on by the answers of `model`.

    The attack works on copies: an attack that writes into its images or labels changes no ruling.
    `pool`: other images of the data set, for attacks that start from them.
    """
    options = {"pool": pool} if attack.uses_pool else {}
    levels = getattr(model, "levels", None)  # of an endpoint that reads bytes
    within = threat if levels is None else threat.before_rounding(x, 1 / levels)
    proposals = attack.propose(
        attacked, x.clone(), y.clone(), threat=within, rng=rng, progress=progress, **options
    )
    if not isinstance(proposals, torch.Tensor) or proposals.dtype != x.dtype:
        got = getattr(proposals, "dtype", type(proposals).__name__)
        raise MeasureError(
            f"expected proposals of {attack.name} as a tensor of {x.dtype}, got {got}; fix the attack"
        )
    if levels is not None and proposals.shape == x.shape:
        proposals = snapped(x, proposals, threat, levels)
    return proposals, rule(model, x, y, proposals, norm=threat.norm, eps=threat.eps)
