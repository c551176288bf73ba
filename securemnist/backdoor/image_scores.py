"""Image scores that inform the reader of a data filter's result and decide nothing.

Each is float32 (n,): spectral signatures (Tran et al. 2018, arXiv 1811.00636), early loss (Li et al.
2021, arXiv 2110.11571), and brightness of corners. Features are (n, d), labels (n,).
"""

from __future__ import annotations

import torch
from torch import nn

from securemnist.data import Samples
from securemnist.types import Labels

_POWER_STEPS = 30
_HIDDEN, _BATCH, _LEARNING_RATE = 64, 128, 2e-3


def spectral_signatures(features: torch.Tensor, labels: Labels) -> torch.Tensor:
    """Squared projections on the first singular vector of each class, over their mean."""
    scores = torch.zeros(len(labels))
    for label in labels.unique():
        places = (labels == label).nonzero().squeeze(1)
        centred = features[places] - features[places].mean(0)
        direction = centred[int(centred.norm(dim=1).argmax())]
        for _ in range(_POWER_STEPS):  # power iteration
            direction = centred.T @ (centred @ direction)
            direction = direction / direction.norm().clamp_min(1e-12)
        squared = (centred @ direction) ** 2
        scores[places] = squared / squared.mean().clamp_min(1e-12)
    return scores


def early_loss(features: torch.Tensor, labels: Labels, *, seed: int) -> torch.Tensor:
    """Cross-entropy of each image, in nats, after one pass of training over all images.

    A network learns a trigger early, so poisoned images have low losses. The network has one hidden
    layer of 64 units; the ascent of the paper's second phase is not needed for a score.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        classes = int(labels.max()) + 1
        model = nn.Sequential(
            nn.Linear(features.shape[1], _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, classes)
        )
        order = torch.randperm(len(labels))
    optimizer = torch.optim.Adam(model.parameters(), lr=_LEARNING_RATE)
    for part in order.split(_BATCH):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(features[part]), labels[part]).backward()
        optimizer.step()
    with torch.no_grad():
        return nn.functional.cross_entropy(model(features), labels, reduction="none")


def corner_brightness(samples: Samples) -> torch.Tensor:
    """The largest deviation of a corner's brightness from that of most images, in [0, 1].

    A corner is a seventh of each side, by channel: a colour cast shows, too.
    """
    height, width = (max(1, side // 7) for side in samples.pixels.shape[2:])
    ends = [
        (rows, columns)
        for rows in (slice(None, height), slice(-height, None))
        for columns in (slice(None, width), slice(-width, None))
    ]
    means = [
        samples.pixels[..., rows, columns].float().mean((2, 3)) / 255 for rows, columns in ends
    ]
    corners = torch.stack(means, 1)
    return (corners - corners.median(0).values).abs().amax((1, 2))
