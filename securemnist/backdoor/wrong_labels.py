"""Wrong labels of a group: those that its nearest images *outside* of the group do not have."""

from __future__ import annotations

import torch

from securemnist.backdoor.label_disagreement import (
    BAGS,
    COMPONENTS,
    DOUBTFUL,
    disagreement_with,
    principal,
)
from securemnist.results.intervals import share_interval
from securemnist.types import Labels

_PER_CLASS = 60


def wrong_labels(
    points: torch.Tensor,
    labels: Labels,
    part: torch.Tensor,
    others: torch.Tensor,
    *,
    seed: int,
    least_of_label: int = 0,
) -> float:
    """The lower bound of the share of labels of `part` that its nearest images of `others` lack.

    `points` (n, d), `labels` int64 (n,), `part` and `others` boolean (n,). A label counts as right where
    fewer than `least_of_label` of the others have it.
    """
    rng = torch.Generator().manual_seed(seed)
    members, outside = part.nonzero().squeeze(1), others.nonzero().squeeze(1)
    disagreement = torch.zeros(len(members))
    for _ in range(BAGS):
        drawn = outside[torch.randperm(len(outside), generator=rng)]
        chosen = torch.cat([drawn[labels[drawn] == c][:_PER_CLASS] for c in labels.unique()])
        disagreement += disagreement_with(points, labels, members, chosen) / BAGS
    known = torch.bincount(labels[outside], minlength=int(labels.max()) + 1) >= least_of_label
    wrong = (disagreement >= DOUBTFUL) & known[labels[members]]
    return share_interval(int(wrong.sum()), len(members), confidence=0.999)[0]


def wrong_without_feature(
    pixels: torch.Tensor, labels: Labels, group: torch.Tensor, *, seed: int
) -> float:
    """As `wrong_labels`, once the mean of the group is that of the other images.

    A frame around an image makes it resemble other framed images, of any class, and not its own class.
    Without the frame it resembles its class; a poisoned image without its trigger does not.
    """
    moved = pixels.clone()
    moved[group] += pixels[~group].mean(0) - pixels[group].mean(0)
    return wrong_labels(principal(moved, COMPONENTS), labels, group, ~group, seed=seed)
