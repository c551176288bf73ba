"""Small streams of images and their logits."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from securemnist.monitoring import Monitor, MonitorSettings

CLASSES = 4
SMALL = MonitorSettings(window=100)


class Stream(NamedTuple):
    """Images float32 (n, C, 8, 8), logits (n, 4), and how many of them are the reference."""

    images: torch.Tensor
    logits: torch.Tensor

    def part(self, start: int, stop: int) -> Stream:
        """A span of it."""
        return Stream(self.images[start:stop], self.logits[start:stop])


def stream(count: int, channels: int = 1, seed: int = 0) -> Stream:
    """Smooth random images whose logits depend on them."""
    rng = torch.Generator().manual_seed(seed)
    base = torch.rand(count, channels, 2, 2, generator=rng)
    images = torch.nn.functional.interpolate(base, size=(8, 8), mode="bilinear")
    weights = torch.randn(channels * 64, CLASSES, generator=torch.Generator().manual_seed(9))
    return Stream(images, (images - 0.5).flatten(1) @ weights)


def feed(monitor: Monitor, part: Stream, size: int = 7) -> list[Any]:
    """The alarms of a stream, in requests of `size` images."""
    alarms = []
    for images, logits in zip(part.images.split(size), part.logits.split(size), strict=True):
        alarms += monitor.observe(images, logits)
    return alarms
