"""Gradient and finite differences of the gap between a wrong class and the true one.

Differences are taken on a float64 copy of the model where that is possible. Otherwise the step is
large enough for the model's own format.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from securemnist.attacks.losses import loss_and_gradient, target_margins
from securemnist.batches import batch_size, channels_last
from securemnist.evaluation.doubts.precision import FINE, in_float64, rounding
from securemnist.models.predictions import exact
from securemnist.types import Images, Labels, Logits

BATCH = 128
# Repeated outputs from which noise is estimated.
_REPEATS = 6


@dataclass(frozen=True)
class Format:
    """Settings for finite differences in a format of relative `rounding`.

    `step`: in pixels. `roundings`: rounding errors that may add up in a logit. `missing`: the
    relative error that a gradient may have. `changing`: the relative change that it may have in
    another batch.
    """

    rounding: float
    step: float
    roundings: int
    missing: float
    changing: float


# Calibrated on the tuning split, see docs/doubts.md.
FORMATS = (
    Format(FINE, 1e-7, 16, 0.1, 0.05),
    Format(torch.finfo(torch.float32).eps, 3e-4, 16, 0.5, 0.05),
    Format(torch.finfo(torch.bfloat16).eps, 5e-2, 2, 0.85, 0.5),
)


def format_of(relative: float) -> Format:
    """The finest format whose rounding is at least `relative`."""
    return next((kind for kind in FORMATS if relative <= kind.rounding), FORMATS[-1])


class Probe:
    """Access to one model's gradients and slopes; images `x` (n, C, H, W) determine its format.

    `seed`: that of the first batch of a model whose answers vary; the next batches have the next ones.
    """

    def __init__(self, model: nn.Module, x: Images) -> None:
        self.model, first = model, x[: batch_size(x, BATCH)]
        self.seed = 0
        first = channels_last(first)
        self.varies = not torch.equal(self._own_logits(first), self._own_logits(first))
        call = partial(self._own_logits, first)
        self.repeats = torch.equal(self._seeded(call), self._seeded(call))
        # A large step, because noise exceeds the effect of a small one.
        self.own_format = format_of(rounding(model, x)) if self.repeats else FORMATS[-1]
        # float64 draws other random numbers than float32: a randomised model keeps its own format.
        self.copy = None if self.varies else in_float64(model, x)
        self.step_format = self.own_format if self.copy is None else FORMATS[0]

    @property
    def missing(self) -> float:
        """The relative error that the gradient of an honest model may have."""
        fine = self.copy is not None and self.own_format is not FORMATS[-1]
        return self.step_format.missing if fine else self.own_format.missing

    def gradient(self, x: Images, y: Labels, target: Labels, batch: int = BATCH) -> torch.Tensor:
        """Gradient of the gap by the pixels, float64 shaped like `x`; zero where there is none."""

        def gradient_of(part: Images, labels: Labels, classes: Labels) -> torch.Tensor:
            return loss_and_gradient(self.model, part, labels, target_margins, classes)[1]

        return self._in_batches(gradient_of, x, y, target, batch=batch).double()

    def slope(
        self, x: Images, y: Labels, target: Labels, direction: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Slope of the gap along a direction (n, C, H, W), and its rounding error; (n,) each."""
        step = self.step_format.step
        ahead, behind = x.double() + step * direction, x.double() - step * direction
        up, size = self._gap(ahead, y, target)
        down, _ = self._gap(behind, y, target)
        rounding_error = self.step_format.roundings * self.step_format.rounding * size / step
        return (up - down) / (2 * step), rounding_error

    def noise(self, x: Images, y: Labels, target: Labels) -> torch.Tensor:
        """Standard error (n,) of a slope from random draws that cannot be repeated."""
        if not self.varies:
            return torch.zeros(len(x), dtype=torch.float64, device=x.device)
        gaps_drawn = torch.stack([self._gap(x, y, target)[0] for _ in range(_REPEATS)])
        return gaps_drawn.std(0) / (2**0.5 * self.step_format.step)

    def logits(self, x: Images) -> Logits:
        """The model's logits, (n, K)."""
        return self._in_batches(self._precise_logits, x)

    @torch.no_grad()
    def _own_logits(self, x: Images) -> Logits:
        logits: Logits = self.model(x)
        return logits

    @torch.no_grad()
    def _precise_logits(self, x: Images) -> Logits:
        if self.copy is not None:
            return exact(self.copy(channels_last(x.double())))
        return exact(self._own_logits(channels_last(x.float())))

    def own_gap(self, x: Images, y: Labels, target: Labels) -> tuple[torch.Tensor, torch.Tensor]:
        """The gap by the model itself, not by its copy, and the size of its logits."""
        return self._gap(x, y, target, lambda part: exact(self._own_logits(channels_last(part))))

    def _gap(
        self,
        x: Images,
        y: Labels,
        target: Labels,
        logits_of: Callable[[Images], Logits] | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The gap, and the size of the logits that it is the difference of; float64 (n,) each."""
        answer = logits_of or self._precise_logits

        def gap_and_size(part: Images, labels: Labels, classes: Labels) -> torch.Tensor:
            logits = answer(part).double()
            return torch.stack([target_margins(logits, labels, classes), logits.abs().amax(1)], 1)

        both = self._in_batches(gap_and_size, x, y, target)
        return both[:, 0], both[:, 1]

    def _in_batches(
        self, call: Callable[..., torch.Tensor], *columns: torch.Tensor, batch: int = BATCH
    ) -> torch.Tensor:
        """Results of `call` over batches, each with its own seed for a randomised model."""
        size = batch_size(columns[0], batch)
        parts = zip(*(column.split(size) for column in columns), strict=True)
        numbered = enumerate(parts, start=self.seed)
        return torch.cat([self._seeded(partial(call, *part), k) for k, part in numbered])

    def _seeded(self, call: Callable[[], torch.Tensor], seed: int = 0) -> torch.Tensor:
        if not self.varies:
            return call()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return call()
