"""Small networks trained in seconds: honest ones, and one overfitted to FGSM."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from securemnist.attacks.losses import cross_entropies, loss_and_gradient
from securemnist.data import DataSet
from securemnist.threats import Linf

Make = Callable[[], nn.Module]
BATCH, RATE = 32, 3e-3
# That at which the distilled network is trained; it answers at 1.
TEMPERATURE = 40.0
# The eps at which the overfitted network looks robust.
OVERFITTED = 0.3


def two_layers() -> nn.Module:
    """Two linear layers."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def convolutions(channels: int = 16, hidden: int = 100) -> nn.Module:
    """Two strided convolutions; 1.2 MFLOP an image."""
    return nn.Sequential(
        nn.Conv2d(1, channels, 4, 2, 1),
        nn.ReLU(),
        nn.Conv2d(channels, 2 * channels, 4, 2, 1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(2 * channels * 49, hidden),
        nn.ReLU(),
        nn.Linear(hidden, 10),
    )


def pooled() -> nn.Module:
    """One convolution of a few channels and max pooling."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 5, stride=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(288, 10),
    )


def few_channels() -> nn.Module:
    """Half as many channels: a third of the work."""
    return convolutions(8, 64)


def plain(mnist: DataSet, seed: int, network: Make = convolutions) -> nn.Module:
    """Training on clean images."""
    return _train(mnist, seed, network, images=2000, epochs=3)


def hardened(mnist: DataSet, seed: int, eps: float) -> nn.Module:
    """Training on PGD examples (Madry et al. 2017, arXiv 1706.06083); eps rises over the epochs."""
    return _train(mnist, seed, convolutions, images=2000, epochs=5, eps=eps, steps=3)


def overfitted(mnist: DataSet, seed: int) -> nn.Module:
    """Trained on FGSM examples from the images themselves, without a random start, until it collapses."""
    return _train(mnist, seed, convolutions, images=4000, epochs=14, eps=OVERFITTED, steps=1)


def distilled(mnist: DataSet, seed: int, network: Make = convolutions) -> nn.Module:
    """Defensive distillation (Papernot et al. 2015, arXiv 1511.04508)."""
    hot = {"images": 2000, "epochs": 4, "temperature": TEMPERATURE}
    teacher = _train(mnist, seed, network, **hot)
    return _train(mnist, seed, network, **hot, teacher=teacher)


def _train(
    mnist: DataSet,
    seed: int,
    make: Make,
    *,
    images: int,
    epochs: int,
    eps: float = 0.0,
    steps: int = 0,
    temperature: float = 1.0,
    teacher: nn.Module | None = None,
) -> nn.Module:
    """On a part of the training images that the seed chooses; the first weights come from it, too.

    Labels are those of the images, or the answers of a `teacher` at the same temperature.
    """
    rng = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = make()
    chosen = mnist.train[torch.randperm(len(mnist.train), generator=rng)[:images]]
    pixels, labels = chosen.images(), chosen.labels
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    done, half = 0, epochs * images / BATCH / 2
    for _ in range(epochs):
        for part in torch.randperm(images, generator=rng).split(BATCH):
            x, y = pixels[part], labels[part]
            # From the full eps at once a network stays a constant.
            x = _attacked(network, x, y, eps * min(1.0, done / half), steps, rng)
            optimizer.zero_grad(set_to_none=True)
            wanted = y if teacher is None else (teacher(x) / temperature).softmax(1)
            F.cross_entropy(network(x) / temperature, wanted).backward()
            optimizer.step()
            done += 1
    return network.eval().requires_grad_(False)


def _attacked(
    network: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    eps: float,
    steps: int,
    rng: torch.Generator,
) -> torch.Tensor:
    if not steps or not eps:
        return x
    threat = Linf(eps)
    x_adv = x if steps == 1 else threat.random_start(x, rng)
    for _ in range(steps):
        _, gradient, _ = loss_and_gradient(network, x_adv, y, cross_entropies)
        x_adv = threat.project(x, x_adv + 1.5 * eps / steps * threat.steepest(gradient))
    return x_adv
