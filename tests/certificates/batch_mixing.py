"""Networks that mix the samples of a batch, with a part of the expected error."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from tests.certificates.networks import behind


class Brightest(nn.Module):
    """Subtracts the largest pixel of the batch, the second of two outputs."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x - torch.aminmax(x)[1]


class Mixed(nn.Module):
    """Subtracts the sum of all pixels of the batch."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x - x.flatten().sum()


class Growing(nn.Module):
    """Pools over as many pixels as there are images."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.avg_pool2d(x, x.size(0))


class Doubled(nn.Module):
    """Concatenates the batch with itself, and keeps the first half."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, x])[: x.size(0)]


class Rolled(nn.Module):
    """Pads the batch dimension, so that each sample gets its neighbour's activations."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.pad(x, (0, 0, 0, 0, 0, 0, 1, -1))


class Reordered(nn.Module):
    """Adds another sample, by a function."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.function(x)


def attended_by_samples(x: torch.Tensor) -> torch.Tensor:
    """Each row of an image attends to the same row of all images."""
    rows = x.permute(1, 2, 0, 3)
    return F.scaled_dot_product_attention(rows, rows, rows).permute(2, 0, 1, 3)


class First(nn.Module):
    """The first three images; the ellipsis stands for no dimension here."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[..., :3, :, :, :]


class Squeezed(nn.Module):
    """Removes the batch dimension of a single image."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(784, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x.view(-1, 784, 1).squeeze())


class Slim(nn.Module):
    """The same before layers that need the dimension."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.squeeze() * 0.5


class SqueezedBatch(nn.Module):
    """Removes the batch dimension by its number, where there is one image."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.squeeze(0)


class Counted(nn.Module):
    """Multiplies by how many images there are."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * (x.size(0) + 1)


MIXING: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "tuple": (lambda: behind(Brightest()), "aminmax"),
    "batch": (lambda: behind(Mixed()), "of each sample"),
    "pool of the batch": (lambda: behind(Growing()), "expected"),
    "joined with an image": (
        lambda: nn.Sequential(Doubled(), nn.Flatten(), nn.LazyLinear(10)),
        "of each sample",
    ),
    "another sample": (lambda: behind(Rolled()), "of each sample"),
    "flip": (lambda: behind(Reordered(lambda x: x.flip(0, 3))), "samples that keep their order"),
    "roll": (lambda: behind(Reordered(lambda x: x.roll(1, -4))), "samples that keep their order"),
    "roll of all": (
        lambda: behind(Reordered(lambda x: x.roll(1))),
        "samples that keep their order",
    ),
    "every pair": (
        lambda: behind(Reordered(lambda x: (x.squeeze(1) + x)[:, :1])),
        "mixed over the batch",
    ),
    "softmax of samples": (lambda: behind(Reordered(lambda x: x.softmax(0))), "over the batch"),
    "softmax of samples, moved": (
        lambda: behind(Reordered(lambda x: x.transpose(0, 1).softmax(1).transpose(0, 1))),
        "of each sample",
    ),
    "attention between samples": (
        lambda: behind(Reordered(attended_by_samples)),
        "of each sample",
    ),
    "one sample for all": (
        lambda: behind(Reordered(lambda x: x.transpose(0, 1).select(1, 0)[:, None])),
        "of each sample|every sample",
    ),
    "samples in another place": (
        lambda: behind(Reordered(lambda x: x.transpose(0, 1).reshape(x.shape))),
        "of each sample",
    ),
    "constant summed over samples": (
        lambda: behind(Reordered(lambda x: torch.ones(1, 28, 28).expand(x.shape).sum(0))),
        "number of images",
    ),
    "part of the batch": (lambda: behind(First()), "any number of images"),
    "squeeze of the batch": (lambda: behind(SqueezedBatch()), "batch dimension that stays"),
    "squeeze": (Squeezed, "known bounds, got squeeze"),
    "squeeze of one": (lambda: behind(Slim()), "known bounds, got squeeze"),
    "number of images": (lambda: behind(Counted()), "number of images"),
}
