"""Binarization test: planted adversarial examples that the row's attack has to find.

After Zimmermann et al. 2022 (arXiv 2206.13991). Around each image, a linear rule on the logits
separates one point of the ball's surface from the rest of the ball. The paper reads hidden
features; logits include any defence between pixels and output. The rule is Fisher's discriminant,
not trained.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import nn

from securemnist.attacks.losses import answers
from securemnist.evaluation.calibration import Limits
from securemnist.evaluation.doubts.check_input import SearchCase
from securemnist.evaluation.doubts.rerun import shortened, surviving_after
from securemnist.results.evidence.attack import Sensitivity
from securemnist.results.findings import Doubt
from securemnist.types import Images, Logits

PLANTED, INSIDE, SURFACE = 64, 30, 8
SHARE = 0.95
# Smallest relative gap between the planted point and the inner points; less could be rounding.
_MIN_GAP = 0.05
_RIDGE = 0.1


def sensitivity(case: SearchCase) -> Sensitivity:
    """Plant an example for at most 64 images, and run the row's attack on them."""
    if not len(case.x):  # the model classifies no image correctly
        return Sensitivity(0, 0)
    threat = case.threat.for_planting(case.x)
    case = dataclasses.replace(case, threat=threat)
    # Attacks from other libraries may take a second an image.
    count = PLANTED if all(attack.keeps_budget for attack in case.attacks) else PLANTED // 4
    model, x = plant(case, count, case.rng("planted"))
    if not len(x):
        return Sensitivity(0, 0)
    labels = torch.zeros(len(x), dtype=torch.long, device=x.device)
    runs = shortened(case.attacks, case.rng("look for planted"), threat)
    missed = surviving_after(runs, model, x, labels, threat, judge=model, pool=case.pool)
    return Sensitivity(int((~missed).sum()), len(x))


def planted_examples(result: Sensitivity, limits: Limits) -> Doubt | None:
    """The attack finds fewer than 95 % of the planted examples."""
    factor = limits.factors.get("planted examples", 1.0)
    if result.found >= (SHARE - (factor - 1) * (1 - SHARE)) * result.planted:
        return None
    return Doubt(
        name="planted examples",
        reason=f"the attack found {result.found} of {result.planted} planted adversarial examples",
        advice="The attack misses adversarial examples that exist: give it more steps, another "
        "loss, or attack without the part of the model that hides gradients.",
    )


@torch.no_grad()
def plant(case: SearchCase, count: int, rng: torch.Generator) -> tuple[PlantedModel, Images]:
    """A two-class model with one planted example an image, and the images for which that worked."""
    x, threat = case.x[:count], case.threat
    inner_points = [x, *(threat.random_start(x, rng) for _ in range(INSIDE))]
    noise = (torch.randn(x.shape, generator=rng).to(x.device) for _ in range(SURFACE))
    surface_points = [threat.project(x, x + threat.step(x, step, threat.eps)) for step in noise]
    inner_logits = _stacked(case.model, inner_points)
    outer_logits = _stacked(case.model, surface_points)
    center = inner_logits.mean(1, keepdim=True)
    # Scaled by the spread of the logits, so that small logits work as well as large ones.
    scale = (inner_logits - center).abs().amax((1, 2), keepdim=True).clamp_min(1e-300)
    inner_logits, outer_logits = (inner_logits - center) / scale, (outer_logits - center) / scale
    # One rule for each point of the surface, (n, s, K); the one of the largest gap is used.
    rules = _discriminants(inner_logits, outer_logits)
    outer_score = (rules * outer_logits).sum(2)
    inner_score = (rules @ inner_logits.transpose(1, 2)).amax(2)
    gap = (outer_score - inner_score) / outer_score.clamp_min(1e-12)
    best = gap.argmax(1)
    rows = torch.arange(len(x), device=x.device)
    separable = gap[rows, best] > _MIN_GAP
    top, bottom = outer_score[rows, best], inner_score[rows, best]
    weights = rules[rows, best] / (top - bottom)[:, None] / scale[:, 0]
    bias = (weights * center[:, 0]).sum(1) + (top + bottom) / (2 * (top - bottom))
    return PlantedModel(case.model, x[separable], weights[separable], bias[separable]), x[separable]


def _discriminants(inner: Logits, outer: Logits) -> torch.Tensor:
    """Fisher's discriminant (n, s, K) of each outer point (n, s, K): C^-1 times the point.

    C is the covariance A' A / m of the inner points A (n, m, K), with a ridge r. For K above m the
    inverse has its dual form: (C + r)^-1 = (1 - A' (A A' / m + r)^-1 A / m) / r, of size m instead of K.
    """
    points, classes = inner.shape[1:]
    rules: torch.Tensor
    if classes <= points:
        covariance = inner.transpose(1, 2) @ inner / points
        ridge = _RIDGE * covariance.diagonal(dim1=1, dim2=2).mean(1).clamp_min(1e-12)
        rules = torch.linalg.solve(_ridged(covariance, ridge), outer.transpose(1, 2))
        rules = rules.transpose(1, 2)
    else:
        ridge = _RIDGE * inner.square().mean((1, 2)).clamp_min(1e-12)
        products = inner @ inner.transpose(1, 2) / points
        inside = torch.linalg.solve(
            _ridged(products, ridge), inner @ outer.transpose(1, 2) / points
        )
        rules = (outer - inside.transpose(1, 2) @ inner) / ridge[:, None, None]
    return rules


def _ridged(matrices: torch.Tensor, ridge: torch.Tensor) -> torch.Tensor:
    eye = torch.eye(matrices.shape[1], dtype=matrices.dtype, device=matrices.device)
    return matrices + ridge[:, None, None] * eye


class PlantedModel(nn.Module):
    """Class 1 where the rule of the nearest clean image exceeds its threshold, else class 0."""

    def __init__(
        self, model: nn.Module, images: Images, weights: torch.Tensor, bias: torch.Tensor
    ) -> None:
        super().__init__()
        self.model, self.images = model, images.flatten(1)
        self.weights, self.bias = weights, bias

    def forward(self, x: Images) -> Logits:
        with torch.no_grad():
            nearest = torch.cdist(x.flatten(1), self.images).argmin(1)
        logits = self.model(x)
        score = (logits.double() * self.weights[nearest]).sum(1) - self.bias[nearest]
        low = (-10 - score.detach().abs())[:, None].expand(-1, logits.shape[1] - 2)
        return torch.cat([-score[:, None], score[:, None], low], 1)


def _stacked(model: nn.Module, points: Sequence[Images]) -> Logits:
    """Logits float64 (n, p, K) of p points around each image."""
    return torch.stack([answers(model, each).double() for each in points], 1)
