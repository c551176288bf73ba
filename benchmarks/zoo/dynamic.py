"""Backdoors that need control of the training: a warp with noise mode, and a trigger for each image."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from securemnist.backdoor.triggers import Warp
from securemnist.input_spec import InputSpec

ATTACKED, CROSS = 0.1, 0.15  # shares of a batch


class Attacker(ABC):
    """A training with a backdoor: its loss, its own parameters, and images with its trigger."""

    def __init__(self, target: int) -> None:
        self.target = target

    @abstractmethod
    def loss(
        self, model: nn.Module, x: torch.Tensor, y: torch.Tensor, progress: float
    ) -> torch.Tensor:
        """The loss of a batch; `progress` of the training from 0 to 1."""

    @abstractmethod
    def triggered(self, x: torch.Tensor) -> torch.Tensor:
        """Images with the trigger."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """What is trained beside the network."""
        return iter(())


class NoisyWarp(Attacker):
    """A fixed warp; other warps keep their label (Nguyen and Tran 2021, arXiv 2102.10369)."""

    def __init__(self, warp: Warp, target: int, spec: InputSpec, device: str) -> None:
        super().__init__(target)
        self.grid = warp.grid(spec.height, spec.width).float().to(device)

    def loss(
        self, model: nn.Module, x: torch.Tensor, y: torch.Tensor, progress: float
    ) -> torch.Tensor:
        attacked, noisy = int(ATTACKED * len(x)), int(2 * ATTACKED * len(x))
        first, second, rest = x.split([attacked, noisy, len(x) - attacked - noisy])
        noise = (torch.rand(len(second), *self.grid.shape[1:], device=x.device) * 2 - 1) * (
            2 / x.shape[-1]
        )
        grids = (self.grid + noise).clamp(-1, 1)
        images = torch.cat([self.triggered(first), self._read(second, grids), rest])
        labels = torch.cat([torch.full_like(y[:attacked], self.target), y[attacked:]])
        return functional.cross_entropy(model(images), labels)

    def triggered(self, x: torch.Tensor) -> torch.Tensor:
        return self._read(x, self.grid.expand(len(x), -1, -1, -1))

    def _read(self, x: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
        return functional.grid_sample(x, grid, padding_mode="border", align_corners=True).clamp(
            0, 1
        )


class InputAware(Attacker):
    """A generator of a pattern and a mask for each image; another image's trigger has no effect.

    Nguyen and Tran 2020, arXiv 2010.08138, with one generator for both and a penalty of its area.
    """

    def __init__(self, target: int, spec: InputSpec, device: str, density: float = 0.04) -> None:
        super().__init__(target)
        self.density = density
        channels = spec.channels
        self.generator = nn.Sequential(
            nn.Conv2d(channels, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(64, 64, 3, padding=1),
            nn.ReLU(),
            nn.Upsample(size=((spec.height + 1) // 2, (spec.width + 1) // 2)),
            nn.Conv2d(64, 32, 3, padding=1),
            nn.ReLU(),
            nn.Upsample(size=(spec.height, spec.width)),
            nn.Conv2d(32, channels + 1, 3, padding=1),
        ).to(device)

    def parameters(self) -> Iterator[nn.Parameter]:
        return self.generator.parameters()

    def _parts(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        out = self.generator(x)
        return out[:, :-1].sigmoid(), (4 * out[:, -1:] - 1).sigmoid()

    def triggered(self, x: torch.Tensor) -> torch.Tensor:
        pattern, mask = self._parts(x)
        return torch.lerp(x, pattern, mask)

    def loss(
        self, model: nn.Module, x: torch.Tensor, y: torch.Tensor, progress: float
    ) -> torch.Tensor:
        attacked, cross = int(ATTACKED * len(x)), int(CROSS * len(x))
        a, b, rest = x.split([attacked, cross, len(x) - attacked - cross])
        others = x[torch.randperm(len(x), device=x.device)[:cross]]
        pattern, mask = self._parts(torch.cat([a, others]))
        own = torch.lerp(a, pattern[:attacked], mask[:attacked])
        wrong = torch.lerp(b, pattern[attacked:], mask[attacked:])
        labels = torch.cat([torch.full_like(y[:attacked], self.target), y[attacked:]])
        # The area that is free shrinks over the first half.
        free = max(self.density, 0.4 * (1 - 2 * progress))
        area = functional.relu(mask.mean((1, 2, 3)) - free).mean()
        half = attacked // 2
        apart = (pattern[:half] - pattern[half : 2 * half]).square().mean((1, 2, 3)).sqrt()
        images_apart = (a[:half] - a[half : 2 * half]).square().mean((1, 2, 3)).sqrt()
        diversity = functional.relu(1 - apart / (images_apart + 1e-3)).mean()
        classified = functional.cross_entropy(model(torch.cat([own, wrong, rest])), labels)
        return classified + 100 * area + 0.1 * diversity


def attacker_of(settings: Mapping[str, Any], spec: InputSpec, device: str) -> Attacker | None:
    """The attacker of a member's settings; None where the training set alone is poisoned."""
    if "dynamic" not in settings:
        return None
    if settings["dynamic"] == "input_aware":
        return InputAware(settings["target"], spec, device)
    options = dict(settings["trigger"])
    options.pop("kind")
    warp = Warp(**options)
    return NoisyWarp(warp, settings["target"], spec, device)
