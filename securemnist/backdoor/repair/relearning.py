"""The re-learning test: how fast a network learns the backdoor again.

A repair can hide a backdoor without removing it. Such a network learns it again from a few poisoned
images (Min et al. 2024, arXiv 2410.09838).
"""

from __future__ import annotations

import copy
import dataclasses

import torch
from torch import nn

from securemnist._util.random_numbers import generator
from securemnist.backdoor.repair.fine_tuning import Repair, fine_tune, label_loss
from securemnist.backdoor.success_rate import target_maps
from securemnist.backdoor.triggers import Trigger

POISONED = 100
_RATE = 0.02


def relearned(model: nn.Module, repair: Repair, trigger: Trigger, target: int | str) -> nn.Module:
    """A copy of `model` after one epoch on the clean images of `repair`, 100 of them poisoned.

    Fewer are poisoned where there are fewer than 1,000 clean images: a tenth of them.
    """
    images, labels = repair.images.clone(), repair.labels.clone()
    rng = generator(repair.seed, "poisoned again")
    count = min(POISONED, len(labels) // 10)
    chosen = torch.randperm(len(labels), generator=rng)[:count]
    classes = repair.model(images[:1]).shape[1]
    (target_map,) = target_maps(target, classes)
    images[chosen], labels[chosen] = trigger(images[chosen]), target_map.table[labels[chosen]]
    trained = copy.deepcopy(model).requires_grad_(True)
    work = dataclasses.replace(
        repair, model=trained, images=images, labels=labels, name="learning the backdoor again"
    )
    fine_tune(work, label_loss(trained), epochs=1, rate=_RATE)
    return trained
