"""Light: brightness, contrast and inverted stripes."""

from __future__ import annotations

import numpy as np

from securemnist.corruptions.images import Image, Rng


def brightness(image: Image, change: float, _: Rng) -> Image:
    """The largest channel of a pixel rises by `change`, the others in proportion; black becomes grey."""
    value = image.max(0, keepdims=True)
    raised = np.minimum(value + change, 1)
    changed: Image = np.where(value > 0, image * raised / np.maximum(value, 1e-12), raised)
    return changed


def contrast(image: Image, factor: float, _: Rng) -> Image:
    """Differences from the mean of a channel are multiplied by `factor`."""
    mean = image.mean((1, 2), keepdims=True)
    changed: Image = (image - mean) * factor + mean
    return changed


def stripe(image: Image, share: float, _: Rng) -> Image:
    """A stripe of this share of the width is inverted at the left and at the right."""
    width = round(share * image.shape[2])
    striped = image.copy()
    for part in (slice(None, width), slice(image.shape[2] - width, None)):
        striped[..., part] = 1 - striped[..., part]
    return striped
