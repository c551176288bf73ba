"""Perturbations that one search optimises: a mask with a pattern, an addition, a displacement."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from typing import ClassVar, final

import torch
from torch.nn import functional

from securemnist.types import Images

_BISECTIONS = 20
_TINY = 1e-9


class Perturbation(ABC):
    """`count` perturbations of images of one form, each limited to its own `size`.

    `size` is of shape (count,), in `unit`. A search starts at the size `first`; `rate` is the step of its
    optimiser. Each map has `starts` searches, of which the smallest size counts.
    """

    kind: ClassVar[str]
    unit: ClassVar[str]
    rate: ClassVar[float]
    starts: ClassVar[int] = 1
    parameters: list[torch.Tensor]

    @abstractmethod
    def __init__(self, count: int, shape: tuple[int, int, int], rng: torch.Generator) -> None: ...

    @property
    @abstractmethod
    def first(self) -> float:
        """The size at which a search starts."""

    @abstractmethod
    def apply(self, x: Images) -> Images:
        """Images (count, n, C, H, W), each block with its perturbation; in [0, 1]."""

    def __getitem__(self, places: torch.Tensor) -> Perturbation:
        """The perturbations at these places, detached."""
        chosen = copy.copy(self)
        chosen.parameters = [part.detach()[places] for part in self.parameters]
        return chosen

    @abstractmethod
    def project(self, size: torch.Tensor) -> None:
        """Limit each perturbation to its size, in place."""

    def to(self, device: torch.device) -> None:
        """Move the parameters."""
        self.parameters = [part.to(device).requires_grad_() for part in self.parameters]


@final
class Mask(Perturbation):
    """A pattern behind a mask: (1 - mask) * image + mask * pattern. Its size is the sum of the mask.

    Wang et al. 2019 (Neural Cleanse, doi 10.1109/SP.2019.00031). One mask for all channels.
    """

    kind = "mask"
    unit = "pixels"
    rate = 0.05
    starts = 2

    def __init__(self, count: int, shape: tuple[int, int, int], rng: torch.Generator) -> None:
        channels, height, width = shape
        self._area = height * width
        mask = torch.full((count, 1, 1, height, width), self.first / self._area)
        pattern = torch.rand((count, 1, channels, height, width), generator=rng)
        self.parameters = [mask, pattern]

    @property
    def first(self) -> float:
        return self._area / 16

    def apply(self, x: Images) -> Images:
        mask, pattern = self.parameters
        return torch.lerp(x, pattern.expand_as(x), mask.expand_as(x))

    def project(self, size: torch.Tensor) -> None:
        mask, pattern = self.parameters
        pattern.clamp_(0, 1)
        # The nearest point of {0 <= mask <= 1, sum <= size}: a common shift, found by bisection.
        low = torch.zeros_like(size)
        high = mask.amax((1, 2, 3, 4)).clamp_min(0)
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            total = (mask - middle.view(-1, 1, 1, 1, 1)).clamp(0, 1).sum((1, 2, 3, 4))
            too_large = total > size
            low, high = torch.where(too_large, middle, low), torch.where(too_large, high, middle)
        shift = torch.where(mask.clamp(0, 1).sum((1, 2, 3, 4)) > size, high, 0.0)
        mask.sub_(shift.view(-1, 1, 1, 1, 1)).clamp_(0, 1)


@final
class Addition(Perturbation):
    """Values added to the pixels of an image. Its size is their L2 norm.

    A small generator makes them from the image, as in input-aware triggers (Nguyen and Tran 2020, arXiv
    2010.08138): a convolution, ReLU and a transposed convolution, plus a part that is the same for all
    images, as in universal perturbations (Moosavi-Dezfooli et al. 2017, arXiv 1610.08401).
    """

    kind = "addition"
    unit = "L2"
    rate = 0.03
    _KERNEL, _STRIDE, _HIDDEN = 7, 4, 8

    def __init__(self, count: int, shape: tuple[int, int, int], rng: torch.Generator) -> None:
        self._dimension = math.prod(shape)
        kernels = (count, self._HIDDEN, shape[0], self._KERNEL, self._KERNEL)
        read, written = (torch.randn(kernels, generator=rng) for _ in range(2))
        self.parameters = [
            read / math.sqrt(shape[0] * self._KERNEL**2),
            torch.zeros(count, self._HIDDEN),
            0.3 * written / math.sqrt(self._HIDDEN),
            0.1 * torch.randn((count, 1, *shape), generator=rng),
            torch.full((count, 1), self.first),
        ]

    @property
    def first(self) -> float:
        return 0.15 * math.sqrt(self._dimension)

    def apply(self, x: Images) -> Images:
        read, bias, written, same, size = self.parameters
        count, _, _, height, width = x.shape
        images = x.transpose(0, 1).flatten(1, 2)
        stride, padding = self._STRIDE, self._KERNEL // 2
        # One group for each perturbation.
        hidden = functional.conv2d(
            images, read.flatten(0, 1), bias.flatten(), stride, padding, groups=count
        ).relu()
        made = functional.conv_transpose2d(
            hidden, written.flatten(0, 1), None, stride, padding, stride - 1, count
        )
        made = made[..., :height, :width].unflatten(1, (count, -1)).transpose(0, 1) + same
        norm = made.flatten(2).norm(dim=2).clamp_min(_TINY)
        changed: Images = x + made * (size / norm)[..., None, None, None]
        return changed.clamp(0, 1)

    def project(self, size: torch.Tensor) -> None:
        # The size is a parameter only to be kept with the others: this undoes steps of the optimiser.
        self.parameters[-1].copy_(size[:, None])


@final
class Displacement(Perturbation):
    """A smooth displacement of all pixels. Its size is the root mean square, in pixels.

    Nguyen and Tran 2021 (WaNet, arXiv 2102.10369) warp with such a field.
    """

    kind = "displacement"
    unit = "pixels"
    rate = 0.1
    _POINTS = 5

    def __init__(self, count: int, shape: tuple[int, int, int], rng: torch.Generator) -> None:
        self._form = shape[1:]
        field = 0.2 * torch.randn((count, 2, self._POINTS, self._POINTS), generator=rng)
        self.parameters = [field]
        sides = [torch.linspace(-1, 1, side) for side in (shape[2], shape[1])]
        self._identity = torch.stack(torch.meshgrid(*sides, indexing="xy"), dim=-1)

    @property
    def first(self) -> float:
        return max(self._form) / 12

    def apply(self, x: Images) -> Images:
        (field,) = self.parameters
        smooth = functional.interpolate(field, self._form, mode="bicubic", align_corners=True)
        pixels = smooth.new_tensor([2 / max(self._form[1] - 1, 1), 2 / max(self._form[0] - 1, 1)])
        grid = self._identity.to(x) + pixels * smooth.permute(0, 2, 3, 1)
        grids = grid[:, None].expand(-1, x.shape[1], -1, -1, -1).flatten(0, 1)
        read = functional.grid_sample(
            x.flatten(0, 1), grids, padding_mode="border", align_corners=True
        )
        return read.clamp(0, 1).view_as(x)

    def project(self, size: torch.Tensor) -> None:
        (field,) = self.parameters
        rms = field.square().sum(1).mean((1, 2)).sqrt().clamp_min(_TINY)
        field.mul_((size / rms).clamp(max=1).view(-1, 1, 1, 1))


PERTURBATIONS: tuple[type[Perturbation], ...] = (Mask, Addition, Displacement)
