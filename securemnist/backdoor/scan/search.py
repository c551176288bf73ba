"""Search for the smallest perturbations that steer images to given classes, many at once.

Direction and size are decoupled, as in DDN (Rony et al. 2019, arXiv 1811.09600). Adam lowers the loss;
the size shrinks while enough images of the batches are steered, and grows otherwise.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from securemnist.backdoor.scan.perturbation import Perturbation
from securemnist.types import Images

STEERED = 0.9  # the share of images that a perturbation of sufficient size steers
MOST = 4.0  # times the first size: no perturbation is larger
_FAST, _SLOW = 0.12, 0.02  # relative change of the size in a step, first and last
_AVERAGED = 0.3  # the last share of the steps, over which sizes are averaged
_MOMENTA = (0.7, 0.95)

Batch = Callable[[], tuple[Images, torch.Tensor]]


def smallest_sizes(
    model: nn.Module, perturbation: Perturbation, batch: Batch, *, steps: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The size (count,) that each perturbation needs; at most `MOST` times its first size.

    `batch()` gives images (count, n, C, H, W) and the classes to which they may be steered, boolean
    (count, n, K). The loss is that of their joint probability: of one class, cross-entropy. Also boolean
    (count,): where all outputs and gradients were finite; others are taken as 0.
    """
    parameters = perturbation.parameters
    optimizer = torch.optim.Adam(parameters, lr=perturbation.rate, betas=_MOMENTA)
    size = parameters[0].new_full((len(parameters[0]),), perturbation.first)
    success, logs = torch.full_like(size, STEERED), torch.zeros_like(size)
    finite = torch.ones_like(size, dtype=torch.bool)
    averaged = max(1, round(_AVERAGED * steps))
    for step in range(steps):
        x, wanted = batch()
        logits = model(perturbation.apply(x).flatten(0, 1)).float()
        steered = logits.masked_fill(~wanted.flatten(0, 1), -torch.inf).logsumexp(1)
        losses = (logits.logsumexp(1) - steered).sum()
        gradients = _gradients(losses / wanted.shape[1], parameters)
        finite &= logits.isfinite().view(len(size), -1).all(1)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            finite &= gradient.isfinite().flatten(1).all(1)
            parameter.grad = gradient.nan_to_num(0.0, 0.0, 0.0)
        optimizer.step()
        pace = _FAST * (_SLOW / _FAST) ** (step / steps)
        with torch.no_grad():
            answers = logits.argmax(1).view(*wanted.shape[:2], 1)
            hits = wanted.gather(2, answers).squeeze(2).float().mean(1)
            success = success.lerp(hits, 0.5)
            size = size * torch.where(success >= STEERED, 1 - pace, 1 + pace)
            size.clamp_(max=MOST * perturbation.first)
            perturbation.project(size)
            if step >= steps - averaged:
                logs += size.log() / averaged
    return logs.exp(), finite


def _gradients(loss: torch.Tensor, parameters: list[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """Gradients of the loss; 0 where the network has no path to the pixels."""
    if not loss.requires_grad:
        return tuple(torch.zeros_like(parameter) for parameter in parameters)
    return torch.autograd.grad(loss, parameters, materialize_grads=True)
