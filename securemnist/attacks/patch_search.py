"""Patches by gradient: places are ranked, then contents are optimised at the best ones.

The gradient of the margin says for every place how much a patch gains to first order. The best places,
none of which overlap by much, are tried with the content that this gradient favours; those of the highest
loss are searched by gradient ascent. Adversarial patches: Brown et al. 2017, arXiv 1712.09665.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch

from securemnist.attacks.active_batch import ActiveBatch, BatchState
from securemnist.attacks.base import AttackInput, NativeAttack
from securemnist.attacks.losses import loss_and_gradient, margins
from securemnist.attacks.validation import check_counts
from securemnist.batches import channels_last
from securemnist.errors import UsageError
from securemnist.models.predictions import exact, is_wrong
from securemnist.threats import Patch
from securemnist.types import Images, Labels, Progress, per_image

# Places that are tried for each place that is searched; their distance as a share of the side.
_TRIED, _APART = 3, 0.5
# Steps together move a value by this much, so from one end of the range to the other and back.
_REACH, _MOMENTUM = 2.5, 0.75


@final
@dataclass(frozen=True, kw_only=True)
class PatchSearch(NativeAttack):
    """Gradient ascent on the content of a patch: `steps` steps at each of the `places` best places."""

    forms: ClassVar[tuple[str, ...]] = ("square",)
    places: int = 20
    steps: int = 20

    def __post_init__(self) -> None:
        check_counts(places=self.places, steps=self.steps)

    def _run(self, inputs: AttackInput, progress: Progress) -> Images:
        if not isinstance(inputs.threat, Patch):
            raise UsageError(f"expected a patch, got {inputs.threat}; pass Patch(side=5)")
        if not inputs.threat.count:
            return inputs.x.clone()
        return _Search(self, inputs, ranked(inputs, inputs.threat, self.places)).run(
            self.name, progress
        )

    @property
    def name(self) -> str:
        return f"PatchSearch-{self.steps}x{self.places}"

    def passes(self) -> float:
        return (self.steps + 1) * self.places + _TRIED * self.places / 3


def ranked(inputs: AttackInput, threat: Patch, count: int) -> torch.Tensor:
    """Places int64 (n, p) of patches, the one of the highest loss first; p is at most `count`."""
    return torch.cat([_ranked(inputs, threat, x, y, count) for x, y in inputs.batches()])


def _ranked(inputs: AttackInput, threat: Patch, x: Images, y: Labels, count: int) -> torch.Tensor:
    gradient = loss_and_gradient(inputs.model, x, y, margins)[1].nan_to_num(0.0)
    end = (gradient > 0).to(x.dtype)
    gains = threat.gains((gradient * (end - x)).sum(1))
    apart = max(1, int(_APART * threat.count))
    places = _peaks(gains, apart, min(_TRIED * count, gains[0].numel()))
    height, width = x.shape[2:]
    losses = []
    with torch.no_grad():
        for place in places.T:
            inside = threat.squares(place, height, width)[:, None]
            logits = exact(inputs.model(channels_last(torch.where(inside, end, x))))
            losses.append(margins(logits, y, y))
    order = torch.stack(losses, 1).argsort(dim=1, descending=True, stable=True)[:, :count]
    return places.gather(1, order)


def _peaks(gains: torch.Tensor, apart: int, count: int) -> torch.Tensor:
    """The `count` places of the largest gains (n, rows, columns), at least `apart` from each other.

    Where no place is that far from all others, places repeat.
    """
    rows = torch.arange(gains.shape[1], device=gains.device)
    columns = torch.arange(gains.shape[2], device=gains.device)
    left, found = gains.clone(), []
    for _ in range(count):
        place = left.flatten(1).argmax(1)
        top, across = place // gains.shape[2], place % gains.shape[2]
        near = ((rows - top[:, None]).abs() < apart)[:, :, None]
        near = near & ((columns - across[:, None]).abs() < apart)[:, None, :]
        left = left.masked_fill(near, -torch.inf)
        found.append(place)
    return torch.stack(found, 1)


@dataclass
class _State(BatchState):
    """`inside` boolean (n, 1, H, W): the pixels of the patch; `x_k` the current iterate."""

    inside: torch.Tensor
    x_k: Images
    velocity: torch.Tensor


class _Search(ActiveBatch[_State]):
    """A round is one place of each sample."""

    def __init__(self, attack: PatchSearch, inputs: AttackInput, places: torch.Tensor) -> None:
        super().__init__(inputs, places.shape[1])
        self.steps, self.places = attack.steps, places
        self.patch = Patch(inputs.threat.eps)

    def start(self, indices: torch.Tensor) -> _State:
        begun = self.begun(indices)
        clean = begun["clean"]
        place = self.places[indices, self.round]
        inside = self.patch.squares(place, *clean.shape[2:])[:, None]
        return _State(**begun, inside=inside, x_k=clean, velocity=torch.zeros_like(clean))

    def step(self, state: _State) -> torch.Tensor:
        _, gradient, logits = loss_and_gradient(self.model, state.x_k, state.label, margins)
        self.record_success(state, state.x_k, is_wrong(logits, state.label))
        sign = gradient.nan_to_num(0.0).sign()
        state.velocity = _MOMENTUM * state.velocity + (1 - _MOMENTUM) * sign
        # The first step is the longest one: to black or white.
        size = torch.where(per_image(state.age == 0), 1 / (1 - _MOMENTUM), _REACH / self.steps)
        moved = (state.x_k + size * state.velocity).clamp(0, 1)
        state.x_k = torch.where(state.inside, moved, state.x_k)
        state.age = state.age + 1
        return state.age <= self.steps
