"""Patches by gradient: places are ranked, then contents are optimised at the best ones.

The gradient of the margin says for every place how much a patch gains to first order. The best places,
none of which overlap by much, are tried with the content that this gradient favours. Black and white
patches are tried on a grid, then around the best places of it: a gradient at the clean image says little
about them. Those of the highest loss are searched by gradient ascent. Adversarial patches: Brown et al.
2017, arXiv 1712.09665.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import ClassVar, final

import torch

from securemnist.attacks.active_batch import ActiveBatch, BatchState
from securemnist.attacks.base import BATCH, AttackInput, NativeAttack
from securemnist.attacks.losses import loss_and_gradient, margins
from securemnist.attacks.validation import check_counts
from securemnist.batches import batch_size, channels_last
from securemnist.errors import UsageError
from securemnist.models.predictions import exact, is_wrong
from securemnist.threats import Patch
from securemnist.types import Images, Labels, Model, Progress, per_image

# Places tried by gradient for each place that is searched; their distance as a share of the side.
_TRIED, _APART = 3, 0.5
# Steps together move a value by this much, so from one end of the range to the other and back.
_REACH, _MOMENTUM = 2.5, 0.75
# What fills a patch first: one colour, or the clean image, from which the gradient leads away.
_BLACK, _WHITE, _CLEAN = 0, 1, 2
# Places of the grid of black and white patches, about, and how many of the best are moved.
_GRID, _MOVED = 200, 5
# Cost of an answer relative to a forward and backward pass.
_ANSWER = 0.45


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
        return _Search(self, inputs, *ranked(inputs, inputs.threat, self.places)).run(
            self.name, progress
        )

    @property
    def name(self) -> str:
        return f"PatchSearch-{self.steps}x{self.places}"

    def passes(self) -> float:
        tried = _TRIED * self.places + 2 * (_GRID + 8 * _MOVED)
        return (self.steps + 1) * self.places + _ANSWER * tried


def ranked(inputs: AttackInput, threat: Patch, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Places int64 (n, p) of patches, the one of the highest loss first; p is at most `count`.

    The second tensor, int64 (n, p), says what fills each patch first: black, white or the clean image.
    """
    parts = [_ranked(inputs.model, threat, x, y, count) for x, y in inputs.batches()]
    places, contents = (torch.cat(kind) for kind in zip(*parts, strict=True))
    return places, contents


def _ranked(
    model: Model, threat: Patch, x: Images, y: Labels, count: int
) -> tuple[torch.Tensor, torch.Tensor]:
    gradient = loss_and_gradient(model, x, y, margins)[1].nan_to_num(0.0)
    end = (gradient > 0).to(x.dtype)
    gains = threat.gains((gradient * (end - x)).sum(1))
    apart, places = max(1, int(_APART * threat.count)), gains[0].numel()
    tried = _Tried(model, threat, x, y, end)
    tried.try_places(_peaks(gains, apart, min(_TRIED * count, places)), _CLEAN)
    tried.try_colours(apart)
    losses, contents = tried.losses.max(1)
    best = _peaks(losses, apart, min(count, places))
    return best, contents.flatten(1).gather(1, best)


def _grid(rows: int, columns: int, stride: int) -> torch.Tensor:
    """Places int64 (g,) that are `stride` apart, with the last row and the last column."""
    down, across = (
        torch.tensor(sorted({*range(0, count, stride), count - 1})) for count in (rows, columns)
    )
    return (down[:, None] * columns + across).flatten()


def _around(places: torch.Tensor, distance: int, rows: int, columns: int) -> torch.Tensor:
    """The eight places around each of int64 (n, p), moved into the image; int64 (n, 8 p)."""
    found = []
    for down, right in itertools.product((-distance, 0, distance), repeat=2):
        if down or right:
            row = (places // columns + down).clamp(0, rows - 1)
            column = (places % columns + right).clamp(0, columns - 1)
            found.append(row * columns + column)
    return torch.cat(found, 1)


class _Tried:
    """Losses (n, contents, rows, columns) of the patches that were tried; minus infinity elsewhere.

    `end` (n, C, H, W): the content that the gradient favours.
    """

    def __init__(self, model: Model, threat: Patch, x: Images, y: Labels, end: Images) -> None:
        self.model, self.threat, self.x, self.y, self.end = model, threat, x, y, end
        self.rows, self.columns = threat.gains(x[:, 0]).shape[1:]
        shape = len(x), 3, self.rows, self.columns
        self.losses = torch.full(shape, -torch.inf, device=x.device)

    def try_colours(self, apart: int) -> None:
        """Black and white patches on a grid, then ever closer around the best places."""
        stride = math.ceil((self.rows * self.columns / _GRID) ** 0.5)
        places = _grid(self.rows, self.columns, stride).to(self.x.device).expand(len(self.x), -1)
        while True:
            for colour in (_BLACK, _WHITE):
                self.try_places(places, colour)
            if stride == 1:
                return
            stride = math.ceil(stride / 2)
            best = _peaks(self.losses.amax(1), max(apart, stride), _MOVED)
            places = _around(best, stride, self.rows, self.columns)

    @torch.no_grad()
    def try_places(self, places: torch.Tensor, content: int) -> None:
        """One answer for each of the places int64 (n, p)."""
        fill = self.end if content == _CLEAN else torch.full_like(self.x, float(content))
        at_once = max(1, batch_size(self.x, BATCH) // max(1, len(self.x)))
        for part in places.split(at_once, 1):
            count = part.shape[1]
            x, filled, y = (one.repeat_interleave(count, 0) for one in (self.x, fill, self.y))
            inside = self.threat.squares(part.flatten(), *x.shape[2:])[:, None]
            logits = exact(self.model(channels_last(torch.where(inside, filled, x))))
            losses = margins(logits, y, y).view(-1, count).float()
            self.losses[:, content].flatten(1).scatter_(1, part, losses)


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

    def __init__(
        self, attack: PatchSearch, inputs: AttackInput, places: torch.Tensor, contents: torch.Tensor
    ) -> None:
        super().__init__(inputs, places.shape[1])
        self.steps, self.places, self.contents = attack.steps, places, contents
        self.patch = Patch(inputs.threat.eps)

    def start(self, indices: torch.Tensor) -> _State:
        begun = self.begun(indices)
        clean = begun["clean"]
        place = self.places[indices, self.round]
        inside = self.patch.squares(place, *clean.shape[2:])[:, None]
        content = per_image(self.contents[indices, self.round])
        uniform = inside & (content != _CLEAN)
        x_k = torch.where(uniform, content.to(clean.dtype), clean)
        return _State(**begun, inside=inside, x_k=x_k, velocity=torch.zeros_like(clean))

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
