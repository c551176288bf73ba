"""Interval bound propagation (IBP) training: a loss on the worst-case logits of an L-infinity ball.

The box of a batch is propagated as centre and radius (Gowal et al. 2018, arXiv 1810.12715). Initial
weights, regularisers and batch statistics are those of Shi et al. 2021 (arXiv 2103.17268). These
bounds ignore rounding and are for training only; certified accuracy comes from `certificates`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from securemnist.batches import channels_last
from securemnist.certificates.operations.intervals import Box
from securemnist.errors import ModelError
from securemnist.models.architectures import Stretch
from securemnist.types import Images, Labels, Logits

# Ratios of at least this are not penalised (Shi et al., section 4.3).
TOLERANCE = 0.5
# One sample in this many is also propagated clean, for batch statistics and the clean loss.
CLEAN_SHARE = 4


@dataclass(frozen=True)
class Bounds:
    """Clean logits of a batch, lower bounds of margins (n, 10; 0 at the label), and regulariser."""

    logits: Logits
    margins: torch.Tensor
    regulariser: torch.Tensor

    def loss(self, y: Labels, *, kappa: float, strength: float) -> torch.Tensor:
        """Kappa * clean + (1 - kappa) * worst-case cross-entropy + `strength` * regulariser."""
        worst = F.cross_entropy(-self.margins, y)
        return (
            kappa * F.cross_entropy(self.logits, y[: len(self.logits)])
            + (1 - kappa) * worst
            + strength * self.regulariser
        )

    def hits(self, y: Labels) -> int:
        """Correct predictions, extrapolated from the clean part to the whole batch."""
        part = y[: len(self.logits)]
        right = int((self.logits.detach().argmax(1) == part).sum())
        return round(right * len(y) / len(part))

    def certified(self) -> int:
        """The number of samples whose margins are all positive in the box (without rounding)."""
        return int(((self.margins > 0).sum(1) == self.margins.shape[1] - 1).sum())


@torch.no_grad()
def initialise(model: nn.Module) -> None:
    """Initial weights that keep the size of boxes constant: deviation sqrt(2 pi) / fan-in."""
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            fan_in = layer.weight[0].numel()
            nn.init.normal_(layer.weight, std=math.sqrt(2 * math.pi) / fan_in)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def bounds(layers: nn.Sequential, x: Images, y: Labels, eps: float, *, regularise: bool) -> Bounds:
    """Propagate a batch and its boxes through `layers`, which end in a linear layer.

    Batch norm in training mode takes its statistics from the clean part. ModelError for an unsupported
    layer.
    """
    clean = x[: max(1, len(x) // CLEAN_SHARE)]
    box = Box((x - eps).clamp(0, 1), (x + eps).clamp(0, 1))
    first_radius, terms = eps, []
    *hidden, last = layers
    steps = zip(hidden, [*hidden[1:], last], strict=True)
    for layer, following in steps:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            norm = following if isinstance(following, nn.BatchNorm2d | nn.BatchNorm1d) else None
            clean, box = _affine(layer, norm, clean, box)
            if norm is not None:
                next(steps, None)  # the batch norm, which the map includes
        elif isinstance(layer, nn.ReLU):
            if regularise:
                terms.append(_regulariser(box, first_radius))
            clean, box = clean.relu(), box.map(torch.relu)
        elif isinstance(layer, Stretch | nn.Flatten):
            clean, box = layer(clean), box.map(layer)
        else:
            raise ModelError(
                f"expected layers with known interval bounds, got {type(layer).__name__}; use another"
            )
    if not isinstance(last, nn.Linear):
        raise ModelError(
            f"expected a linear last layer, got {type(last).__name__}; change the network"
        )
    margins = _margins(last, box, y)
    return Bounds(last(clean), margins, sum(terms, torch.zeros(())))


def _affine(
    layer: nn.Conv2d | nn.Linear,
    norm: nn.BatchNorm2d | nn.BatchNorm1d | None,
    clean: torch.Tensor,
    box: Box,
) -> tuple[torch.Tensor, Box]:
    """A linear map and the batch norm after it, folded into one map for the box."""
    weight, bias = layer.weight, layer.bias
    if bias is None:
        bias = torch.zeros(len(weight))
    out = _apply(layer, clean, weight, bias)
    if norm is not None:
        scale, shift = _statistics(norm, out)
        rest = [1] * (out.dim() - 2)
        out = torch.addcmul(shift.view(-1, *rest), out, scale.view(-1, *rest))
        weight = weight * scale.view(-1, *[1] * (weight.dim() - 1))
        bias = bias * scale + shift
    centre = _apply(layer, box.centre, weight, bias)
    radius = _apply(layer, box.radius, weight.abs(), None)
    return out, Box(centre - radius, centre + radius)


def _apply(
    layer: nn.Conv2d | nn.Linear, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
) -> torch.Tensor:
    if isinstance(layer, nn.Linear):
        return F.linear(x, weight, bias)
    return F.conv2d(x, weight, bias, layer.stride, layer.padding, layer.dilation, layer.groups)


def _statistics(
    norm: nn.BatchNorm2d | nn.BatchNorm1d, out: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scale and shift of batch norm; in training mode from this batch, with a running-mean update."""
    mean, var = norm.running_mean, norm.running_var
    if mean is None or var is None or norm.momentum is None:
        raise ModelError(
            "expected batch norm with running statistics, got none; change the network"
        )
    if norm.training:
        var_now, mean_now = torch.var_mean(out, [0, *range(2, out.dim())], correction=0)
        with torch.no_grad():
            mean.lerp_(mean_now, norm.momentum)
            var.lerp_(var_now, norm.momentum)
        mean, var = mean_now, var_now
    scale = norm.weight * torch.rsqrt(var + norm.eps)
    return scale, norm.bias - mean * scale


