"""Square: random search without gradients (Andriushchenko et al. 2020, arXiv 1912.00049).

Each step is one query: a random square of the image is changed, and the change is kept if it
increases the margin loss. Squares shrink by the paper's schedule, rescaled to the number of queries.
Images out of reach leave early (`reach`). Where an endpoint rounds its scores, a change is also kept if
the loss stays the same. While the loss is the lowest that rounded scores can say, each step is a new
pattern over all pixels, and squares wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch

from securemnist.attacks.active_batch import ActiveBatch, QueryAttack
from securemnist.attacks.base import AttackInput, channels_last, check_setting
from securemnist.attacks.losses import margins
from securemnist.attacks.reach import Reach, ReachState
from securemnist.attacks.square_changes import SAMPLERS
from securemnist.attacks.validation import check_shares
from securemnist.models.predictions import exact, is_wrong
from securemnist.types import Images, per_image

# Queries, of 10,000, after which the paper halves p, the fraction of pixels in a square.
_HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
# Of a margin, in logarithms of probabilities.
_TOLERANCE = 1e-6
# Length of the random stream, as a multiple of the number of queries.
_STREAM = 4


@final
@dataclass(frozen=True, kw_only=True)
class Square(QueryAttack):
    """Random search by squares, without gradients (Andriushchenko et al., arXiv 1912.00049).

    At most `queries` queries per sample; `start` in (0, 1] is the paper's p_init. `whole`: images out of
    reach are not left early.
    """

    forms: ClassVar[tuple[str, ...]] = ("ball",)
    queries: int = 5000
    start: float = 0.8
    whole: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_shares(start=self.start)
        check_setting(type(self.whole) is bool, "whole", "as true or false", self.whole)

    def _search(self, inputs: AttackInput) -> _Search:
        return _Search(self, inputs)

    def to_json(self) -> dict[str, Any]:
        """The attack as in a policy; `whole` only where it is set, so that seeds stay what they were."""
        settings = super().to_json()
        return settings if self.whole else {k: v for k, v in settings.items() if k != "whole"}


@dataclass
class _State(ReachState):
    """`best` is the image with the largest margin loss so far.

    `waited` int64 (n,): first steps, whose answers were the lowest that rounded scores can say.
    """

    best: Images
    offset: torch.Tensor
    waited: torch.Tensor


class _Search(ActiveBatch[_State]):
    """Random numbers come from one stream, which each sample reads from an offset of its own.

    So the squares of a sample do not depend on the other samples in the batch.
    """

    def __init__(self, attack: Square, inputs: AttackInput) -> None:
        super().__init__(inputs, rounds=1)
        device, rng = self.x.device, self.rng
        self.queries = attack.queries
        # Rounded answers are equal over wide regions, which only steps without gain leave.
        least: float | None = getattr(inputs.model, "least_margin", None)
        self.moves_on_ties = least is not None
        # Rounded scores are flat until a first signal, and the squares begin with it.
        self.reach = Reach(attack.queries, whole=attack.whole or self.moves_on_ties)
        fractions = square_fractions(attack.queries, attack.start)
        self.sampler = SAMPLERS[self.threat.square](self.threat, self.x.shape, fractions)
        self.fractions = fractions.to(device)
        length = _STREAM * attack.queries
        self.stream = torch.rand((length, self.sampler.draws), generator=rng).to(device)
        self.offsets = torch.randint(length, (len(self.x),), generator=rng).to(device)
        self.initial_draws = torch.rand(
            (len(self.x), self.sampler.initial_draws), generator=rng
        ).to(device)
        self.saturated = -torch.inf if least is None else least + _TOLERANCE
        if least is not None:
            size = (attack.queries, self.sampler.pattern_draws)
            self.patterns = torch.rand(size, generator=rng).to(device)

    def start(self, indices: torch.Tensor) -> _State:
        return _State(
            **self.begun(indices),
            **self.reach.begun(indices),
            best=self.x[indices],
            offset=self.offsets[indices],
            waited=torch.zeros_like(indices),
        )

    def step(self, state: _State) -> torch.Tensor:
        candidates = self._candidates(state)
        logits = exact(self.model(channels_last(candidates)))
        margin = margins(logits, state.label, state.label).float()
        self.record_success(state, candidates, is_wrong(logits, state.label))
        better = (margin > state.margin) | (self.moves_on_ties & (margin == state.margin))
        state.best = torch.where(per_image(better), candidates, state.best)
        near = self.reach.follow(state, margin)
        state.age = state.age + 1
        if self.moves_on_ties and self.sampler.pattern_draws:
            waits = state.margin <= self.saturated
            state.waited = torch.where(waits, state.age, state.waited)
        return near & (state.age < self.queries)

    def _candidates(self, state: _State) -> Images:
        """The next image of each row; the first one has a pattern over all pixels."""
        place = (state.offset + state.age) % len(self.stream)
        draws, fractions = self.stream[place], self.fractions[state.age - state.waited]
        candidates = self.sampler.change(state.clean, state.best, fractions, draws)
        first = state.age == 0
        if bool(first.any()):
            initial = self.sampler.initial(state.clean, self.initial_draws[state.index])
            candidates = torch.where(per_image(first), initial, candidates)
        waits = ~first & (state.waited == state.age)
        if bool(waits.any()):
            pattern = self.sampler.pattern(state.clean, self.patterns[place % self.queries])
            candidates = torch.where(per_image(waits), pattern, candidates)
        return candidates


def square_fractions(queries: int, start: float) -> torch.Tensor:
    """The fraction of the pixels that the square of each query covers, float32 (queries,)."""
    scaled = torch.arange(queries) * 10_000 // queries
    halvings = (scaled[:, None] > torch.tensor(_HALVINGS)).sum(1)
    return start * 0.5**halvings
