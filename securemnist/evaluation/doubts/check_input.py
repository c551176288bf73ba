"""Inputs of a check: the model, the threat, images, and the search that failed on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import nn

from securemnist._util.random_numbers import generator
from securemnist.attacks.base import BATCH, Attack
from securemnist.attacks.losses import answers, cross_entropies, loss_and_gradient
from securemnist.batches import batch_size
from securemnist.evaluation.calibration import Limits
from securemnist.models.loading import Subject
from securemnist.models.predictions import is_wrong
from securemnist.results.intervals import share_interval
from securemnist.threats import Linf, Threat
from securemnist.types import Images, Labels, Logits


@dataclass(frozen=True)
class Case:
    """Images `x` (n, C, H, W) that `model` classifies right as `y`; `seed` fixes all randomness.

    Attacks run against `model`: the subject's model, or the logarithm of its probabilities. `limits`:
    those of the data.
    """

    subject: Subject
    model: nn.Module
    threat: Threat
    x: Images
    y: Labels
    seed: int = 0
    limits: Limits = field(default_factory=Limits, kw_only=True)

    @property
    def dense_threat(self) -> Threat:
        """The threat, or L-infinity 0.1 for one whose perturbations are sparse.

        Gradients are checked there. Near images with flat black areas the derivative of an honest network
        jumps more often, and limits were set where most pixels change.
        """
        return self.threat if self.threat.form == "ball" and not self.threat.sparse else Linf(0.1)

    def rng(self, *parts: object) -> torch.Generator:
        """A random generator of its own for each purpose, named by `parts`."""
        return generator("doubt", self.seed, self.threat.to_json(), *parts)

    def limit(self, doubt: str, bundled: float) -> float:
        """The limit of a doubt: that of MNIST, `bundled`, times the factor of these data."""
        return bundled * self.limits.factors.get(doubt, 1.0)

    def gradient(self, x: Images) -> torch.Tensor:
        """Gradient of cross-entropy by the pixels, at perturbed versions of these images."""
        size = batch_size(x, BATCH)
        parts = zip(x.split(size), self.y.split(size), strict=True)
        gradients = [loss_and_gradient(self.model, *part, cross_entropies)[1] for part in parts]
        return torch.cat(gradients)

    def logits(self, x: Images, batch: int = BATCH) -> Logits:
        """The subject's own logits (n, K)."""
        return answers(self.subject.model, x, batch)

    def wrong(self, x: Images) -> torch.Tensor:
        """Boolean (n,): perturbed versions of these images that are misclassified."""
        return is_wrong(self.logits(x), self.y)


@dataclass(frozen=True)
class SearchCase(Case):
    """Images that survived `attacks`, which are the share `survived` of the row's images.

    Few survivors change the number by little. `last_broke` is the share of the row's images that only
    the last attack broke. `pool`: other images of the data set. `transfer`: the
    bundled reference models are models of this data set.
    """

    attacks: Sequence[Attack] = ()
    pool: Images | None = None
    transfer: bool = True
    survived: float = 1.0
    last_broke: float = 0.0

    def matters(self, hits: int, n: int, limit: float) -> bool:
        """Whether `hits` of `n` survivors stand for more than the share `limit` of the row's images."""
        return exceeds(hits, n, limit / self.survived)


def exceeds(hits: int, n: int, limit: float) -> bool:
    """Whether the share hits / n is above `limit` by its one-sided 99 % bound.

    A few images alone are no reason for a doubt.
    """
    return hits > 0 and share_interval(hits, n, confidence=0.98)[0] > limit
