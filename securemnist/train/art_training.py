"""Adversarial training in the manner of the systems this project reproduces: one FGSM step, by ART.

Two ways. A set of FGSM examples against an undefended network, each beside its clean digit; or ART's
AdversarialTrainer, which attacks a part of every batch against the network in training. Both end in a
network that withstands FGSM and little else (Tramer et al. 2017, arXiv 1705.07204): red controls.
"""

from __future__ import annotations

import torch
from torch import nn

from securemnist.attacks.art import ARTAttack
from securemnist.attacks.art_isolation import guarded, load
from securemnist.models import loading
from securemnist.threats import Linf
from securemnist.types import CLASSES, SHAPE, Images, Labels


class Twins:
    """Every digit's example of ART's FGSM at L-infinity `eps` against the model `source`.

    Made when it is first asked for and kept: the network they are made against does not change.
    """

    def __init__(self, source: str, eps: float, images: Images, labels: Labels) -> None:
        self._model = loading.resolve(source).model
        self._threat = Linf(eps)
        self._images, self._labels = images, labels
        self._made = torch.zeros(len(labels), dtype=torch.bool)
        self._examples = torch.empty_like(images)

    def of(self, places: torch.Tensor) -> Images:
        """The examples of the digits at `places`, (n, 1, 28, 28)."""
        new = places[~self._made[places]]
        if len(new):
            self._examples[new] = self._attacked(new)
            self._made[new] = True
        return self._examples[places]

    def _attacked(self, places: torch.Tensor) -> Images:
        attack = ARTAttack(kind="FastGradientMethod")
        x, y = self._images[places], self._labels[places]
        # FGSM draws nothing: the generator only has to be there.
        rng = torch.Generator().manual_seed(0)
        return attack.propose(self._model, x, y, threat=self._threat, rng=rng)


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
