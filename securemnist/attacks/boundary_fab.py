"""FAB from outside: along the boundary towards the digit, from images that are read as something else.

Where gradients near a digit lead nowhere, a search that starts there finds nothing, however many steps
it makes. Decision-based attacks start on the other side (Brendel et al. 2017, arXiv 1712.04248), and
follow the boundary inwards; with gradients at the boundary this takes few steps (Brendel et al. 2019,
arXiv 1907.01003). Here the steps are those of FAB (arXiv 1907.02044).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import final

import torch

from securemnist import data
from securemnist.attacks.active_batch import Search
from securemnist.attacks.base import Attack, channels_last
from securemnist.attacks.fab import Hunt
from securemnist.attacks.validation import demand_counts, named
from securemnist.models.predictions import is_wrong, predicted
from securemnist.threats import Threat
from securemnist.types import Images, Labels, Model, Progress, silent

# Images to start from: the first training digits of MNIST, whatever data the model is for.
_OUTSIDERS = 500
# The nearest of them that are not read as the digit's class, and how exactly each boundary is found.
_CANDIDATES, _HALVINGS = 16, 7
# Digits whose boundaries are looked for at a time.
_TOGETHER = 32


@final
@dataclass(frozen=True, kw_only=True)
class BoundaryFAB(Attack):
    """`steps` plane steps from each of the `starts` nearest boundary points towards other images.

    What is found outside the budget is not proposed: the digit is returned instead.
    """

    steps: int = 50
    starts: int = 3

    def __post_init__(self) -> None:
        demand_counts(steps=self.steps, starts=self.starts)

    def propose(
        self,
        model: Model,
        x: Images,
        y: Labels,
        *,
        threat: Threat,
        rng: torch.Generator,
        progress: Progress = silent,
    ) -> Images:
        search = Search(model, x, y, threat, rng)
        return _Inwards(self, search, crossings(model, x, y, self.starts)).run(self.name, progress)

    @property
    def name(self) -> str:
        return named("FAB-B", self.steps, self.starts)

    def passes(self) -> float:
        return (self.steps + 1) * self.starts + _CANDIDATES * _HALVINGS / 3


@dataclass(frozen=True)
class Crossings:
    """Of digits: `starts` ways out, the shortest first, each (n, starts).

    The way leads to the image `outsider` and crosses the boundary at a `share` of it; behind it the
    model reads `target`. A digit that no outsider leads away from starts at itself, with a share of 0.
    """

    outsider: torch.Tensor
    share: torch.Tensor
    target: Labels


class _Inwards(Hunt):
    """A turn is one boundary point."""

    def __init__(self, attack: BoundaryFAB, search: Search, ways: Crossings) -> None:
        super().__init__(attack.steps, 1, search, ways.target)
        self.ways = ways

    def open_turn(self) -> None:
        others = outsiders().to(self.x.device)[self.ways.outsider[:, self.turn]]
        self.starts = self.x + _wide(self.ways.share[:, self.turn]) * (others - self.x)


@functools.cache
def outsiders() -> Images:
    """Images that lie outside of most digits' classes, (500, 1, 28, 28)."""
    return data.load().train[:_OUTSIDERS].images()


@torch.no_grad()
def crossings(model: Model, x: Images, y: Labels, starts: int) -> Crossings:
    """Where the lines from digits to images of other classes leave the digits' class."""
    pool = outsiders().to(x.device)
    read = torch.cat([model(channels_last(part)).argmax(1) for part in pool.split(100)])
    parts = [
        _crossings(model, some, labels, pool, read, starts)
        for some, labels in zip(x.split(_TOGETHER), y.split(_TOGETHER), strict=True)
    ]
    return Crossings(*(torch.cat(columns) for columns in zip(*parts, strict=True)))


def _crossings(
    model: Model, x: Images, y: Labels, pool: Images, read: Labels, starts: int
) -> tuple[torch.Tensor, torch.Tensor, Labels]:
    away = torch.cdist(x.flatten(1), pool.flatten(1))
    away = away.masked_fill(read[None] == y[:, None], torch.inf)
    distance, outsider = away.topk(_CANDIDATES, largest=False)
    lead = distance.isfinite()
    clean = x.repeat_interleave(_CANDIDATES, 0)
    line = pool[outsider.flatten()] - clean
    label = y.repeat_interleave(_CANDIDATES)
    inside, outside = torch.zeros_like(distance).flatten(), torch.ones_like(distance).flatten()
    target = read[outsider.flatten()]
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        logits = model(channels_last(clean + _wide(middle) * line))
        seen, out = predicted(logits, label), is_wrong(logits, label)
        outside, inside = torch.where(out, middle, outside), torch.where(out, inside, middle)
        target = torch.where(out, seen, target)
    share = outside.view_as(distance)
    order = (share * distance).masked_fill(~lead, torch.inf).argsort(dim=1, stable=True)
    # More starts than there are ways: the shortest ones again.
    order = order[:, torch.arange(starts, device=x.device) % _CANDIDATES]
    share = torch.where(lead, share, 0.0)
    columns = (outsider, share, target.view_as(outsider))
    first, second, third = (column.gather(1, order) for column in columns)
    return first, second, third


def _wide(numbers: torch.Tensor) -> torch.Tensor:
    return numbers.view(-1, 1, 1, 1)
