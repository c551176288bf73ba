"""Fine-tuning, which all ways of repair share: the network, its clean images, and epochs over them.

The network stays in eval mode: without dropout, and with the statistics of batch normalisation it has.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn

from securemnist._util.random_numbers import generator
from securemnist.backdoor.triggers import Trigger
from securemnist.batches import batch_size, channels_last
from securemnist.types import Images, Labels, Progress, silent

_BATCH, _MOST_NORM = 64, 5.0
# An epoch of a small clean set repeats its images until there are so many batches.
_LEAST_BATCHES = 32
# Share of the former answers in the targets of clean images; the labels have the rest.
_FORMER = 0.9
# Images are moved by up to this share of their sides: 2 pixels of 28.
_SHIFT = 1 / 14

Loss = Callable[[Images, Labels], torch.Tensor]


@dataclass(frozen=True)
class Repair:
    """A network under repair: `model`, changed in place, and clean images float32 (n, C, H, W).

    `labels` int64 (n,). `triggers` are those that are known. `progress` is called with `name`.
    """

    model: nn.Module
    images: Images
    labels: Labels
    triggers: tuple[Trigger, ...] = ()
    seed: int = 0
    progress: Progress = silent
    name: str = "repair"

    def generator(self, *purpose: str | int) -> torch.Generator:
        """A random generator of the seed for this purpose."""
        return generator(self.seed, *purpose)

    @property
    def _passes(self) -> int:
        """How often an epoch shows each image: once, or more often where that gives few batches."""
        return math.ceil(_LEAST_BATCHES / self._batches_of_a_pass)

    @property
    def _batches_of_a_pass(self) -> int:
        return math.ceil(len(self.labels) / batch_size(self.images, _BATCH))

    @property
    def batches(self) -> int:
        """The number of batches of an epoch."""
        return self._passes * self._batches_of_a_pass

    def epoch(self, number: int) -> Iterator[tuple[Images, Labels]]:
        """Batches of all clean images in a random order, 32 at least."""
        rng = self.generator("epoch", number)
        for _ in range(self._passes):
            order = torch.randperm(len(self.labels), generator=rng)
            for part in order.split(batch_size(self.images, _BATCH)):
                yield channels_last(self.images[part]), self.labels[part]

    def former_answers(self) -> Callable[[Images], torch.Tensor]:
        """The network as it is now: probabilities (n, K) of images, without a gradient."""
        former = copy.deepcopy(self.model)

        @torch.no_grad()
        def answers(x: Images) -> torch.Tensor:
            return F.softmax(former(x), 1)

        return answers


def label_loss(model: nn.Module) -> Loss:
    """Cross-entropy of the labels."""
    return lambda x, y: F.cross_entropy(model(x), y)


def unlearning_loss(repair: Repair, changed: Callable[[Images], Images]) -> Loss:
    """The loss of a batch and its `changed` images, which keep their true labels.

    Clean images keep the network's former answers, too (knowledge distillation, arXiv 1503.02531). An
    image is moved at random where the network still gives its label then, which is as more clean images.
    """
    former, rng = repair.former_answers(), repair.generator("shift")

    def loss(x: Images, y: Labels) -> torch.Tensor:
        x, answers = _moved(x, y, former, rng)
        logits = repair.model(channels_last(torch.cat([x, changed(x)])))
        clean, other = logits.split(len(x))
        wanted = _FORMER * answers + (1 - _FORMER) * F.one_hot(y, logits.shape[1])
        return F.cross_entropy(clean, wanted) + F.cross_entropy(other, y)

    return loss


def _moved(
    x: Images, y: Labels, answers: Callable[[Images], torch.Tensor], rng: torch.Generator
) -> tuple[Images, torch.Tensor]:
    """Images (n, C, H, W), each moved at random where its answer is still its label; their answers."""
    moved = shifted(x, rng)
    found = answers(moved)
    lost = found.argmax(1) != y
    if lost.any():
        moved[lost] = x[lost]
        found[lost] = answers(x[lost])
    return moved, found


def shifted(x: Images, rng: torch.Generator) -> Images:
    """Images (n, C, H, W) moved by up to a fourteenth of their sides; pixels of the edge are repeated."""
    sides = x.shape[2:]
    places = []
    for side in sides:
        most = int(_SHIFT * side)
        offsets = torch.randint(-most, most + 1, (len(x), 1), generator=rng)
        places.append((torch.arange(side) + offsets).clamp(0, side - 1))
    rows, columns = places[0][:, None, :, None], places[1][:, None, None, :]
    images, channels = torch.arange(len(x)), torch.arange(x.shape[1])
    return x[images[:, None, None, None], channels[None, :, None, None], rows, columns]


def fine_tune(
    repair: Repair,
    loss: Loss,
    *,
    epochs: int,
    rate: float,
    sharpness: float = 0.0,
    before_epoch: Callable[[int], None] = lambda _epoch: None,
) -> None:
    """Epochs of SGD with momentum; the learning rate `rate` falls to 0 in the second half.

    With `sharpness` the gradient is taken at the weights that are worst within that distance.
    """
    weights = [weight for weight in repair.model.parameters() if weight.requires_grad]
    optimizer = torch.optim.SGD(weights, rate, momentum=0.9)
    total, step = epochs * repair.batches, 0
    for number in range(epochs):
        before_epoch(number)
        for x, y in repair.epoch(number):
            optimizer.param_groups[0]["lr"] = rate * min(1.0, 2 * (1 - step / total))
            optimizer.zero_grad(set_to_none=True)
            gradients = torch.autograd.grad(loss(x, y), weights)
            if sharpness:
                gradients = _worst_gradients(weights, gradients, partial(loss, x, y), sharpness)
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.grad = gradient
            nn.utils.clip_grad_norm_(weights, _MOST_NORM)
            optimizer.step()
            step += 1
            repair.progress(repair.name, step, total)


def _worst_gradients(
    weights: list[nn.Parameter],
    gradients: tuple[torch.Tensor, ...],
    loss: Callable[[], torch.Tensor],
    sharpness: float,
) -> tuple[torch.Tensor, ...]:
    """Gradients at the worst weights nearby, where each weight moves in proportion to its size."""
    scaled = [w.detach().abs() * g for w, g in zip(weights, gradients, strict=True)]
    norm = torch.stack([part.square().sum() for part in scaled]).sum().sqrt().clamp_min(1e-12)
    moves = [
        w.detach().abs() * part * (sharpness / norm)
        for w, part in zip(weights, scaled, strict=True)
    ]
    with torch.no_grad():
        for weight, move in zip(weights, moves, strict=True):
            weight.add_(move)
    worst = torch.autograd.grad(loss(), weights)
    with torch.no_grad():
        for weight, move in zip(weights, moves, strict=True):
            weight.sub_(move)
    return worst
