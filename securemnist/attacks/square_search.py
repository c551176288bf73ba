"""Square's search: a query a step, with the squares of its plan.

Where an endpoint rounds its scores, a change is also kept if the loss stays the same. While the loss is
the lowest that rounded scores can say, each step is a new pattern over all pixels, and squares wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch

from securemnist.attacks.active_batch import ActiveBatch
from securemnist.attacks.base import AttackInput
from securemnist.attacks.losses import margins
from securemnist.attacks.reach import Reach, ReachState
from securemnist.attacks.square_changes import SAMPLERS, Sampler
from securemnist.batches import channels_last
from securemnist.models.predictions import exact, is_wrong
from securemnist.types import Images, per_image

# Queries, of 10,000, after which the paper halves p, the fraction of pixels in a square.
_HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
# Of a margin, in logarithms of probabilities.
_TOLERANCE = 1e-6
# Length of the random stream, as a multiple of the number of queries.
_STREAM = 4


@dataclass(frozen=True)
class SquarePlan:
    """The random numbers of a search, and the squares' sizes, by the number of the query.

    `fractions` (queries,), `initial` (n, sampler.initial_draws), and `patterns` (queries,
    sampler.pattern_draws) for a model with a `least` margin, else None. Each image reads the `stream`
    (4 queries, sampler.draws) from an offset of its own, except the columns that all images share.
    So the squares of an image do not depend on the other images.
    """

    queries: int
    sampler: Sampler
    fractions: torch.Tensor
    stream: torch.Tensor
    offsets: torch.Tensor
    initial: torch.Tensor
    patterns: torch.Tensor | None
    least: float | None

    @classmethod
    def drawn(cls, inputs: AttackInput, queries: int, start: float) -> Self:
        """The plan of a search; `start` is the paper's p_init."""
        device, rng = inputs.x.device, inputs.rng
        fractions = square_fractions(queries, start)
        sampler = SAMPLERS[inputs.threat.square](inputs.threat, inputs.x.shape, fractions)
        least: float | None = getattr(inputs.model, "least_margin", None)

        def uniform(rows: int, columns: int) -> torch.Tensor:
            return torch.rand((rows, columns), generator=rng).to(device)

        stream = uniform(_STREAM * queries, sampler.draws)
        offsets = torch.randint(len(stream), (len(inputs.x),), generator=rng).to(device)
        initial = uniform(len(inputs.x), sampler.initial_draws)
        patterns = None if least is None else uniform(queries, sampler.pattern_draws)
        fractions = fractions.to(device)
        return cls(queries, sampler, fractions, stream, offsets, initial, patterns, least)

    def draws(self, indices: torch.Tensor, age: torch.Tensor) -> torch.Tensor:
        """The random numbers (n, sampler.draws) of the query number `age` (n,) of these images."""
        own = self.stream[(self.offsets[indices] + age) % len(self.stream)]
        shared = self.sampler.shared_draws
        own[:, :shared] = self.stream[age, :shared]
        return own

    @property
    def moves_on_ties(self) -> bool:
        """Rounded scores are equal over wide regions, which only steps without gain leave."""
        return self.least is not None


@dataclass
class SquareState(ReachState):
    """`best` is the image with the largest margin loss so far.

    `waited` int64 (n,): first steps, whose answers were the lowest that rounded scores can say.
    """

    best: Images
    waited: torch.Tensor


class SquareSearch(ActiveBatch[SquareState]):
    """The search, with an answer of the model to a whole image for each query."""

    def __init__(self, inputs: AttackInput, plan: SquarePlan, reach: Reach) -> None:
        super().__init__(inputs, rounds=1)
        self.plan, self.reach = plan, reach
        self.saturated = -torch.inf if plan.least is None else plan.least + _TOLERANCE

    def start(self, indices: torch.Tensor) -> SquareState:
        return SquareState(
            **self.begun(indices),
            **self.reach.begun(indices),
            best=self.x[indices],
            waited=torch.zeros_like(indices),
        )

    def step(self, state: SquareState) -> torch.Tensor:
        plan, candidates = self.plan, self._candidates(state)
        logits = exact(self.model(channels_last(candidates)))
        margin = margins(logits, state.label, state.label).float()
        self.record_success(state, candidates, is_wrong(logits, state.label))
        better = (margin > state.margin) | (plan.moves_on_ties & (margin == state.margin))
        state.best = torch.where(per_image(better), candidates, state.best)
        near = self.reach.follow(state, margin)
        state.age = state.age + 1
        if plan.patterns is not None and plan.sampler.pattern_draws:
            waits = state.margin <= self.saturated
            state.waited = torch.where(waits, state.age, state.waited)
        return near & (state.age < plan.queries)

    def _candidates(self, state: SquareState) -> Images:
        """The next image of each row; the first one has a pattern over all pixels."""
        plan, sampler = self.plan, self.plan.sampler
        fractions = plan.fractions[state.age - state.waited]
        draws = plan.draws(state.index, state.age)
        candidates = sampler.change(state.clean, state.best, fractions, draws)
        first = state.age == 0
        if bool(first.any()):
            initial = sampler.initial(state.clean, plan.initial[state.index])
            candidates = torch.where(per_image(first), initial, candidates)
        waits = ~first & (state.waited == state.age)
        if plan.patterns is not None and bool(waits.any()):
            pattern = sampler.pattern(
                state.clean, plan.patterns[(plan.offsets[state.index] + state.age) % plan.queries]
            )
            candidates = torch.where(per_image(waits), pattern, candidates)
        return candidates


def square_fractions(queries: int, start: float) -> torch.Tensor:
    """The fraction of the pixels that the square of each query covers, float32 (queries,)."""
    scaled = torch.arange(queries) * 10_000 // queries
    halvings = (scaled[:, None] > torch.tensor(_HALVINGS)).sum(1)
    return start * 0.5**halvings
