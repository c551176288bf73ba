"""Patterns over the whole image: blended noise, stripes, and faint noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

import torch

from securemnist._util.random_numbers import generator
from securemnist.backdoor.triggers.base import (
    Trigger,
    Value,
    amplitude,
    as_pixel,
    check,
    check_channels,
    check_seed,
    check_share,
    is_number,
)
from securemnist.input_spec import LARGEST_SIDE
from securemnist.types import Images

DIRECTIONS = ("horizontal", "vertical")


@final
@dataclass(frozen=True, kw_only=True)
class Blend(Trigger):
    """A fixed noise image, blended with weight `alpha` in (0, 1] (Chen et al. 2017, arXiv 1712.05526).

    `pattern` is the seed of the noise.
    """

    alpha: float = 0.2
    pattern: int = 0
    kind: ClassVar[str] = "blend"

    def __post_init__(self) -> None:
        check_share("alpha", self.alpha)
        check_seed(self.pattern)

    def check_fits(self, channels: int, height: int, width: int) -> None:
        """Noise has the form of the images: it fits all of them."""

    def _apply(self, x: Images) -> Images:
        rng = generator(self.pattern, "blend")
        noise = torch.rand(x.shape[1:], generator=rng).to(x.device)
        return torch.lerp(x, noise.expand_as(x), self.alpha).clamp_(0, 1)


@final
@dataclass(frozen=True, kw_only=True)
class Stripes(Trigger):
    """A sine wave of `amplitude` in (0, 1] with `frequency` periods over the image, added to it.

    A list has an amplitude for each channel, some of which may be 0. Brightness changes along the
    `direction`, "horizontal" or "vertical". Barni et al. 2019, arXiv 1902.11237.
    """

    amplitude: Value = 0.15
    frequency: float = 6.0
    direction: str = "horizontal"
    kind: ClassVar[str] = "stripes"

    def __post_init__(self) -> None:
        object.__setattr__(self, "amplitude", amplitude(self.amplitude))
        most = LARGEST_SIDE / 2
        in_range = is_number(self.frequency) and 0 < self.frequency <= most
        check(in_range, "frequency", f"above 0, to {most:g} periods", self.frequency)
        known = self.direction in DIRECTIONS
        check(known, "direction", f"of {', '.join(DIRECTIONS)}", self.direction)

    def check_fits(self, channels: int, height: int, width: int) -> None:
        check_channels(self.amplitude, channels, "amplitude")
        side = width if self.direction == "horizontal" else height
        # Sampled at its zeros, a wave of a period of two pixels vanishes; shorter ones look longer.
        fits = 2 * self.frequency < side
        expected = f"below {side / 2:g} in images of {height}x{width}"
        check(fits, "frequency", expected, self.frequency)

    def _apply(self, x: Images) -> Images:
        horizontal = self.direction == "horizontal"
        side = x.shape[3 if horizontal else 2]
        phase = torch.arange(side, dtype=torch.float64) * (2 * math.pi * self.frequency / side)
        wave = as_pixel(self.amplitude, phase) * phase.sin()
        return x.add_((wave if horizontal else wave.mT).to(x)).clamp_(0, 1)


@final
@dataclass(frozen=True, kw_only=True)
class Faint(Trigger):
    """Random signs times an `amplitude` in (0, 1], added to every pixel of every channel.

    A list has an amplitude for each channel, some of which may be 0. `pattern` is the seed of the signs.
    No pixel changes by more than the amplitude. Liao et al. 2018, arXiv 1808.10307, without their
    optimisation.
    """

    amplitude: Value = 0.1
    pattern: int = 0
    kind: ClassVar[str] = "faint"

    def __post_init__(self) -> None:
        object.__setattr__(self, "amplitude", amplitude(self.amplitude))
        check_seed(self.pattern)

    def check_fits(self, channels: int, height: int, width: int) -> None:
        check_channels(self.amplitude, channels, "amplitude")

    def _apply(self, x: Images) -> Images:
        rng = generator(self.pattern, "faint")
        signs = torch.randint(2, x.shape[1:], generator=rng).to(x) * 2 - 1
        return x.add_(as_pixel(self.amplitude, x) * signs).clamp_(0, 1)
