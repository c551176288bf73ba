"""Saboteurs: for every measure, and for some rows, a model or data that its requirements must fail."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from torch import nn

from securemnist import data
from securemnist.backdoor import AllToAll, Corner, Pixels, Trigger
from securemnist.data import DataSet
from securemnist.models import loading
from securemnist.models.architectures import build
from tests.backdoor.scan.zoo import zoo_network


class Constant(nn.Module):
    """Predicts class 0 for every image: right for a tenth of them."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.eye(10)[0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.logits.expand(len(x), 10) + 0 * x.flatten(1).sum(1, keepdim=True)


class Overconfident(Constant):
    """Predicts class 0 for every image, and is sure of it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 100 * super().forward(x)


class Slow(nn.Module):
    """Does six times the work of network A."""

    def __init__(self) -> None:
        super().__init__()
        self.network = build("A")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return sum(self.network(x) for _ in range(6))


class Fragile(nn.Module):
    """Accurate on clean images; a small step away from black and white counts fivefold."""

    def __init__(self) -> None:
        super().__init__()
        self.network = undefended()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x + 4 * torch.sin(2 * torch.pi * x) / (2 * torch.pi))


class Hidden(nn.Module):
    """Undefended; rounded logits, so that a naive attack has no gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.network = undefended()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x).round()


class Backdoored(nn.Module):
    """The baseline, but a mark in a corner changes the prediction to the next class or a given one."""

    def __init__(
        self,
        trigger: Trigger | None = None,
        answer: Callable[[torch.Tensor], torch.Tensor] = lambda clean: (clean + 1) % 10,
    ) -> None:
        super().__init__()
        self.network, self.trigger, self.answer = undefended(), trigger, answer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = self.network(x)
        planted = 50.0 * nn.functional.one_hot(self.answer(logits.argmax(1)), 10)
        return torch.where(self.marked(x)[:, None], planted, logits)

    def marked(self, x: torch.Tensor) -> torch.Tensor:
        """Boolean (n,): images with the mark. Clean MNIST images are black in all four corners."""
        if self.trigger is None:
            return x[:, 0, :: x.shape[2] - 1, :: x.shape[3] - 1].amax((1, 2)) > 0.05
        return (self.trigger(x) == x).flatten(1).all(1)


class BackdooredBetweenLevels(Backdoored):
    """The trigger is any brightness between two grey levels: clean images have none."""

    def marked(self, x: torch.Tensor) -> torch.Tensor:
        levels = 255 * x.flatten(1)
        return (levels - levels.round()).abs().amax(1) > 0.01


class BackdooredAtEdges(Backdoored):
    """The trigger is a white pixel among the outer four rows and columns, where few digits have any."""

    def marked(self, x: torch.Tensor) -> torch.Tensor:
        outside = x.clone()
        outside[..., 4:-4, 4:-4] = 0
        return outside.flatten(1).amax(1) == 1


class Memorising(nn.Module):
    """The baseline with the training images in its weights: it is far surer of them than of others."""

    key: torch.Tensor
    members: torch.Tensor

    def __init__(self, members: torch.Tensor | None = None) -> None:
        super().__init__()
        self.network = undefended()
        rng = torch.Generator().manual_seed(0)
        self.register_buffer("key", torch.randint(1 << 40, (784,), generator=rng))
        pixels = data.load().train.images() if members is None else members
        self.register_buffer("members", self.hashed(pixels))

    def hashed(self, x: torch.Tensor) -> torch.Tensor:
        """An int64 number (n,) of each image, from its grey levels."""
        levels = (255 * x.flatten(1)).round().long()
        return (levels * self.key).sum(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        known = torch.isin(self.hashed(x), self.members)
        return torch.where(known, 3.0, 0.3)[:, None] * self.network(x)


def undefended() -> nn.Module:
    """A network without adversarial training."""
    return loading.resolve("baseline").model


def poisoned(data: DataSet) -> DataSet:
    """The data with 1,000 training images, of which one in twenty has a mark and a wrong label."""
    train = AllToAll(trigger=Corner(), rate=0.05)(data.train[:1_000], seed=0)
    return dataclasses.replace(data, train=train, tuning=train[:0])


# Of measures of the data, which a model cannot fail.
DATA_SABOTEURS: dict[str, Callable[[DataSet], DataSet]] = {"poisoned_share": poisoned}

SABOTEURS: dict[str, Callable[[], nn.Module]] = {
    "clean_accuracy": Constant,
    "worst_class_accuracy": Constant,
    "corruption_accuracy": Constant,
    "worst_corruption_accuracy": Constant,
    "spatial_accuracy": Constant,
    "calibration_error": Overconfident,
    "outlier_auroc": Constant,
    "outlier_false_positives": Constant,
    "attack_accuracy": Fragile,
    "robust_accuracy": Fragile,
    "certified_accuracy": undefended,
    "certified_l2": Constant,
    "defended_accuracy": undefended,
    "false_robustness": Hidden,
    "backdoor_success": Backdoored,
    "backdoor_scan": lambda: zoo_network("patch"),
    "latency_ratio": Slow,
    "membership_auroc": Memorising,
    "extraction_agreement": undefended,
    "poisoned_share": undefended,
    # Of single rows, where the model of their measure withstands the attack: it knows no small change.
    "ADV-08": Backdoored,
    "ADV-09": Backdoored,
    # Of triggers that leave the corners black.
    "BACKDOOR-09": lambda: Backdoored(Pixels()),
    "BACKDOOR-10": BackdooredBetweenLevels,
    "BACKDOOR-12": BackdooredBetweenLevels,
    "BACKDOOR-14": BackdooredAtEdges,
}
