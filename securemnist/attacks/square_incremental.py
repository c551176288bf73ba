"""Square's search where a query computes only what its square changes.

After a fifth of the queries a square covers 1 % of an image. The part of the activations that depends on
it is computed again, and the rest is kept from the query before (`securemnist.incremental`). The squares
are those of `square_search`. The model itself confirms each success.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import torch
from torch import nn

from securemnist.attacks.base import AttackInput
from securemnist.attacks.losses import margins
from securemnist.attacks.reach import Reach
from securemnist.attacks.square_changes import LinfSampler
from securemnist.attacks.square_search import SquarePlan, SquareSearch, SquareState
from securemnist.batches import channels_last
from securemnist.incremental import IncrementalForward, Rectangle
from securemnist.models.predictions import exact, is_wrong
from securemnist.types import Images, Progress

# Searches of fewer queries in all do not repay the time to read the model's graph.
_FEWEST = 20_000
# Images on which graph and model are compared.
_COMPARED = 8
# Queries after which all activations are computed anew: rounding errors of linear layers add up.
_RENEWED = 500
# Share of images that have left, from which on the others are gathered.
_LEFT = 0.125


def incremental_search(inputs: AttackInput, plan: SquarePlan, reach: Reach) -> SquareSearch | None:
    """The search for a model with local operations in L-infinity; None where the whole one is needed."""
    sampler, model = plan.sampler, inputs.model
    if not isinstance(sampler, LinfSampler) or plan.moves_on_ties:
        return None
    if not isinstance(model, nn.Module) or plan.queries * len(inputs.x) < _FEWEST:
        return None
    forward = IncrementalForward.of(model, channels_last(inputs.x[:_COMPARED]))
    return None if forward is None else _IncrementalSearch(inputs, plan, reach, sampler, forward)


@final
class _IncrementalSearch(SquareSearch):
    def __init__(
        self,
        inputs: AttackInput,
        plan: SquarePlan,
        reach: Reach,
        sampler: LinfSampler,
        forward: IncrementalForward,
    ) -> None:
        super().__init__(inputs, plan, reach)
        self.sampler, self.forward = sampler, forward
        size, (top, left) = sampler.squares(plan.fractions, plan.stream[: plan.queries])
        edges = torch.stack([top, top + size, left, left + size], 1)
        self.squares = [Rectangle(*row) for row in edges.int().tolist()]

    def run(self, name: str, progress: Progress) -> Images:
        images = torch.arange(len(self.x), device=self.x.device)
        for indices in images.split(self.forward.batch):
            before, count = int(indices[0]), len(indices)

            def report(share: float, before: int = before, count: int = count) -> None:
                progress(name, before + int(share * count), len(self.x))

            self._run_batch(indices, report)
            report(1.0)
        return self.x_adv

    def _run_batch(self, indices: torch.Tensor, report: Callable[[float], None]) -> None:
        """All queries of these images, which are as many steps old at each time.

        `report` is called with the share of the queries that are done.
        """
        state = self.start(indices)
        active = torch.ones_like(indices, dtype=torch.bool)
        first = self.sampler.initial(state.clean, self.plan.initial[indices])
        for age in range(self.plan.queries):
            logits = self.forward.begin(first) if age == 0 else self._changed(state, age)
            wrong = active & is_wrong(logits := exact(logits), state.label)
            active &= ~self._confirmed(state, wrong)
            margin = margins(logits, state.label, state.label).float()
            self.forward.keep(margin > state.margin)
            active &= self.reach.follow(state, margin)
            state.age += 1
            left = int((~active).sum())
            if left == len(state):
                return
            if left > _LEFT * len(state):
                self.forward.select(active)
                state, active = state.select(active), active[active]
            if age % _RENEWED == _RENEWED - 1:
                self.forward.begin(self.forward.images)
                report(age / self.plan.queries)

    def _changed(self, state: SquareState, age: int) -> torch.Tensor:
        square = self.squares[age]
        draws = self.plan.draws(state.index, state.age)
        pixels = self.sampler.moved(square.part(state.clean), draws)
        return self.forward.change(square, pixels)

    def _confirmed(self, state: SquareState, wrong: torch.Tensor) -> torch.Tensor:
        """Boolean (n,): images of `wrong` that the model itself misclassifies; they are recorded."""
        confirmed = torch.zeros_like(wrong)
        if bool(wrong.any()):
            candidates = self.forward.candidates
            logits = exact(self.model(channels_last(candidates[wrong])))
            confirmed[wrong] = is_wrong(logits, state.label[wrong])
            self.record_success(state, candidates, confirmed)
        return confirmed
