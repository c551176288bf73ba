"""The table of corruptions: a function and five strengths for each kind of a benchmark.

Lengths are pixels of images of 28 (`mnist-c`) or 32 (`cifar-10-c`) pixels a side. They grow
with larger images.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from securemnist.corruptions import blur, digital, geometry, lines, values, weather
from securemnist.corruptions.images import Image, Rng, scale_of

MOST_SEVERE = 5
_DIGIT, _PHOTO = 28, 32  # pixels a side of the images of each benchmark


@dataclass(frozen=True)
class Kind:
    """A corruption: `function(image, level, rng)` and its level at each severity from 1 to 5.

    `lengths`: the places of a level that are pixels of an image of `side` pixels, () for a level that
    is a length as a whole. `channels`: the numbers of channels that it applies to.
    """

    function: Callable[[Image, Any, Rng], Image]
    levels: tuple[Any, ...]
    lengths: tuple[int, ...] | None = None
    side: int = _DIGIT
    channels: tuple[int, ...] = (1, 2, 3, 4)

    def apply(self, image: Image, severity: int, rng: Rng) -> Image:
        """The corrupted image (C, H, W), which may lie outside [0, 1]."""
        return self.function(image, self._level(image, severity), rng)

    def refusal(self, channels: int) -> str:
        """Why it does not apply to images of so many channels; "" where it does."""
        if channels in self.channels:
            return ""
        known = " or ".join(map(str, self.channels))
        return f"applies to images of {known} channels, not {channels}"

    def _level(self, image: Image, severity: int) -> Any:
        level = self.levels[severity - 1]
        if self.lengths is None:
            return level
        scale = scale_of(image, self.side)
        if not isinstance(level, tuple):
            return level * scale
        scaled = list(level)
        for place in self.lengths:
            whole = isinstance(scaled[place], int)
            scaled[place] *= scale
            scaled[place] = max(1, round(scaled[place])) if whole else scaled[place]
        return tuple(scaled)


_MNIST_C = {
    "shot_noise": Kind(values.shot_noise, (60, 25, 12, 5, 3)),
    "impulse_noise": Kind(values.impulse_noise, (0.03, 0.06, 0.09, 0.17, 0.27)),
    "glass_blur": Kind(
        blur.glass_blur,
        ((0.7, 1, 2, 0.5), (0.9, 2, 1, 0.5), (1.0, 2, 3, 0.5), (1.1, 3, 2, 0.5), (1.5, 4, 2, 0.5)),
        lengths=(0, 1),
    ),
    "motion_blur": Kind(
        blur.motion_blur,
        ((10.0, 3.0), (15.0, 5.0), (15.0, 8.0), (15.0, 12.0), (20.0, 15.0)),
        lengths=(0, 1),
    ),
    "shear": Kind(geometry.shear, (0.2, 0.4, 0.6, 0.8, 1.0)),
    "scale": Kind(geometry.scale, (0.9, 0.8, 0.7, 0.6, 0.5)),
    "rotate": Kind(geometry.rotate, (0.2, 0.4, 0.6, 0.8, 1.0)),
    "brightness": Kind(values.brightness, (0.1, 0.2, 0.3, 0.4, 0.5)),
    "translate": Kind(geometry.translate, (1.0, 2.0, 3.0, 4.0, 5.0), lengths=()),
    # Published: a quarter of the width.
    "stripe": Kind(values.stripe, (0.125, 0.1875, 0.25, 0.3125, 0.375)),
    "fog": Kind(weather.fog, ((1.5, 2.0), (2.0, 2.0), (2.5, 1.7), (2.5, 1.5), (3.0, 1.4))),
    "spatter": Kind(
        weather.spatter,
        (
            (0.65, 0.3, 4.0, 0.69, 0.6),
            (0.65, 0.3, 3.0, 0.68, 0.6),
            (0.65, 0.3, 2.0, 0.68, 0.5),
            (0.65, 0.3, 1.0, 0.65, 1.5),
            (0.67, 0.4, 1.0, 0.65, 1.5),
        ),
        lengths=(2, 4),
    ),
    # Published: one line, one zigzag.
    "dotted_line": Kind(lines.dotted_line, (1, 2, 3, 4, 5)),
    "zigzag": Kind(lines.zigzag, (1, 2, 3, 4, 5)),
    # Published: a sigma of one pixel.
    "canny_edges": Kind(lines.canny_edges, (1.0, 1.25, 1.5, 1.75, 2.0), lengths=()),
}
_CIFAR_10_C = {
    "gaussian_noise": Kind(values.gaussian_noise, (0.04, 0.06, 0.08, 0.09, 0.1)),
    "shot_noise": Kind(values.shot_noise, (500, 250, 100, 75, 50)),
    "impulse_noise": Kind(values.impulse_noise, (0.01, 0.02, 0.03, 0.05, 0.07)),
    "defocus_blur": Kind(
        blur.defocus_blur,
        ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1.0, 0.2), (1.5, 0.1)),
        (0, 1),
        _PHOTO,
    ),
    "glass_blur": Kind(
        blur.glass_blur,
        (
            (0.05, 1, 1, 1.0),
            (0.25, 1, 1, 1.0),
            (0.4, 1, 1, 1.0),
            (0.25, 1, 2, 1.0),
            (0.4, 1, 2, 1.0),
        ),
        (0, 1),
        _PHOTO,
    ),
    "motion_blur": Kind(
        blur.motion_blur,
        ((6.0, 1.0), (6.0, 1.5), (6.0, 2.0), (8.0, 2.0), (9.0, 2.5)),
        (0, 1),
        _PHOTO,
    ),
    "zoom_blur": Kind(
        blur.zoom_blur, ((1.05, 0.01), (1.1, 0.01), (1.15, 0.01), (1.2, 0.01), (1.25, 0.01))
    ),
    "snow": Kind(
        weather.snow,
        (
            (0.1, 0.2, 1.0, 0.6, 8.0, 3.0, 0.95),
            (0.1, 0.2, 1.0, 0.5, 10.0, 4.0, 0.9),
            (0.15, 0.3, 1.75, 0.55, 10.0, 4.0, 0.9),
            (0.25, 0.3, 2.25, 0.6, 12.0, 6.0, 0.85),
            (0.3, 0.3, 1.25, 0.65, 14.0, 12.0, 0.8),
        ),
        (4, 5),
        _PHOTO,
    ),
    "fog": Kind(weather.fog, ((0.2, 3.0), (0.5, 3.0), (0.75, 2.5), (1.0, 2.0), (1.5, 1.75))),
    "brightness": Kind(values.brightness, (0.05, 0.1, 0.15, 0.2, 0.3)),
    "contrast": Kind(values.contrast, (0.75, 0.5, 0.4, 0.3, 0.15)),
    "elastic": Kind(
        digital.elastic,
        (
            (0.0, 0.0, 0.08),
            (0.05, 0.2, 0.07),
            (0.08, 0.06, 0.06),
            (0.1, 0.04, 0.05),
            (0.1, 0.03, 0.03),
        ),
    ),
    "pixelate": Kind(digital.pixelate, (0.95, 0.9, 0.85, 0.75, 0.65)),
    "jpeg": Kind(digital.jpeg, (80, 65, 58, 50, 40), channels=(1, 3)),
}
CORRUPTIONS: dict[str, dict[str, Kind]] = {"mnist-c": _MNIST_C, "cifar-10-c": _CIFAR_10_C}
