"""Gradients of the margin compared with finite differences.

Each image is tested at four points: next to it, next to a random point of its ball, and one attack
step from either. Central differences are taken along the sign of the gradient and along random
signs. The gradient is computed again in another batch.
"""

from __future__ import annotations

import dataclasses

import torch

from securemnist.evaluation.doubts.check_input import Case
from securemnist.evaluation.doubts.probe import Probe
from securemnist.models.predictions import best_wrong
from securemnist.types import Images, Labels

# Number of images; fewer for a randomised model, whose outputs are averaged.
IMAGES, VARYING = 256, 64
# Batch size of the second gradient; images are in reversed order.
_OTHER_BATCH = 96
# Number of first images, and the batch size of a further gradient: searches end in small batches.
_SMALLER = ((48, 48), (16, 16), (8, 1))
# Largest shift of pixels away from black, white and ties, where ReLU and maxima have no derivative.
_OFF = 1e-3
# Allowed errors through noise, in standard errors: of one slope, and of the mean over images.
_ERRORS, _ERRORS_OF_MEAN = 6.0, 4.0


def gradient_errors(case: Case) -> tuple[torch.Tensor, torch.Tensor]:
    """Errors of the gradients of the first images of the case, at most 256; boolean (n,) each.

    The first, silent: no gradient at all four points, or one that is not finite. The second, false: a
    gradient that is not the slope, or changes in another batch.
    """
    rng, probe, threat = case.rng("gradients"), Probe(case.model, case.x), case.dense_threat
    images = VARYING if probe.varies else IMAGES
    case = dataclasses.replace(case, x=case.x[:images], y=case.y[:images])
    zero, not_finite, false = [], [], []
    for start in (case.x, threat.random_start(case.x, rng)):
        point = start
        for _ in range(2):
            at = _interior(point, probe, threat.eps, rng)
            target = best_wrong(probe.logits(at), case.y)
            gradient = probe.gradient(at, case.y, target)
            finite = torch.isfinite(gradient).flatten(1).all(1)
            gradient = gradient.nan_to_num(0.0, 0.0, 0.0)
            not_finite.append(~finite)
            zero.append(~finite | (gradient == 0).flatten(1).all(1))
            false.append(_false_at(probe, at, case.y, target, gradient, rng))
            point = threat.project(case.x, at + threat.eps * threat.steepest(gradient).float())
    silent = torch.stack(zero).all(0) | torch.stack(not_finite).any(0)
    return silent, torch.stack(false).any(0) & ~silent


def _interior(x: Images, probe: Probe, eps: float, rng: torch.Generator) -> Images:
    """Images moved off ties, black and white, so that a step either way stays in [0, 1]."""
    shift = max(2 * probe.step_format.step, min(_OFF, eps / 4))
    noise = torch.rand(x.shape, generator=rng).to(x.device)
    edge = shift * (1 + noise) / 2
    return torch.minimum(torch.maximum(x + shift * (noise - 0.5), edge), 1 - edge)


def _false_at(
    probe: Probe,
    x: Images,
    y: Labels,
    target: Labels,
    gradient: torch.Tensor,
    rng: torch.Generator,
) -> torch.Tensor:
    """Boolean (n,): the gradient (n, C, H, W) at image `x` is not the slope, or changes in a batch."""
    changing = _batch_change(probe, x, y, target, gradient)
    # Randomness that cannot be repeated changes honest gradients, too.
    false = (changing > probe.own_format.changing) & probe.repeats
    noise = probe.noise(x, y, target)
    random = torch.randint(0, 2, x.shape, generator=rng).to(x.device).double() * 2 - 1
    for direction in (gradient.sign(), random):
        slope, rounding_error = probe.slope(x, y, target, direction)
        expected = (gradient * direction).flatten(1).sum(1)
        difference = (slope - expected).abs()
        size = torch.stack([slope.abs(), expected.abs(), _norm(gradient)]).amax(0)
        unexplained = (difference - rounding_error - _ERRORS * noise).clamp_min(0)
        false = false | (_share(unexplained, size) > probe.missing)
        # Noise hides the slope of a single image, but not the mean over images.
        error = _ERRORS_OF_MEAN * noise.square().sum().sqrt()
        allowed = probe.missing * size.sum() + error + rounding_error.sum()
        false = false | ((slope - expected).sum().abs() > allowed)
    return false


def _batch_change(
    probe: Probe, x: Images, y: Labels, target: Labels, gradient: torch.Tensor
) -> torch.Tensor:
    """Largest relative change (n,) of the gradient in other batches."""
    if probe.varies:  # equal random draws need equal batches
        return _change(gradient, probe.gradient(x, y, target))
    flipped = probe.gradient(x.flip(0), y.flip(0), target.flip(0), _OTHER_BATCH)
    change = _change(gradient, flipped.flip(0))
    for count, size in _SMALLER:
        again = probe.gradient(x[:count], y[:count], target[:count], size)
        change[:count] = torch.maximum(change[:count], _change(gradient[:count], again))
    return change


def _change(gradient: torch.Tensor, again: torch.Tensor) -> torch.Tensor:
    """Relative change (n,) of the gradient; numbers that are not finite count as zero."""
    again = again.nan_to_num(0.0, 0.0, 0.0)
    return _share(2 * _norm(gradient - again), _norm(gradient) + _norm(again))


def _share(part: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
    """Quotient of float64 numbers (n,); 0 where `whole` is 0."""
    return torch.where(whole > 0, part / whole, 0.0)


def _norm(gradient: torch.Tensor) -> torch.Tensor:
    """L2 norm, float64 (n,); scaled by the largest entry against underflow."""
    flat = gradient.flatten(1)
    peak = flat.abs().amax(1, keepdim=True)
    scaled = torch.where(peak > 0, flat / peak, 0.0)
    length: torch.Tensor = peak.squeeze(1) * scaled.norm(dim=1)
    return length
