"""Early end of a random search for images whose decision boundary stays out of reach.

Most survivors are far from the boundary from the first steps on. At a quarter and at half of its steps
a search extrapolates each margin: by four times the past gain a step, then by the same gain. Images
whose margin would not reach 0 leave. An image without any gain stays, since a flat margin says nothing
about the steps that follow. `python -m benchmarks.early_end` measures time saved and images lost.

An image whose margin drops suddenly after small gains is lost; the doubt `weak attack` and the `full`
ladder run whole searches. Gains of random search shrink with the steps. Those of APGD do not: its
margin jumps where the step size is halved. There the rule lost images, so APGD does not use it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from securemnist.attacks.active_batch import BatchState

# Fraction of first steps whose gain does not count: it is steeper than what follows.
_FIRST = 0.125
# Fractions of the steps, each with the factor of the gain.
LOOKS = ((0.25, 4.0), (0.5, 1.0))
# Searches of fewer steps run to their end.
_FEWEST = 40


@dataclass
class ReachState(BatchState):
    """`margin` float32 (n,): the largest so far, 0 or more for a success.

    `first_margin` float32 (n,): the largest of the first steps, from which the gain is counted.
    """

    margin: torch.Tensor
    first_margin: torch.Tensor


class Reach:
    """The rule for a search of `steps` steps. `whole`: no image leaves."""

    def __init__(self, steps: int, *, whole: bool = False) -> None:
        self.steps, self.first = steps, max(1, round(_FIRST * steps))
        chosen = LOOKS if steps >= _FEWEST and not whole else ()
        self.factors = {round(fraction * steps): factor for fraction, factor in chosen}

    @staticmethod
    def begun(indices: torch.Tensor) -> dict[str, torch.Tensor]:
        """The fields of `ReachState` for samples at `indices` before their first step."""
        lowest = torch.full(indices.shape, -torch.inf, device=indices.device)
        return {"margin": lowest, "first_margin": lowest}

    def follow(self, state: ReachState, margin: torch.Tensor) -> torch.Tensor:
        """Note the margins (n,) of the step that is number `state.age`; boolean (n,): rows that go on."""
        state.margin = torch.fmax(state.margin, margin.float())
        taken = state.age + 1
        state.first_margin = torch.where(taken <= self.first, state.margin, state.first_margin)
        return ~self.out_of_reach(state, taken)

    def out_of_reach(self, state: ReachState, taken: torch.Tensor) -> torch.Tensor:
        """Boolean (n,): rows that leave after `taken` (n,) steps."""
        leaves = torch.zeros_like(taken, dtype=torch.bool)
        for look, factor in self.factors.items():
            gain = (state.margin - state.first_margin) / (look - self.first)
            reached = state.margin + factor * gain * (self.steps - look)
            # Both comparisons fail where no margin was known at first; such a row stays.
            leaves |= (taken == look) & (gain > 0) & (reached < 0)
        return leaves
