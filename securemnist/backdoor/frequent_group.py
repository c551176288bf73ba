"""Frequent group: a feature that many images share, with labels that contradict the rest of the image.

Where a tenth of the images or more is poisoned, the neighbours of a poisoned image are poisoned, too, and
its label agrees with theirs. So groups are proposed without their labels: two modes within a class, and
directions in which images differ and neighbours do not. A linear discriminant (Fisher 1936) then finds
all images of a group. It counts where they are a second mode, and where the nearest images *outside* of
the group have other labels. They are other ones 2.5 times as often as for images outside, at least.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from securemnist.backdoor.crossed_scores import Scores, halves, of_many_groups, of_one_group
from securemnist.backdoor.group_proposals import proposals
from securemnist.backdoor.label_disagreement import DOUBTFUL, principal
from securemnist.backdoor.shared_deviation import (
    LEAST_RATIO,
    LEAST_SEPARATION,
    MOST_BETWEEN,
    SharedDeviation,
    between_modes,
    discriminant,
)
from securemnist.backdoor.wrong_labels import wrong_labels
from securemnist.types import Labels

# The group has this share of the images, at least and at most. A fifth of one class of many is little.
LEAST_SHARE, MOST_SHARE = 0.005, 0.5
# Share of labels that the nearest images outside of the group do not have, over that of a random set of
# images which all get one label: that is 1 - 1 / K of K classes.
LEAST_WRONG = 0.75
# Nearest images outside decide for a label only where so many of them have it.
_LEAST_OF_LABEL = 20
_LEAST_IMAGES = 100
# Groups are proposed on a part of the images, in their first principal components. A faint feature has
# little variance: it is looked for in a component for each 8 images, where the first do not show one.
_MOST_IMAGES, _COMPONENTS, _NEAR_COMPONENTS, _IMAGES_A_COMPONENT = 6_000, 150, 50, 8
_ROUNDS = 5


@dataclass(frozen=True)
class _Candidate:
    scores: torch.Tensor
    group: torch.Tensor
    separation: float
    between: float
    wrong: float
    accepted: bool


def frequent_group(
    features: torch.Tensor, labels: Labels, disagreement: torch.Tensor, *, seed: int
) -> SharedDeviation:
    """The group of many images that share a feature and have wrong labels; empty with a reason.

    `features` (n, d), `labels` int64 (n,), `disagreement` (n,) in [0, 1]: the share of neighbours
    with another label. `doubtful` of the result counts neighbours outside of the group alone.
    """
    if len(labels) < _LEAST_IMAGES or len(labels.unique()) < 2:
        return _none(len(labels), f"fewer than {_LEAST_IMAGES} images of two classes")
    rng = torch.Generator().manual_seed(seed)
    part = torch.randperm(len(labels), generator=rng)[:_MOST_IMAGES]
    half = halves(len(part), seed=seed)
    points = principal(features[part], max(_COMPONENTS, len(part) // _IMAGES_A_COMPONENT))
    few = points[:, -_COMPONENTS:]
    starts = list(proposals(few, labels[part], disagreement[part]))
    best = _best(few, starts, labels[part], half, of_one_group(few, half), seed)
    if best is None and points.shape[1] > few.shape[1]:
        best = _best(points, starts, labels[part], half, of_many_groups(points, half), seed)
    if best is None:
        return _none(len(labels), "no second mode has labels that contradict the images")
    inside, others = (torch.zeros(len(labels), dtype=torch.bool) for _ in range(2))
    inside[part[best.group]] = True
    others[part[~best.group]] = True
    scores = discriminant(features, inside, others)
    half = halves(len(labels), seed=seed)
    start = scores > scores[inside].median() / 2
    whole = _grown(features, start, labels, half, of_one_group(features, half), seed)
    if not whole.accepted:
        return _none(len(labels), "a group of a part of the images is none of all")
    doubtful = disagreement >= DOUBTFUL
    return SharedDeviation(
        scores=whole.scores,
        group=whole.group,
        separation=whole.separation,
        between=whole.between,
        doubtful=whole.wrong,
        elsewhere=float(doubtful[~whole.group].float().mean()),
        reason="",
    )


def _none(n: int, reason: str) -> SharedDeviation:
    empty = torch.zeros(n, dtype=torch.bool)
    return SharedDeviation(torch.zeros(n), empty, 0.0, 0.0, 0.0, 0.0, reason)


def _best(
    points: torch.Tensor,
    starts: Sequence[torch.Tensor],
    labels: Labels,
    half: torch.Tensor,
    scores_of: Scores,
    seed: int,
) -> _Candidate | None:
    """The accepted group with most wrong labels, of those that grow from the proposals."""
    grown = (_grown(points, start, labels, half, scores_of, seed) for start in starts)
    return max((one for one in grown if one.accepted), key=lambda one: one.wrong, default=None)


def _grown(
    features: torch.Tensor,
    group: torch.Tensor,
    labels: Labels,
    half: torch.Tensor,
    scores_of: Scores,
    seed: int,
) -> _Candidate:
    """All images that share the feature of a group, which is fitted on one half for the other."""
    n = len(group)
    scores, separation = torch.zeros(n), 0.0
    for _ in range(_ROUNDS):
        if min(int((group & (half == k)).sum()) for k in (0, 1)) < 2 or (~group).sum() < n // 3:
            break
        scores = scores_of(group)
        separation = float(scores[group].median())
        before, group = group, scores > separation / 2
        if torch.equal(before, group):
            break
    size, classes = int(group.sum()), len(labels.unique())
    between = between_modes(scores, separation) / max(size, 1)
    frequent = LEAST_SHARE * n <= size <= MOST_SHARE * n
    if not (frequent and separation >= LEAST_SEPARATION and between <= MOST_BETWEEN):
        return _Candidate(scores, group, separation, between, 0.0, accepted=False)
    points = principal(features, _NEAR_COMPONENTS)
    wrong, elsewhere = (
        wrong_labels(points, labels, part, ~group, seed=seed, least_of_label=_LEAST_OF_LABEL)
        for part in (group, ~group)
    )
    # Features that say little about the labels contradict those of all images.
    accepted = wrong >= max(LEAST_WRONG * (1 - 1 / classes), LEAST_RATIO * elsewhere)
    return _Candidate(scores, group, separation, between, wrong, accepted)
