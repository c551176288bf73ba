"""Proposals of groups that share a feature, without a claim that their labels are wrong.

In some directions all images differ much and neighbours little: the smaller of two modes there is one.
In others a class differs more than other classes: both of its modes there are proposals. So are images
whose neighbours have other labels.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from securemnist.backdoor.label_disagreement import DOUBTFUL, covariance
from securemnist.types import Labels

_DIRECTIONS, _DIRECTIONS_OF_CLASS, _MOST_CLASSES = 12, 2, 20
_DOUBTS = (DOUBTFUL, 0.4)
_CLOSEST, _NEAR_COMPONENTS, _PART = 3, 50, 2_000
_RIDGE = 1e-2


def proposals(
    points: torch.Tensor, labels: Labels, disagreement: torch.Tensor
) -> Iterator[torch.Tensor]:
    """Groups that may share a feature, boolean (n,), of points (n, d): principal components.

    `labels` int64 (n,), `disagreement` (n,) in [0, 1]: the share of neighbours with another label.
    """
    local, whole = _covariance(_differences(points)) / 2, _covariance(points)
    for direction in _directions(whole, local, _DIRECTIONS):
        upper = _upper_mode(points @ direction)
        yield upper if upper.float().mean() <= 0.5 else ~upper
    for least in _DOUBTS:
        yield disagreement >= least
    counts = torch.bincount(labels)
    classes = counts.argsort(descending=True)[
        : min(_MOST_CLASSES, int((counts > 1).sum()))
    ].tolist()
    within = {c: _covariance(points[labels == c]) for c in classes}
    for c in classes if len(classes) > 1 else ():
        others = torch.stack([within[d] for d in classes if d != c]).mean(0)
        places = (labels == c).nonzero().squeeze(1)
        for direction in _directions(within[c], others, _DIRECTIONS_OF_CLASS):
            upper = _upper_mode(points[places] @ direction)
            for side in (upper, ~upper):
                group = torch.zeros(len(labels), dtype=torch.bool)
                group[places[side]] = True
                yield group


def _differences(points: torch.Tensor) -> torch.Tensor:
    """Differences between each point (n, d) and its closest ones, (3 n, d)."""
    near, closest = points[:, -_NEAR_COMPONENTS:], []
    for part in torch.arange(len(points)).split(_PART):
        distances = torch.cdist(near[part], near)
        distances[torch.arange(len(part)), part] = torch.inf
        closest.append(distances.topk(min(_CLOSEST, len(points) - 1), largest=False).indices)
    return (points[:, None] - points[torch.cat(closest)]).flatten(0, 1)


def _covariance(points: torch.Tensor) -> torch.Tensor:
    return covariance(points - points.mean(0))


def _directions(large: torch.Tensor, small: torch.Tensor, count: int) -> torch.Tensor:
    """Directions (count, d) in which the first covariance is largest beside the second."""
    floor = _RIDGE * small.diagonal().mean().clamp_min(1e-12)
    root = torch.linalg.cholesky(small + floor * torch.eye(len(small), dtype=small.dtype))
    half = torch.linalg.solve_triangular(root, large, upper=False)
    ratio = torch.linalg.solve_triangular(root, half.T.contiguous(), upper=False)
    vectors = torch.linalg.eigh((ratio + ratio.T) / 2).eigenvectors[:, -count:].flip(1)
    directions: torch.Tensor = torch.linalg.solve_triangular(
        root.T.contiguous(), vectors, upper=True
    )
    return directions.T.float()


def _upper_mode(values: torch.Tensor) -> torch.Tensor:
    """Which of the values (n,) belong to the higher of two means, boolean (n,)."""
    ordered = values.sort().values
    low, high = ordered[len(ordered) // 10], ordered[-1 - len(ordered) // 10]
    upper = values > (low + high) / 2
    for _ in range(50):
        if upper.all() or not upper.any():
            break
        before, upper = upper, values > (values[upper].mean() + values[~upper].mean()) / 2
        if torch.equal(before, upper):
            break
    return upper
