"""Noise: Gaussian, shot and impulse noise, each value on its own."""

from __future__ import annotations

import numpy as np

from securemnist.corruptions.images import Image, Rng


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
