"""Shared deviation: a feature that images with doubtful labels have in common.

A linear discriminant (Fisher 1936) separates images with doubtful labels from all others. It is fitted on
one half of the images and scores the other half. Ambiguous images differ each in its own way, so their
scores have one mode. A trigger is the same in every image, so poisoned images form a second mode.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from securemnist.backdoor.label_disagreement import covariance
from securemnist.results.intervals import share_interval

# A group of fewer images is no evidence.
LEAST_GROUP = 10
# The second mode is this many standard deviations from the mean of the first, at least.
LEAST_SEPARATION = 8.0
# Images between the modes, as a share of the group, at most,
MOST_BETWEEN = 0.1
# unless this share of the group has doubtful labels. Groups of clean images had 55 % at most.
MOSTLY_DOUBTFUL = 0.85
# Where neither holds, clean images that resemble the trigger may lie between the modes. Only images above
# this share of the separation are then in the group, and so many of them need doubtful labels.
_CLOSE = 0.85
# Doubtful labels are this many times as frequent in the group as outside of it, at least.
LEAST_RATIO = 2.5
_ROUNDS = 5
# Poisoned images may be few or most of the doubtful ones: quantiles of their scores to start from.
_STARTS = (0.9, 0.97, 0.6, 0.995, 0.998)
RIDGE = 1e-3
# The others may contain poisoned images: this share with the highest scores is left out.
_TRIMMED = 0.1


@dataclass(frozen=True)
class SharedDeviation:
    """The group that shares a feature: `scores` (n,) in standard deviations, `group` boolean (n,).

    `separation` is the median score of the group's doubtful images. `between` is the number of images
    between the modes over that of the group. `doubtful` and `elsewhere` are the shares of doubtful
    labels inside and outside of the group. The group is empty where `reason` says why none was found.
    """

    scores: torch.Tensor
    group: torch.Tensor
    separation: float
    between: float
    doubtful: float
    elsewhere: float
    reason: str


def shared_deviation(
    features: torch.Tensor, doubtful: torch.Tensor, *, seed: int
) -> SharedDeviation:
    """The group of images that share a feature with most of its doubtful labels.

    `features` (n, d), `doubtful` boolean (n,). The first start that finds a group decides.
    """
    found = [_started(features, doubtful, _STARTS[0], seed=seed)]
    for start in _STARTS[1:]:
        if not found[-1].reason:
            break
        found.append(_started(features, doubtful, start, seed=seed))
    return found[0] if found[-1].reason else found[-1]


def _started(
    features: torch.Tensor, doubtful: torch.Tensor, start: float, *, seed: int
) -> SharedDeviation:
    n = len(doubtful)
    fold = torch.randperm(n, generator=torch.Generator().manual_seed(seed)) % 2
    scores, current, others = torch.zeros(n), doubtful, ~doubtful
    middle = 0.0
    for number in range(_ROUNDS):
        if min(int((current & (fold == f)).sum()) for f in (0, 1)) < 2 or others.sum() < n // 4:
            break
        for f in (0, 1):
            inside = fold != f
            scored = discriminant(features, current & inside, others & inside)
            scores[~inside] = scored[~inside]
        found = scores[current].quantile(0.5) if number else scores[doubtful].quantile(start)
        others = ~doubtful & (scores < _quantile(scores[~doubtful], 1 - _TRIMMED))
        if not others.any():  # all scores are the same
            break
        # A score of the trimmed others belongs to no group.
        middle = max(float(found) / 2, float(scores[others].max()))
        before, current = current, doubtful & (scores > middle)
        if number and torch.equal(before, current):
            break
    return _tested(scores, doubtful, scores > middle)


def _tested(scores: torch.Tensor, doubtful: torch.Tensor, group: torch.Tensor) -> SharedDeviation:
    separation = float(scores[group & doubtful].median()) if (group & doubtful).any() else 0.0
    # The cut of the last round may still lie in the first mode.
    group = group & (scores > separation / 2)
    between = between_modes(scores, separation) / max(int(group.sum()), 1)
    if between > MOST_BETWEEN and _least_doubtful(group, doubtful) < MOSTLY_DOUBTFUL:
        group = group & (scores > _CLOSE * separation)
    size, seeds = int(group.sum()), int((group & doubtful).sum())
    elsewhere = int((doubtful & ~group).sum()) / max(len(doubtful) - size, 1)
    low = _least_doubtful(group, doubtful)
    reason = ""
    if min(size, seeds) < LEAST_GROUP // 2 or size < LEAST_GROUP:
        reason = f"only {size} images share a feature, {seeds} of them with a doubtful label"
    elif separation < LEAST_SEPARATION or (between > MOST_BETWEEN and low < MOSTLY_DOUBTFUL):
        reason = "the scores have one mode"
    elif low < LEAST_RATIO * elsewhere:
        reason = "labels are no more doubtful in the group than elsewhere"
    return SharedDeviation(
        scores=scores,
        group=torch.zeros_like(group) if reason else group,
        separation=separation,
        between=between,
        doubtful=seeds / max(size, 1),
        elsewhere=elsewhere,
        reason=reason,
    )


def between_modes(scores: torch.Tensor, separation: float) -> int:
    """The number of scores between a mode at 0 and one at `separation`."""
    return int(((scores > 0.35 * separation) & (scores < 0.65 * separation)).sum())


def _least_doubtful(group: torch.Tensor, doubtful: torch.Tensor) -> float:
    """The lower bound of the group's share of doubtful labels; 0 for an empty group."""
    size = int(group.sum())
    if not size:
        return 0.0
    return share_interval(int((group & doubtful).sum()), size, confidence=0.999)[0]


def discriminant(
    features: torch.Tensor, inside: torch.Tensor, others: torch.Tensor
) -> torch.Tensor:
    """Scores (n,) with mean 0 and standard deviation 1 over the others."""
    outside = features[others]
    mean = outside.mean(0)
    ridged = covariance(outside - mean)
    floor = RIDGE * ridged.diagonal().mean().clamp_min(1e-12)
    ridged.diagonal().add_(floor)
    direction = torch.linalg.solve(ridged, (features[inside].mean(0) - mean).double())
    scale = (direction @ ridged @ direction).sqrt().clamp_min(1e-12)
    scored: torch.Tensor = (features - mean) @ (direction / scale).to(features.dtype)
    return scored


def _quantile(values: torch.Tensor, share: float) -> torch.Tensor:
    """The quantile of any number of values; `torch.quantile` takes 16 million at most."""
    return values.kthvalue(max(1, round(share * len(values)))).values
