"""Adversarial training in the manner of the systems this project reproduces: one FGSM step, by ART.

Two ways. A set of FGSM examples against an undefended network, each beside its clean digit; or ART's
AdversarialTrainer, which attacks a part of every batch against the network in training. Both end in a
network that withstands FGSM and little else (Tramer et al. 2017, arXiv 1705.07204): red controls.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from securemnist import subjects
from securemnist.attacks.art import ARTAttack
from securemnist.attacks.art_guards import guarded, load
from securemnist.threats import Linf
from securemnist.types import CLASSES, SHAPE, Images, Labels

Perturb = Callable[[Images, Labels], Images]


def fgsm_against(source: str, eps: float) -> Perturb:
    """ART's FGSM at L-infinity `eps` against the reference model `source`, for batches of digits."""
    model = subjects.resolve(source).model
    attack = ARTAttack(kind="FastGradientMethod")

    def perturb(x: Images, y: Labels) -> Images:
        # FGSM draws nothing: the generator only has to be there.
        return attack(model, x, y, threat=Linf(eps), rng=torch.Generator().manual_seed(0))

    return perturb


def adversarial_trainer_epoch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    images: Images,
    labels: Labels,
    *,
    eps: float,
    ratio: float,
    batch: int,
    rng: torch.Generator,
) -> None:
    """One epoch of ART's AdversarialTrainer: FGSM at `eps` on a share `ratio` of every batch."""
    load()
    from art.attacks.evasion import FastGradientMethod
    from art.defences.trainer import AdversarialTrainer
    from art.estimators.classification import PyTorchClassifier

    classifier = PyTorchClassifier(
        model,
        loss=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        input_shape=SHAPE,
        nb_classes=CLASSES,
        clip_values=(0.0, 1.0),
        device_type="cpu",
    )
    attack = FastGradientMethod(classifier, eps=eps, batch_size=batch)
    with guarded(rng):
        trainer = AdversarialTrainer(classifier, attack, ratio=ratio)
        trainer.fit(images.numpy(), labels.numpy(), batch_size=batch, nb_epochs=1)
