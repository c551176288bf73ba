"""Probe: the gap between a class and the true one, its gradient as attacks see it, and its slope.

The slope is a central difference. It is taken on a copy of the model in float64 where there is one, else
on the model itself with a step that its own format can tell from rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from securemnist.attacks.base import channels_last, input_gradient
from securemnist.attacks.losses import target_margins
from securemnist.evaluation.doubts.precision import FINE, in_float64, rounding
from securemnist.models.predictions import exact
from securemnist.types import Images, Labels, Logits

BATCH = 128
# Repeated answers that noise is estimated from.
_REPEATS = 6


@dataclass(frozen=True)
class Format:
    """How to take slopes in a format of this relative `rounding`.

    `step` is in pixels. `roundings` are the rounding errors that may add up in a logit. `missing` is the
    share of a slope that a gradient may miss. `changing` is the share by which it may change in another
    batch.
    """

    rounding: float
    step: float
    roundings: int
    missing: float
    changing: float


# Calibrated on the tuning digits, see docs/doubts.md.
FORMATS = (
    Format(FINE, 1e-7, 16, 0.1, 0.05),
    Format(torch.finfo(torch.float32).eps, 3e-4, 16, 0.5, 0.05),
    Format(torch.finfo(torch.bfloat16).eps, 5e-2, 2, 0.85, 0.5),
)


def format_of(relative: float) -> Format:
    """The finest format that rounds at least by this much."""
    return next((kind for kind in FORMATS if relative <= kind.rounding), FORMATS[-1])


class Probe:
    """How one model is asked for slopes: `x` (n, 1, 28, 28) are digits to find its format by."""

    def __init__(self, model: nn.Module, x: Images) -> None:
        self.model, few = model, x[:BATCH]
        few = channels_last(few)
        self.varies = not torch.equal(self._asked(few), self._asked(few))
        ask = partial(self._asked, few)
        self.repeats = torch.equal(self._seeded(ask), self._seeded(ask))
        # Noise drowns what a small step does.
        self.own = format_of(rounding(model, x)) if self.repeats else FORMATS[-1]
        # Draws in float64 are others than in float32: a model that draws is asked in its own format.
        self.copy = None if self.varies else in_float64(model, x)
        self.stepped = self.own if self.copy is None else FORMATS[0]

    @property
    def missing(self) -> float:
        """The share of a slope that an honest gradient may miss."""
        fine = self.copy is not None and self.own is not FORMATS[-1]
        return self.stepped.missing if fine else self.own.missing

    def gradient(self, x: Images, y: Labels, target: Labels, batch: int = BATCH) -> torch.Tensor:
        """The gradient of the gap by the pixels, float64 shaped like `x`; zero where there is none."""

        def one(part: Images, labels: Labels, classes: Labels) -> torch.Tensor:
            with torch.enable_grad():
                leaf = channels_last(part).detach().requires_grad_(True)
                gap = target_margins(exact(self.model(leaf)), labels, classes)
                return input_gradient(gap.sum(), leaf)

        return self._by_parts(one, x, y, target, batch).double()

    def slope(
        self, x: Images, y: Labels, target: Labels, direction: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The slope of the gap along a direction (n, 1, 28, 28), and what rounding may add; (n,) each."""
        step = self.stepped.step
        ahead, behind = x.double() + step * direction, x.double() - step * direction
        up, size = self._gap(ahead, y, target)
        down, _ = self._gap(behind, y, target)
        return (up - down) / (
            2 * step
        ), self.stepped.roundings * self.stepped.rounding * size / step

    def noise(self, x: Images, y: Labels, target: Labels) -> torch.Tensor:
        """The standard error of a slope (n,) that comes from draws which cannot be repeated."""
        if not self.varies:
            return torch.zeros(len(x), dtype=torch.float64, device=x.device)
        seen = torch.stack([self._gap(x, y, target)[0] for _ in range(_REPEATS)])
        return seen.std(0) / (2**0.5 * self.stepped.step)

    def logits(self, x: Images) -> Logits:
        """The model's own answers, (n, 10)."""
        nobody = torch.zeros(len(x), dtype=torch.long, device=x.device)
        return self._by_parts(lambda part, _y, _k: self._answers(part), x, nobody, nobody)

    @torch.no_grad()
    def _asked(self, x: Images) -> Logits:
        answers: Logits = self.model(x)
        return answers

    @torch.no_grad()
    def _answers(self, x: Images) -> Logits:
        if self.copy is not None:
            return exact(self.copy(channels_last(x.double())))
        return exact(self._asked(channels_last(x.float())))

    def _gap(self, x: Images, y: Labels, target: Labels) -> tuple[torch.Tensor, torch.Tensor]:
        """The gap, and the size of the logits that it is the difference of, float64 (n,) each."""

        def one(part: Images, labels: Labels, classes: Labels) -> torch.Tensor:
            logits = self._answers(part).double()
            return torch.stack([target_margins(logits, labels, classes), logits.abs().amax(1)], 1)

        both = self._by_parts(one, x, y, target)
        return both[:, 0], both[:, 1]

    def _by_parts(
        self,
        ask: Callable[[Images, Labels, Labels], torch.Tensor],
        x: Images,
        y: Labels,
        target: Labels,
        batch: int = BATCH,
    ) -> torch.Tensor:
        """Ask in batches; a model that draws draws the same in the same batch, if it can be seeded."""
        made = []
        parts = zip(x.split(batch), y.split(batch), target.split(batch), strict=True)
        for number, part in enumerate(parts):
            made.append(self._seeded(partial(ask, *part), number))
        return torch.cat(made)

    def _seeded(self, ask: Callable[[], torch.Tensor], seed: int = 0) -> torch.Tensor:
        if not self.varies:
            return ask()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return ask()
