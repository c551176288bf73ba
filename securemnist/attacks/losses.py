"""Per-sample losses that attacks maximise: (logits, label, target class) -> (n,).

Higher means closer to a misclassification. Untargeted losses ignore the target class.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F

from securemnist.attacks.base import BATCH, AttackInput
from securemnist.attacks.first_convolution import FirstConvolution
from securemnist.batches import batch_size, channels_last
from securemnist.models.predictions import exact, true_and_best_wrong, without_true
from securemnist.types import Images, Labels, Logits, Model

# (logits (n, K), label (n,), target (n,)) -> (n,)
SampleLoss = Callable[[Logits, Labels, Labels], torch.Tensor]

# Up to this number of classes the order of the clean logits is used, which costs no gradient.
_FEW_CLASSES = 10
# Classes whose distance is computed, per class that is returned.
_CANDIDATES = 3
# Keeps a denominator above 0.
_TINY = 1e-12


def cross_entropies(logits: Logits, y: Labels, _target: Labels) -> torch.Tensor:
    """Cross-entropy of the label, in nats."""
    return F.cross_entropy(logits, y, reduction="none")


def target_margins(logits: Logits, y: Labels, target: Labels) -> torch.Tensor:
    """Target logit minus true logit: above 0 the model prefers the target class."""
    return (logits.gather(1, target[:, None]) - logits.gather(1, y[:, None])).squeeze(1)


def margins(logits: Logits, y: Labels, _target: Labels) -> torch.Tensor:
    """Best wrong logit minus true logit (Carlini & Wagner, arXiv 1608.04644): above 0 misclassified.

    Unlike that of cross-entropy its gradient does not underflow on a confident network.
    """
    true, wrong = true_and_best_wrong(logits, y)
    return wrong - true


def dlr(logits: Logits, y: Labels, target: Labels) -> torch.Tensor:
    """Difference of logits ratio: the margin over z1 - z3 (DLR; arXiv 2003.01690, section 4).

    z1 >= z2 >= ... are the sorted logits. DLR is invariant to scale and shift of the logits.
    """
    if logits.shape[1] == 2:  # the ratio would be constant
        return margins(logits, y, target)
    z = logits.topk(3, dim=1).values
    return margins(logits, y, target) / (z[:, 0] - z[:, 2] + _TINY)


def targeted_dlr(logits: Logits, y: Labels, target: Labels) -> torch.Tensor:
    """The targeted margin over z1 - (z3 + z4) / 2 (same paper, section 4.1); z4 is z3 for 3 classes."""
    classes = logits.shape[1]
    if classes == 2:
        return target_margins(logits, y, target)
    z = logits.topk(min(classes, 4), dim=1).values
    return target_margins(logits, y, target) / (z[:, 0] - (z[:, 2] + z[:, -1]) / 2 + _TINY)


def loss_and_gradient(
    model: Model, x: Images, y: Labels, loss: SampleLoss, target: Labels | None = None
) -> tuple[torch.Tensor, torch.Tensor, Logits]:
    """Losses float32 (n,), their gradients in the shape of `x`, and the logits, in one pass.

    An untargeted loss needs no `target`. The gradient is zero where autograd finds no path to the
    pixels; the doubts report such models (a comparison, for instance).
    """
    with torch.enable_grad():
        leaf = channels_last(x).detach().requires_grad_(True)
        with FirstConvolution():
            logits = exact(model(leaf))
        values = loss(logits, y, y if target is None else target)
        if not values.requires_grad:
            return values.float(), torch.zeros_like(leaf), logits.detach()
        # `materialize_grads` gives zeros where only the weights, not the pixels, have a gradient.
        (gradient,) = torch.autograd.grad(values.sum(), leaf, materialize_grads=True)
    return values.detach().float(), gradient, logits.detach()


@torch.no_grad()
def answers(model: Model, x: Images, batch: int = BATCH) -> Logits:
    """The model's logits (n, K), asked for in batches of at most `batch` images."""
    parts = x.split(batch_size(x, batch))
    return torch.cat([exact(model(channels_last(part))) for part in parts])


def nearest_classes(inputs: AttackInput, count: int) -> Labels:
    """The `count` nearest wrong classes of each sample, int64 (n, min(count, K - 1)).

    With at most ten classes they are ordered by their clean logit. With more, the 3 `count` largest
    logits are ordered by the linearised distance of their boundary, as in FAB (arXiv 1907.02044). That
    is (z_y - z_c) / ||g_y - g_c||* in the threat's dual norm. So the cost does not grow with K.
    """
    return torch.cat([_nearest(inputs, x, y, count) for x, y in inputs.batches()])


def _nearest(inputs: AttackInput, x: Images, y: Labels, count: int) -> Labels:
    with torch.no_grad():
        logits = exact(inputs.model(channels_last(x)))
    others = without_true(logits, y).argsort(1, descending=True)[:, :-1]
    if logits.shape[1] <= _FEW_CLASSES or count >= others.shape[1]:
        return others[:, :count]
    others = others[:, : _CANDIDATES * count]
    distances = [_boundary_distance(inputs, x, y, target) for target in others.T]
    nearest = torch.stack(distances, 1).argsort(dim=1, stable=True)[:, :count]
    return others.gather(1, nearest)


def _boundary_distance(inputs: AttackInput, x: Images, y: Labels, target: Labels) -> torch.Tensor:
    """Distance (n,) of the linearised boundary to the class `target` int64 (n,)."""
    values, slope, _ = loss_and_gradient(inputs.model, x, y, target_margins, target)
    slope = slope.nan_to_num(0.0)
    # The steepest step of norm 1 attains the dual norm of the gradient.
    dual_norm = (inputs.threat.steepest(slope) * slope).flatten(1).sum(1)
    return -values / dual_norm.clamp_min(_TINY)
