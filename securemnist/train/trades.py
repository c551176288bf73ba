"""TRADES: two terms, for clean images and for stable answers (Zhang et al., arXiv 1901.08573).

The loss is cross-entropy on clean images plus `beta` times the divergence between the answers for an
image and for a neighbour. The neighbour is where a few gradient steps make that divergence large.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from securemnist.batches import channels_last
from securemnist.threats import Linf, Threat
from securemnist.train.recipes import Recipe
from securemnist.types import Images, Labels, Logits

# Deviation of the noise from which steps start: at the image itself the divergence has no gradient.
_START = 1e-3


def step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    x: Images,
    y: Labels,
    recipe: Recipe,
    share: float,
    rng: torch.Generator,
) -> tuple[float, int]:
    """One step of training; the sum of the losses, and the clean images that are classified right.

    `share`: of the recipe's eps and step size, in [0, 1].
    """
    model.eval()
    moved = neighbours(
        *(model, x, Linf(recipe.eps * share)),
        steps=recipe.steps,
        size=recipe.step_size * share,
        rng=rng,
    )
    model.train()
    optimizer.zero_grad(set_to_none=True)
    loss, logits = losses(model, x, moved, y, recipe.beta)
    loss.mean().backward()
    optimizer.step()
    return float(loss.detach().sum()), int((logits.detach().argmax(1) == y).sum())


def neighbours(
    model: nn.Module, x: Images, threat: Threat, *, steps: int, size: float, rng: torch.Generator
) -> Images:
    """Images of the threat set around `x` whose answers diverge from those of `x`; `model` in eval mode.

    `steps` steps of `size` along the gradient of the divergence.
    """
    with torch.no_grad():
        clean = model(x)
    moved = threat.project(x, x + _START * torch.randn(x.shape, generator=rng))
    for _ in range(steps):
        leaf = channels_last(moved).detach().requires_grad_(True)
        with torch.enable_grad():
            gradient = torch.autograd.grad(divergence(model(leaf), clean).sum(), leaf)[0]
        moved = threat.project(x, moved + size * threat.steepest(gradient))
    return moved.detach()


def divergence(logits: Logits, clean: Logits) -> torch.Tensor:
    """Kullback-Leibler divergence (n,) of the probabilities of `logits` from those of `clean`."""
    terms = F.kl_div(logits.log_softmax(1), clean.softmax(1), reduction="none")
    return terms.sum(1)


def losses(
    model: nn.Module, x: Images, moved: Images, y: Labels, beta: float
) -> tuple[torch.Tensor, Logits]:
    """The loss of each sample (n,), and the logits of the clean images."""
    clean, others = model(x), model(moved)
    loss = F.cross_entropy(clean, y, reduction="none") + beta * divergence(others, clean)
    return loss, clean
