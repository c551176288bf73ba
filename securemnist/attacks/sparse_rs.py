"""Sparse-RS: random search in L0 and for patches (Croce et al. 2022, arXiv 2006.12834).

Each step is one query. In L0 some of the changed pixels are exchanged for others with new colours, fewer
the longer the search takes. A patch gets a square of new colours, and every fifth step another place. A
change is kept if it does not decrease the margin loss. All new colours are 0 or 1 in each channel. The
search starts at the best point to first order where the model has a gradient. Else it starts at a random
one, and tries black and white patches on a grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch

from securemnist.attacks.active_batch import ActiveBatch, BatchState, QueryAttack
from securemnist.attacks.base import AttackInput
from securemnist.attacks.losses import loss_and_gradient, margins
from securemnist.attacks.sparse_changes import SAMPLERS
from securemnist.attacks.validation import check_shares
from securemnist.batches import channels_last
from securemnist.models.predictions import exact, is_wrong
from securemnist.types import Images, per_image

# Random numbers that all steps of all samples read windows of.
_STREAM = 1 << 18


@final
@dataclass(frozen=True, kw_only=True)
class SparseRS(QueryAttack):
    """Random search over pixels, or over places and contents of a patch (arXiv 2006.12834).

    At most `queries` queries per sample, one of them with a gradient where the model has one. `start` in
    (0, 1]: the share of the changed pixels that the first steps exchange, or of a patch that they change.
    """

    forms: ClassVar[tuple[str, ...]] = ("pixels", "square")
    start: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        check_shares(start=self.start)

    def _search(self, inputs: AttackInput) -> _Search:
        return _Search(self, inputs)


@dataclass
class _State(BatchState):
    """`best` is the image with the largest margin loss so far, `margin` that loss."""

    best: Images
    margin: torch.Tensor


class _Search(ActiveBatch[_State]):
    """Random numbers come from one stream; each sample reads it from an offset of its own.

    So the changes of a sample do not depend on the other samples in the batch.
    """

    def __init__(self, attack: SparseRS, inputs: AttackInput) -> None:
        super().__init__(inputs, rounds=1)
        self.queries = attack.queries
        self.sampler = SAMPLERS[self.threat.form](self.threat, self.x.shape, attack)
        self.stream = torch.rand(_STREAM + self.sampler.draws, generator=self.rng).to(self.x.device)
        self.offsets = torch.randint(_STREAM, (len(self.x),), generator=self.rng).to(self.x.device)
        self.starts, self.blind = self._starts(inputs)

    def _starts(self, inputs: AttackInput) -> tuple[Images, torch.Tensor]:
        """The best images to first order; random ones where no gradient reaches the pixels.

        The second tensor, boolean (n,), says where none does.
        """
        parts, blind = [], []
        for x, y in inputs.batches():
            gradient = loss_and_gradient(self.model, x, y, margins)[1].nan_to_num(0.0)
            random = self.threat.random_start(x, self.rng).round()
            step = self.threat.step(x, gradient, self.threat.eps)
            none = per_image((gradient == 0).flatten(1).all(1))
            parts.append(self.threat.project(x, torch.where(none, random, x + step)))
            blind.append(none.flatten())
        return torch.cat(parts), torch.cat(blind)

    def start(self, indices: torch.Tensor) -> _State:
        return _State(
            **self.begun(indices),
            best=self.starts[indices],
            margin=torch.full(indices.shape, -torch.inf, device=indices.device),
        )

    def step(self, state: _State) -> torch.Tensor:
        changed = self.sampler.change(state.clean, state.best, state.age, self._draws(state))
        blind = self.blind[state.index]
        if bool(blind.any()):
            first, tried = self.sampler.first(state.clean, state.age)
            changed = torch.where(per_image(tried & blind), first, changed)
        candidates = torch.where(per_image(state.age == 0), state.best, changed)
        logits = exact(self.model(channels_last(candidates)))
        margin = margins(logits, state.label, state.label).float()
        self.record_success(state, candidates, is_wrong(logits, state.label))
        better = margin >= state.margin
        state.best = torch.where(per_image(better), candidates, state.best)
        state.margin = torch.maximum(margin, state.margin)
        state.age = state.age + 1
        return state.age < max(1, self.queries - 1)

    def _draws(self, state: _State) -> torch.Tensor:
        """Random numbers in [0, 1) of this step, (n, draws)."""
        # A large odd step: consecutive windows of a sample have no number in common.
        begin = (self.offsets[state.index] + state.age * (2 * self.sampler.draws + 1)) % _STREAM
        return self.stream.unfold(0, self.sampler.draws, 1)[begin]
