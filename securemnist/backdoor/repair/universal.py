"""Unlearning of universal perturbations, for which no trigger has to be known.

I-BAU (Zeng et al. 2022, arXiv 2110.03735) alternates two steps. It looks for one perturbation of all
images that misleads the network, and then trains the network on images with it. A backdoor is the easiest
such perturbation. Here there are two perturbations for each class: a faint one of all pixels and a strong
one of few pixels. The gradient through the search, which the paper approximates, is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from securemnist.backdoor.repair.fine_tuning import Repair, fine_tune, unlearning_loss
from securemnist.backdoor.repair.trigger_search import FoundTrigger, find_triggers
from securemnist.backdoor.repair.trigger_unlearning import ImageChange, triggered
from securemnist.batches import batch_size, channels_last
from securemnist.types import Images, per_image

_ROUNDS, _RATE = 6, 0.015
_STEPS, _IMAGES = 20, 16
# A search has at most so many classes; of more, each round draws others.
_MOST_CLASSES = 10
# L2 size of the faint perturbation over the root of the number of pixels, in [0, 1]: 2.5 of 28x28.
_FAINT = 2.5 / 28
# Share of pixels of the strong one: 20 of 28x28.
_SHARE = 20 / 784
_STRONG_STEP = 2.0


def unlearn_universal(repair: Repair) -> None:
    """Fine-tune on clean images and on images with universal perturbations, found anew each epoch."""
    _unlearn(repair, ())


def unlearn_found(repair: Repair) -> list[FoundTrigger]:
    """The same; three of four changed images have triggers that a search found, which are returned."""
    found = find_triggers(repair)
    _unlearn(repair, [each for one in found for each in one.at_strengths()])
    return found


def unlearn_all(repair: Repair) -> list[FoundTrigger] | None:
    """The same with the known triggers; where none is known, with found ones."""
    if not repair.triggers:
        return unlearn_found(repair)
    _unlearn(repair, repair.triggers)
    return None


def _unlearn(repair: Repair, triggers: Sequence[ImageChange]) -> None:
    found = torch.empty(0)
    rng = repair.generator("universal")

    def search(_epoch: int) -> None:
        nonlocal found
        found = perturbations(repair, rng)

    def changed(x: Images) -> Images:
        chosen = torch.randint(len(found), (len(x),), generator=rng)
        perturbed = (x + found[chosen]).clamp(0, 1)
        if triggers:
            with_trigger = torch.arange(len(x)) % 4 != 0
            perturbed[with_trigger] = triggered(x[with_trigger], triggers)
        return perturbed

    loss = unlearning_loss(repair, changed)
    fine_tune(repair, loss, epochs=_ROUNDS, rate=_RATE, before_epoch=search)


def perturbations(repair: Repair, rng: torch.Generator) -> Images:
    """A faint and a strong universal perturbation for each class, (2 * K, C, H, W) in [-1, 1].

    Each moves images towards its class. Of more than ten classes a random ten are taken.
    """
    classes = repair.model(repair.images[:1]).shape[1]
    targets = torch.randperm(classes, generator=rng)[:_MOST_CLASSES]
    shape = repair.images.shape[1:]
    faint, strong = (torch.zeros(len(targets), *shape) for _ in range(2))
    radius = _FAINT * (shape[1] * shape[2]) ** 0.5
    for step in range(_STEPS):
        left = 1 - step / _STEPS
        for_faint, for_strong = _gradients(repair, torch.cat([faint, strong]), targets, rng).chunk(
            2
        )
        faint = _within(faint - left * radius / 3 * for_faint, radius)
        share = max(_SHARE, left**3)  # all pixels at first
        strong = _largest(strong - _STRONG_STEP * for_strong, share)
    return torch.cat([faint, strong])


def _gradients(
    repair: Repair, changes: Images, targets: torch.Tensor, rng: torch.Generator
) -> Images:
    """Gradients of the loss of the targets by each perturbation, each of L2 norm 1."""
    changes = changes.requires_grad_()
    size = batch_size(repair.images, _IMAGES)
    drawn = torch.randint(len(repair.labels), (size,), generator=rng)
    x = (repair.images[drawn].repeat(len(changes), 1, 1, 1)
         + changes.repeat_interleave(size, 0)).clamp(0, 1)  # fmt: skip
    wanted = targets.repeat(2).repeat_interleave(size)
    loss = F.cross_entropy(repair.model(channels_last(x)), wanted, reduction="sum")
    (gradients,) = torch.autograd.grad(loss, changes)
    return gradients / per_image(gradients.flatten(1).norm(dim=1).clamp_min(1e-12))


def _within(changes: Images, radius: float) -> Images:
    """The perturbations, scaled to at most this L2 norm."""
    norms = changes.flatten(1).norm(dim=1).clamp_min(radius)
    return changes * per_image(radius / norms)


def _largest(changes: Images, share: float) -> Images:
    """The perturbations in [-1, 1], with this share of their pixels: those that change most."""
    sizes = changes.abs().sum(1).flatten(1)
    chosen = sizes.topk(max(1, round(share * sizes.shape[1]))).indices
    kept = torch.zeros_like(sizes).scatter_(1, chosen, 1).view(len(changes), 1, *changes.shape[2:])
    return (changes * kept).clamp(-1, 1)
