"""FGSM and PGD of ART, torchattacks and foolbox on the same network, images, eps and steps."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable

import torch
from torch import nn

from securemnist._util.torchvision_shim import torchvision

Run = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
# batch size -> a function from images and labels to adversarial images
Peer = Callable[[int], Run]


def batched(attack: Run, batch: int) -> Run:
    """Call an attack on batches."""

    def run(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        parts = zip(x.split(batch), y.split(batch), strict=True)
        return torch.cat([attack(xs, ys) for xs, ys in parts])

    return run


def fgsm_peers(model: nn.Module, eps: float) -> dict[str, Peer]:
    """FGSM, by library."""
    import foolbox
    import torchattacks

    fool = foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu")
    quick = foolbox.attacks.LinfFastGradientAttack(random_start=False)
    return {
        "ART": lambda batch: _art(model, "FastGradientMethod", batch, eps=eps),
        "torchattacks": lambda batch: batched(torchattacks.FGSM(model, eps=eps), batch),
        "foolbox": lambda batch: batched(lambda x, y: quick(fool, x, y, epsilons=eps)[1], batch),
    }


def pgd_peers(model: nn.Module, eps: float, steps: int, step_size: float) -> dict[str, Peer]:
    """PGD with one random start, by library."""
    import foolbox
    import torchattacks

    fool = foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu")
    slow = foolbox.attacks.LinfPGD(abs_stepsize=step_size, steps=steps, random_start=True)
    return {
        "ART": lambda batch: _art(
            model,
            "ProjectedGradientDescentPyTorch",
            batch,
            eps=eps,
            eps_step=step_size,
            max_iter=steps,
            num_random_init=1,
            verbose=False,
        ),
        "torchattacks": lambda batch: batched(
            torchattacks.PGD(model, eps=eps, alpha=step_size, steps=steps), batch
        ),
        "foolbox": lambda batch: batched(lambda x, y: slow(fool, x, y, epsilons=eps)[1], batch),
    }


def _art(model: nn.Module, name: str, batch: int, **settings: object) -> Run:
    # ART writes a configuration folder when it is imported: into a temporary one, not into HOME.
    os.environ.setdefault("ART_DATA_PATH", tempfile.mkdtemp(prefix="art-"))
    torchvision()
    from art.attacks import evasion
    from art.estimators.classification import PyTorchClassifier

    logging.disable(logging.WARNING)
    network = PyTorchClassifier(
        model, nn.CrossEntropyLoss(), (1, 28, 28), 10, clip_values=(0, 1), device_type="cpu"
    )
    attack = getattr(evasion, name)(network, batch_size=batch, **settings)

    def run(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(attack.generate(x.numpy(), y.numpy()))

    return run
