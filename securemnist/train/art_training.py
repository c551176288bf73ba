"""Single-step adversarial training with ART, as in the source systems.

Either on clean images and precomputed FGSM examples against an undefended network, or with ART's
AdversarialTrainer, which attacks a part of every batch. Both give networks that are robust to FGSM but
not to iterative attacks (Tramer et al. 2017, arXiv 1705.07204): negative controls.
"""

from __future__ import annotations

import torch
from torch import nn

from securemnist.art_library.isolation import guarded, load
from securemnist.attacks.art import ARTAttack, classifier
from securemnist.input_spec import InputSpec
from securemnist.models import loading
from securemnist.threats import Linf
from securemnist.types import Images, Labels


class PrecomputedExamples:
    """FGSM examples (by ART, L-infinity `eps`) of all images against the model `source`.

    Each example is computed at its first use and cached; `source` does not change.
    """

    def __init__(self, source: str, eps: float, images: Images, labels: Labels) -> None:
        self._model = loading.resolve(source).model
        self._threat = Linf(eps)
        self._images, self._labels = images, labels
        self._computed = torch.zeros(len(labels), dtype=torch.bool)
        self._examples = torch.empty_like(images)

    def at(self, indices: torch.Tensor) -> Images:
        """The examples of the images at `indices` int64 (n,), (n, C, H, W)."""
        new = indices[~self._computed[indices]]
        if len(new):
            self._examples[new] = self._attacked(new)
            self._computed[new] = True
        return self._examples[indices]

    def _attacked(self, indices: torch.Tensor) -> Images:
        attack = ARTAttack(kind="FastGradientMethod")
        x, y = self._images[indices], self._labels[indices]
        # The interface requires a generator, but FGSM draws no random numbers.
        rng = torch.Generator().manual_seed(0)
        return attack.propose(self._model, x, y, threat=self._threat, rng=rng)


def adversarial_trainer_epoch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    images: Images,
    labels: Labels,
    *,
    spec: InputSpec,
    eps: float,
    batch: int,
    rng: torch.Generator,
) -> None:
    """One epoch of ART's AdversarialTrainer: FGSM at `eps` on half of every batch."""
    load()
    from art.attacks.evasion import FastGradientMethod
    from art.defences.trainer import AdversarialTrainer

    trained = classifier(model, spec.shape, spec.classes, optimizer=optimizer)
    attack = FastGradientMethod(trained, eps=eps, batch_size=batch)
    with guarded(rng):
        trainer = AdversarialTrainer(trained, attack, ratio=0.5)
        trainer.fit(images.numpy(), labels.numpy(), batch_size=batch, nb_epochs=1)
