"""RayS: search along rays with labels only (Chen & Gu 2020, arXiv 2006.12792).

Each query asks one image for its class. A direction is a sign for each value. Blocks of signs are
flipped, first all, then halves, quarters, and so on. A flip is kept where the class already changes
nearer to the image, and a binary search finds how near.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch

from securemnist.attacks.active_batch import ActiveBatch, BatchState, QueryAttack
from securemnist.attacks.base import AttackInput
from securemnist.batches import channels_last
from securemnist.models.predictions import is_wrong
from securemnist.types import Images, per_image

# The binary search ends at this share of the largest radius.
_PRECISION = 1e-3


@final
@dataclass(frozen=True, kw_only=True)
class RayS(QueryAttack):
    """Search along rays with labels only (Chen & Gu, arXiv 2006.12792).

    At most `queries` queries per sample. Directions are the threat's steepest steps for signs: corners
    of the ball for L-infinity, which the paper is about, and points of its surface for other norms.
    """

    forms: ClassVar[tuple[str, ...]] = ("ball",)

    def _search(self, inputs: AttackInput) -> _Search:
        return _Search(self, inputs)


@dataclass
class _State(BatchState):
    """`signs` (n, C, H, W) of the best direction, and `trial` of the one that is examined.

    `radius`: the smallest one known to change the class along `signs`. `low` and `high`: the bounds of
    a binary search along `trial`, `high` 0 where none is under way. `level` and `block`: the block that
    `trial` flips, of 2 ** level.
    """

    signs: Images
    trial: Images
    radius: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor
    level: torch.Tensor
    block: torch.Tensor


class _Search(ActiveBatch[_State]):
    """One query a step for each row; rows are in different stages of the search."""

    def __init__(self, attack: RayS, inputs: AttackInput) -> None:
        super().__init__(inputs, rounds=1)
        self.queries = attack.queries
        self.size = self.x.shape[1:].numel()
        self.span = self.threat.span(self.size)
        self.places = torch.arange(self.size, device=self.x.device)

    def start(self, indices: torch.Tensor) -> _State:
        zeros = torch.zeros(indices.shape, device=indices.device)
        signs = torch.ones_like(self.x[indices])
        return _State(
            **self.begun(indices),
            signs=signs,
            trial=signs.clone(),
            radius=torch.full_like(zeros, self.span),
            low=zeros,
            high=zeros.clone(),
            level=torch.zeros_like(indices),
            block=torch.full_like(indices, -1),
        )

    def step(self, state: _State) -> torch.Tensor:
        eps, searching = self.threat.eps, state.high > 0
        # The first query of a binary search is at eps: nothing else counts.
        middle = torch.where(state.low > 0, (state.low + state.high) / 2, eps)
        asked = torch.where(searching, middle, state.radius)
        candidates = self._at(state, asked)
        wrong = is_wrong(self.model(channels_last(candidates)), state.label)
        self.record_success(state, candidates, wrong & (asked <= eps))
        begins = ~searching & wrong
        state.low = torch.where(searching & ~wrong, asked, torch.where(begins, 0.0, state.low))
        state.high = torch.where(wrong & (searching | begins), asked, state.high)
        precise = state.high - state.low.clamp_min(eps) <= _PRECISION * self.span
        found = searching & (state.low > 0) & precise
        state.radius = torch.where(found, state.high, state.radius)
        state.signs = torch.where(per_image(found), state.trial, state.signs)
        state.low = torch.where(found, 0.0, state.low)
        state.high = torch.where(found, 0.0, state.high)
        self._next_block(state, found | (~searching & ~wrong))
        state.age = state.age + 1
        return state.age < self.queries

    def _at(self, state: _State, radius: torch.Tensor) -> Images:
        """The images at these radii (n,) along `trial`; within eps they are in the threat set."""
        moved = state.clean + per_image(radius) * self.threat.steepest(state.trial)
        near = per_image(radius <= self.threat.eps)
        return torch.where(near, self.threat.project(state.clean, moved), moved.clamp(0, 1))

    def _next_block(self, state: _State, rows: torch.Tensor) -> None:
        """Let `trial` flip the next block of `signs` in the rows where `rows`, boolean (n,), is true."""
        blocks = 2**state.level
        block = state.block + 1
        finished = rows & (block >= blocks)
        coarse = 2 ** (state.level + 1) < 2 * self.size  # finer blocks would be empty
        state.level = torch.where(finished & coarse, state.level + 1, state.level)
        state.block = torch.where(rows, torch.where(finished, 0, block), state.block)
        width = (self.size / 2.0**state.level).ceil()
        flipped = (self.places[None] / width[:, None]).floor() == state.block[:, None]
        factor = torch.where(flipped, -1.0, 1.0).view_as(state.signs)
        state.trial = torch.where(per_image(rows), state.signs * factor, state.trial)
