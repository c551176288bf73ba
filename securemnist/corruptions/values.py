"""Values of single pixels: brightness, contrast, inverted stripes and noise."""

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


def gaussian_noise(image: Image, deviation: float, rng: Rng) -> Image:
    """Normal noise of this standard deviation."""
    return image + rng.normal(0, deviation, image.shape)


def shot_noise(image: Image, photons: float, rng: Rng) -> Image:
    """Poisson noise of a sensor that counts `photons` at full brightness."""
    return rng.poisson(image * photons) / photons


def impulse_noise(image: Image, share: float, rng: Rng) -> Image:
    """A share of the values becomes black or white, with equal chances."""
    draw = rng.random(image.shape)
    return np.where(draw < share / 2, 0.0, np.where(draw < share, 1.0, image))
