"""Square: random search by squares, without gradients (Andriushchenko et al. 2020, arXiv 1912.00049).

One query a step: a square of the image is changed at random and kept if the margin shrinks. The
squares get smaller by the paper's schedule, rescaled to the number of queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch

from securemnist.attacks.active_batch import Relay, Search, Seats
from securemnist.attacks.base import Attack, channels_last
from securemnist.attacks.losses import margins
from securemnist.attacks.square_changes import PROPOSALS
from securemnist.attacks.validation import demand_counts, demand_shares
from securemnist.models.predictions import exact, is_wrong
from securemnist.threats import Threat
from securemnist.types import Images, Labels, Model, Progress, silent

# Queries of 10,000 after which the share of pixels that a square covers is halved.
_HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
# A query forward only, beside a pass forward and back; measured on network A.
_QUERY_PASSES = 0.45
_STREAM = 4


@final
@dataclass(frozen=True, kw_only=True)
class Square(Attack):
    """At most `queries` queries a digit; the first squares cover the share `start` of the pixels."""

    queries: int = 5000
    start: float = 0.8

    def __post_init__(self) -> None:
        demand_counts(queries=self.queries)
        demand_shares(start=self.start)

    def __call__(
        self,
        model: Model,
        x: Images,
        y: Labels,
        *,
        threat: Threat,
        rng: torch.Generator,
        progress: Progress = silent,
    ) -> Images:
        with torch.no_grad():
            return _Guess(self, Search(model, x, y, threat, rng)).run(self.name, progress)

    @property
    def name(self) -> str:
        return f"Square-{self.queries}"

    def passes(self) -> float:
        return self.queries * _QUERY_PASSES


@dataclass
class _Guessers(Seats):
    point: Images
    margin: torch.Tensor
    offset: torch.Tensor


class _Guess(Relay[_Guessers]):
    """Random numbers come from one stream, which every digit reads from an offset of its own.

    So a digit's squares do not depend on who else is in the batch, and no step draws numbers.
    """

    def __init__(self, attack: Square, search: Search) -> None:
        super().__init__(search, 1)
        device, rng = self.x.device, self.rng
        self.queries = attack.queries
        self.proposal = PROPOSALS[self.threat.square](self.threat)
        self.shares = shares(attack.queries, attack.start).to(device)
        length = _STREAM * attack.queries
        self.stream = torch.rand((length, self.proposal.draws), generator=rng).to(device)
        self.offsets = torch.randint(length, (len(self.x),), generator=rng).to(device)
        self.first = torch.rand((len(self.x), 28), generator=rng).to(device)

    def enter(self, digits: torch.Tensor) -> _Guessers:
        return _Guessers(
            digit=digits,
            age=torch.zeros_like(digits),
            clean=self.x[digits],
            label=self.y[digits],
            point=self.x[digits],
            margin=torch.full(digits.shape, -torch.inf, device=digits.device),
            offset=self.offsets[digits],
        )

    def step(self, seats: _Guessers) -> torch.Tensor:
        tried = self._propose(seats)
        logits = exact(self.model(channels_last(tried)))
        margin = margins(logits, seats.label, seats.label).float()
        self.fall(seats, tried, is_wrong(logits, seats.label))
        better = margin > seats.margin
        seats.point = torch.where(better.view(-1, 1, 1, 1), tried, seats.point)
        seats.margin = torch.maximum(margin, seats.margin)
        seats.age = seats.age + 1
        return seats.age < self.queries

    def _propose(self, seats: _Guessers) -> Images:
        """The next image of each digit; the first is a pattern over the whole of it."""
        draws = self.stream[(seats.offset + seats.age) % len(self.stream)]
        tried = self.proposal.change(seats.clean, seats.point, self.shares[seats.age], draws)
        fresh = seats.age == 0
        if bool(fresh.any()):
            begun = self.proposal.begin(seats.clean, self.first[seats.digit])
            tried = torch.where(fresh.view(-1, 1, 1, 1), begun, tried)
        return tried


def shares(queries: int, start: float) -> torch.Tensor:
    """Share of the pixels that the square of each query covers, (queries,)."""
    scaled = torch.arange(queries) * 10_000 // queries
    halvings = (scaled[:, None] > torch.tensor(_HALVINGS)).sum(1)
    return start * 0.5**halvings
