"""Crossed scores: a linear discriminant is fitted on one half of the images and scores the other.

For one group the covariance is that of the images outside of it. For many groups of the same images it is
that of all images of a half, decomposed once. Wrong members of a group then weaken its direction.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from securemnist.backdoor.label_disagreement import covariance
from securemnist.backdoor.shared_deviation import RIDGE, discriminant

# Scores (n,) of a group, boolean (n,): the others of the half that was fitted have standard deviation 1.
Scores = Callable[[torch.Tensor], torch.Tensor]


def halves(n: int, *, seed: int) -> torch.Tensor:
    """The half of each image, int64 (n,), 0 or 1."""
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed)) % 2


def of_one_group(features: torch.Tensor, half: torch.Tensor) -> Scores:
    """Scores by features (n, d), of which each fit decomposes a covariance."""

    def scores(group: torch.Tensor) -> torch.Tensor:
        found = torch.zeros(len(group))
        for fitted in (half == 0, half == 1):
            scored = discriminant(features, group & fitted, ~group & fitted)
            found[~fitted] = scored[~fitted]
        return found

    return scores


def of_many_groups(features: torch.Tensor, half: torch.Tensor) -> Scores:
    """Scores by features (n, d), quick for each further group."""
    parts = [features[half == k] for k in (0, 1)]
    factors = [_factor(part) for part in parts]

    def scores(group: torch.Tensor) -> torch.Tensor:
        found = torch.zeros(len(group))
        for k, (part, factor) in enumerate(zip(parts, factors, strict=True)):
            inside = group[half == k].to(part.dtype)
            size, total = inside.sum(), part.sum(0)
            within = inside @ part
            mean = (total - within) / (len(part) - size)
            change = (within / size - mean).double()
            direction = torch.cholesky_solve(change[:, None], factor).squeeze(1).to(part.dtype)
            scale = (part @ direction)[inside == 0].std().clamp_min(1e-12)
            found[half != k] = (parts[1 - k] @ direction - mean @ direction) / scale
        return found

    return scores


def _factor(part: torch.Tensor) -> torch.Tensor:
    """The Cholesky factor float64 (d, d) of the covariance of features (n, d)."""
    ridged = covariance(part - part.mean(0))
    ridged.diagonal().add_(RIDGE * ridged.diagonal().mean().clamp_min(1e-12))
    factor: torch.Tensor = torch.linalg.cholesky(ridged)
    return factor
