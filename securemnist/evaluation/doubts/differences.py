"""Differences: gradients of the gap to the best wrong class, held against its slopes.

A digit is examined at four points: next to the digit, next to a random point of its ball, and where one
step of an attack leads from either. At each, the slope is taken along the sign of the gradient, where
attacks go, and along random signs; and the gradient is asked for again in another batch.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch

from securemnist.evaluation.doubts.check_input import Case
from securemnist.evaluation.doubts.probe import Probe
from securemnist.types import Images, Labels

# Digits that are looked at, and of a model that draws, which answers by the mean of many draws.
DIGITS, VARYING = 256, 64
# A batch of another size and order, for the second time that a gradient is asked for.
_OTHER_BATCH = 96
# Pixels move by this much at most, away from black and from ties of equal pixels: there a maximum or a
# ReLU has no one slope.
_OFF = 1e-3
# Standard errors by which a slope may be off through noise: one slope, and the mean over the digits.
_ERRORS, _ERRORS_OF_MEAN = 6.0, 4.0


@dataclass(frozen=True)
class GradientErrors:
    """Of digits, (n,) each.

    `silent`: no gradient at any point, or one that is not finite at some. `false`: somewhere the gradient
    is not the slope, or changes when asked for again. `missing` and `changing` are the largest shares
    by which it does.
    """

    silent: torch.Tensor
    false: torch.Tensor
    missing: torch.Tensor
    changing: torch.Tensor


@dataclass(frozen=True)
class _Point:
    """What one point of each digit shows."""

    false: torch.Tensor
    missing: torch.Tensor
    changing: torch.Tensor


def gradient_errors(case: Case) -> GradientErrors:
    """Hold the gradients of the case's first digits, 256 at most, against finite differences."""
    rng, probe, threat = case.rng("gradients"), Probe(case.model, case.x), case.threat
    digits = VARYING if probe.varies else DIGITS
    case = dataclasses.replace(case, x=case.x[:digits], y=case.y[:digits])
    zero, not_finite, errors = [], [], []
    for start in (case.x, threat.random_start(case.x, rng)):
        point = start
        for _ in range(2):
            at = _interior(point, probe, threat.eps, rng)
            logits = probe.logits(at)
            target = logits.scatter(1, case.y[:, None], -torch.inf).argmax(1)
            gradient = probe.gradient(at, case.y, target)
            finite = torch.isfinite(gradient).flatten(1).all(1)
            gradient = gradient.nan_to_num(0.0, 0.0, 0.0)
            not_finite.append(~finite)
            zero.append(~finite | (gradient == 0).flatten(1).all(1))
            errors.append(_errors_at(probe, at, case.y, target, gradient, rng))
            point = threat.project(case.x, at + threat.eps * threat.steepest(gradient).float())
    silent = torch.stack(zero).all(0) | torch.stack(not_finite).any(0)
    return GradientErrors(
        silent,
        torch.stack([error.false for error in errors]).any(0) & ~silent,
        torch.stack([error.missing for error in errors]).amax(0),
        torch.stack([error.changing for error in errors]).amax(0),
    )


def _interior(x: Images, probe: Probe, eps: float, rng: torch.Generator) -> Images:
    """The images off ties, black and white, so that a step either way stays between 0 and 1."""
    shift = max(2 * probe.step_format.step, min(_OFF, eps / 4))
    noise = torch.rand(x.shape, generator=rng).to(x.device)
    edge = shift * (1 + noise) / 2
    return torch.minimum(torch.maximum(x + shift * (noise - 0.5), edge), 1 - edge)


def _errors_at(
    probe: Probe,
    x: Images,
    y: Labels,
    target: Labels,
    gradient: torch.Tensor,
    rng: torch.Generator,
) -> _Point:
    """The gradient (n, 1, 28, 28) at images `x` against slopes, and against itself."""
    changing = _batch_change(probe, x, y, target, gradient)
    # Draws that cannot be repeated give another gradient each time, and an honest one.
    false = (changing > probe.own_format.changing) & probe.repeats
    missing = torch.zeros_like(changing)
    noise = probe.noise(x, y, target)
    random = torch.randint(0, 2, x.shape, generator=rng).to(x.device).double() * 2 - 1
    for direction in (gradient.sign(), random):
        slope, rounding_error = probe.slope(x, y, target, direction)
        expected = (gradient * direction).flatten(1).sum(1)
        difference = (slope - expected).abs()
        size = torch.stack([slope.abs(), expected.abs(), _norm(gradient)]).amax(0)
        unexplained = (difference - rounding_error - _ERRORS * noise).clamp_min(0)
        missing = torch.maximum(missing, _share(unexplained, size))
        # Noise that hides the slopes of single digits leaves their mean.
        error = _ERRORS_OF_MEAN * noise.square().sum().sqrt()
        if bool(
            (slope - expected).sum().abs()
            > probe.missing * size.sum() + error + rounding_error.sum()
        ):
            false = torch.ones_like(false)
    return _Point(false | (missing > probe.missing), missing, changing)


def _batch_change(
    probe: Probe, x: Images, y: Labels, target: Labels, gradient: torch.Tensor
) -> torch.Tensor:
    """The share by which the gradient changes when it is asked for again, (n,)."""
    if probe.varies:  # the same draws need the same batches
        again = probe.gradient(x, y, target)
    else:
        flipped = probe.gradient(x.flip(0), y.flip(0), target.flip(0), _OTHER_BATCH)
        again = flipped.flip(0)
    again = again.nan_to_num(0.0, 0.0, 0.0)
    return _share(2 * _norm(gradient - again), _norm(gradient) + _norm(again))


def _share(part: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
    """Of float64 numbers (n,); 0 of nothing."""
    return torch.where(whole > 0, part / whole, 0.0)


def _norm(gradient: torch.Tensor) -> torch.Tensor:
    """The Euclidean length, float64 (n,); divided by the largest entry, no square underflows."""
    flat = gradient.flatten(1)
    peak = flat.abs().amax(1, keepdim=True)
    scaled = torch.where(peak > 0, flat / peak, 0.0)
    length: torch.Tensor = peak.squeeze(1) * scaled.norm(dim=1)
    return length
