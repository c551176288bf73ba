"""Jumps: along a line the gradients do not add up to the change of the margin.

For a continuous network the integral of the gradient along a line is the change. A detector that sends
changed images to another network jumps between points at which the gradient is true. So does a sawtooth.
An attack that follows the gradient then never sees what is behind the jump.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import torch

from securemnist.evaluation.doubts.check_input import Case
from securemnist.evaluation.doubts.probe import Probe
from securemnist.models.predictions import best_wrong
from securemnist.types import Images, Labels

# Images that are checked, and gradients along each line.
IMAGES, POINTS = 64, 16
# Gradients along a sparse line that shows a jump: single pixels cross many kinks of ReLUs.
MANY_POINTS = 64
# Largest part of the change that the gradients may miss, and rounding errors that may add up in it.
# Kinks between two points are missed, too: by few images of a network that was trained on bounds.
MISSING, _ROUNDINGS = 0.5, 16
# Smallest jump of a sparse line, as a share of the margin: one pixel may change it by a thousandth. Such
# changes of honest networks miss up to 0.02, jumps to another network 0.05 to 3.
SMALLEST = 0.05


def jumps(case: Case) -> tuple[int, int]:
    """The number of images with a jump on one of their lines, and that of the images compared.

    The lines lead from the image itself to one step of length eps along the gradient, and to a random
    point of the ball. For L1, pixels and patches two such lines in linf 0.1 come first. A model whose
    answers vary is left out: 0 of 0.
    """
    case = dataclasses.replace(case, x=case.x[:IMAGES], y=case.y[:IMAGES])
    probe, rng = Probe(case.model, case.x), case.rng("lines")
    if probe.varies:
        return 0, 0
    target = best_wrong(probe.logits(case.x), case.y)
    gradient = probe.gradient(case.x, case.y, target).nan_to_num(0.0, 0.0, 0.0)
    jumping = torch.zeros_like(case.y, dtype=torch.bool)
    for threat in dict.fromkeys((case.dense_threat, case.threat)):
        step = threat.step(case.x, gradient, threat.eps).float()
        for end in (threat.project(case.x, case.x + step), threat.random_start(case.x, rng)):
            line = _Lines(probe, case.x, end, case.y, target)
            jumping |= line.jump() if threat == case.dense_threat else line.sparse_jump()
    return int(jumping.sum()), len(case.y)


def predicted_parts(
    gradient_at: Callable[[Images], Images], start: Images, moved: Images, points: int
) -> torch.Tensor:
    """The changes (points, n), float64, that gradients predict for equal parts of a line."""
    parts = []
    for number in range(points):
        gradient = gradient_at(start + (number + 0.5) / points * moved)
        parts.append((gradient * moved).flatten(1).sum(1).double() / points)
    return torch.stack(parts)


@dataclass(frozen=True)
class _Lines:
    """Lines from images `start` to images `end`, and the gap between classes `target` and `y` there."""

    probe: Probe
    start: Images
    end: Images
    y: Labels
    target: Labels

    def jump(self, points: int = POINTS, smallest: float = 0.0) -> torch.Tensor:
        """Boolean (n,): whether the gradients at `points` points miss more than half of the change.

        The change is that of the gap, or the sum of the absolute parts if that is larger. What is missed
        also has to exceed `smallest` times the gap at the start.
        """
        (before, size), (after, size_after) = (
            self.probe.own_gap(x, self.y, self.target) for x in (self.start, self.end)
        )
        change, rounding = after - before, _ROUNDINGS * self.probe.own_format.rounding
        parts = predicted_parts(self._gradient, self.start, self.end - self.start, points)
        predicted, length = parts.sum(0), parts.abs().sum(0)
        error = (change - predicted).abs() - rounding * torch.maximum(size, size_after)
        # Gradients that are not finite are found by the other checks: comparisons with NaN are false.
        missing = error > MISSING * torch.maximum(change.abs(), length)
        # Where the end is an error, as a refusal of a detector is, nothing is hidden from an attack.
        return missing & (error > smallest * before.abs()) & (after < 0)

    def sparse_jump(self) -> torch.Tensor:
        """The same of lines along which single pixels cross many kinks, so with more gradients."""
        jump = self.jump(smallest=SMALLEST)
        if bool(jump.any()):
            columns = (self.start, self.end, self.y, self.target)
            few = _Lines(self.probe, *(column[jump] for column in columns))
            jump[jump.clone()] = few.jump(MANY_POINTS, SMALLEST)
        return jump

    def _gradient(self, x: Images) -> torch.Tensor:
        return self.probe.gradient(x, self.y, self.target)