def _margins(last: nn.Linear, box: Box, y: Labels) -> torch.Tensor:
    """Lower bounds of logit[label] - logit[k]: the last layer's rows are subtracted first."""
    differences = last.weight[:, None] - last.weight[None]  # (label, k, features)
    shifts = last.bias[:, None] - last.bias[None]
    classes = len(last.weight)
    flat = differences.flatten(0, 1)
    table = F.linear(box.centre, flat) - F.linear(box.radius, flat.abs())
    table = table.view(-1, classes, classes)
    return table[torch.arange(len(y)), y] + shifts[y]


def _regulariser(box: Box, first_radius: float) -> torch.Tensor:
    """Penalty for boxes wider than the input's, and for unbalanced active and inactive ReLUs."""
    centre = box.centre
    tight = _shortfall(first_radius / box.radius.mean().clamp_min(1e-12))
    active, inactive = (box.lower > 0).float(), (box.upper < 0).float()
    spread = (centre - centre.mean()).square()
    means = _balance((centre * active).mean(), -(centre * inactive).mean())
    spreads = _balance((spread * active).mean(), (spread * inactive).mean())
    return tight + means + spreads


def _shortfall(ratio: torch.Tensor) -> torch.Tensor:
    return F.relu(TOLERANCE - ratio) / TOLERANCE


def _balance(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Penalty for the ratio of two sums; 0 if one is empty, because it has no gradient."""
    if min(one.item(), other.item()) < 1e-12:
        return torch.zeros(())
    return _shortfall(torch.minimum(one / other, other / one))


@torch.no_grad()
def certified_fraction(model: nn.Module, x: Images, y: Labels, eps: float) -> float:
    """Fraction of samples (n, C, H, W), (n,) that interval bounds certify in eval mode."""
    parts, layers = zip(x.split(500), y.split(500), strict=True), layers_of(model)
    counts = [
        bounds(layers, channels_last(part), labels, eps, regularise=False).certified()
        for part, labels in parts
    ]
    return sum(counts) / max(len(y), 1)


def layers_of(model: nn.Module) -> nn.Sequential:
    """The sequential `layers` of a network for certified training; ModelError for other networks."""
    layers = getattr(model, "layers", None)
    if not isinstance(layers, nn.Sequential):
        raise ModelError(
            "expected a network that is a chain of `layers`, got another; use architecture S"
        )
    return layers
