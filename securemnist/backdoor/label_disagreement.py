"""Label disagreement: how many of an image's nearest neighbours have another label.

Small random sets of reference images are used, so that few of them are poisoned: a poisoned image is then
compared with clean images of its content. Wilson 1972 removes images by the same rule.
"""

from __future__ import annotations

import torch

from securemnist.types import Labels

BAGS, NEIGHBOURS = 5, 9
# An image's label is doubtful where this share of neighbours, or more, has another.
DOUBTFUL = 0.6
_PER_CLASS, _MOST_REFERENCES = 60, 12_000
# Of a rare class too, so that its images are not among images of other classes alone.
_LEAST_OF_CLASS = 20
COMPONENTS = 50
_PART = 2_000


def covariance(centred: torch.Tensor) -> torch.Tensor:
    """The covariance float64 (d, d) of features (n, d) with mean 0; decompositions need float64."""
    return (centred.T @ centred / len(centred)).double()


def principal(features: torch.Tensor, components: int) -> torch.Tensor:
    """The first principal components of features (n, d), float32 (n, at most `components`)."""
    centred = features - features.mean(0)
    vectors = torch.linalg.eigh(covariance(centred)).eigenvectors[:, -components:]
    projected: torch.Tensor = centred @ vectors.to(features.dtype)
    return projected


def label_disagreement(features: torch.Tensor, labels: Labels, *, seed: int) -> torch.Tensor:
    """Share of each image's neighbours with another label, in [0, 1], float32 (n,).

    `features` (n, d), `labels` (n,). The neighbours are the nearest 9 in each of 5 random sets of
    about 60 images a class, and 20 of a rare class; an image is no neighbour of itself.
    """
    points, n = principal(features, COMPONENTS), len(labels)
    rng = torch.Generator().manual_seed(seed)
    share = torch.zeros(n)
    for _ in range(BAGS):
        chosen = _references(labels[order := torch.randperm(n, generator=rng)])
        share += disagreement_with(points, labels, torch.arange(n), order[chosen]) / BAGS
    return share


def _references(labels: Labels) -> torch.Tensor:
    """Boolean (n,): the first images of a random order, and the first of each class in it."""
    classes = labels.unique()
    chosen = torch.zeros(len(labels), dtype=torch.bool)
    chosen[: min(_PER_CLASS * len(classes), len(labels) // 2, _MOST_REFERENCES)] = True
    least = min(_LEAST_OF_CLASS, _MOST_REFERENCES // len(classes))
    for c in classes:
        chosen[(labels == c).nonzero().squeeze(1)[:least]] = True
    return chosen


def disagreement_with(
    points: torch.Tensor, labels: Labels, members: torch.Tensor, chosen: torch.Tensor
) -> torch.Tensor:
    """Share of the nearest 9 of the `chosen` images with another label, float32 for each of `members`.

    `points` (n, d), `labels` (n,); `members` and `chosen` are places. No image is its own neighbour.
    """
    shares = []
    for part in members.split(_PART):
        distances = torch.cdist(points[part], points[chosen])
        distances[part[:, None] == chosen[None]] = torch.inf
        nearest = distances.topk(min(NEIGHBOURS, len(chosen)), largest=False).indices
        shares.append((labels[chosen][nearest] != labels[part, None]).float().mean(1))
    return torch.cat(shares)
