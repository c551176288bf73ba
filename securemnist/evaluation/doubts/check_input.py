"""Case: the number that is doubted: a model, a threat, digits, and the search that failed on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from securemnist._util.hashing import seed_from
from securemnist.attacks.base import BATCH, Attack, Loss, channels_last, gradient
from securemnist.models.loading import Subject
from securemnist.models.predictions import exact, is_wrong
from securemnist.results.intervals import share_interval
from securemnist.threats import Threat
from securemnist.types import Images, Labels, Logits


@dataclass(frozen=True)
class Case:
    """`x` (n, 1, 28, 28) are digits that `model` reads right as `y`; `seed` settles all randomness.

    `model` is what attacks are run against: the subject's, or its logarithm where it answers by
    probabilities.
    """

    subject: Subject
    model: nn.Module
    threat: Threat
    x: Images
    y: Labels
    seed: int = 0

    def rng(self, *parts: object) -> torch.Generator:
        """A generator of its own for each thing that is drawn."""
        whole = ("doubt", self.seed, self.threat.to_json(), *parts)
        return torch.Generator().manual_seed(seed_from(*whole))

    def gradient(self, x: Images, loss: Loss) -> torch.Tensor:
        """The gradient of the loss by the pixels, at images of these digits; zero where there is none."""
        parts = zip(x.split(BATCH), self.y.split(BATCH), strict=True)
        return torch.cat([gradient(self.model, channels_last(a), b, loss)[0] for a, b in parts])

    @torch.no_grad()
    def logits(self, x: Images, batch: int = BATCH) -> Logits:
        """The subject's own answers, as it gives them."""
        return torch.cat(
            [exact(self.subject.model(channels_last(part))) for part in x.split(batch)]
        )

    def wrong(self, x: Images) -> torch.Tensor:
        """Boolean (n,): which images of these digits are read as another class."""
        return is_wrong(self.logits(x), self.y)


@dataclass(frozen=True)
class SearchCase(Case):
    """`x` are digits that survived `attacks`; the survivors are `survived` of the row's digits.

    Where most digits are proved or broken, the few survivors change the number by little. `last_broke`
    is the share of the row's digits that only the last attack broke.
    """

    attacks: Sequence[Attack] = ()
    survived: float = 1.0
    last_broke: float = 0.0

    def matters(self, hits: int, n: int, limit: float) -> bool:
        """Whether `hits` of `n` survivors stand for more than the share `limit` of the row's digits."""
        return exceeds(hits, n, limit / self.survived)


def exceeds(hits: int, n: int, limit: float) -> bool:
    """Whether the share hits / n is above `limit` by its one-sided 99 % bound.

    A handful of digits is no reason to doubt: a sample has to speak.
    """
    return hits > 0 and share_interval(hits, n, confidence=0.98)[0] > limit
