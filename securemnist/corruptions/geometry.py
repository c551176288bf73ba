"""Geometry: shear, scale, rotation and translation about the centre; what lies outside is black."""

from __future__ import annotations

import numpy as np

from securemnist.corruptions.images import Image, Rng, either_sign, warped


def shear(image: Image, angle: float, rng: Rng) -> Image:
    """A shear by `angle` radians to the left or right."""
    angle *= either_sign(rng)
    return warped(image, np.array([[np.cos(angle), 0], [-np.sin(angle), 1]]))


def scale(image: Image, factor: float, _: Rng) -> Image:
    """The image reduced to `factor` of its size."""
    return warped(image, np.eye(2) / factor)


def rotate(image: Image, angle: float, rng: Rng) -> Image:
    """A rotation by `angle` radians to the left or right."""
    angle *= either_sign(rng)
    sine, cosine = np.sin(angle), np.cos(angle)
    return warped(image, np.array([[cosine, sine], [-sine, cosine]]))


def translate(image: Image, pixels: float, rng: Rng) -> Image:
    """A shift by `pixels` along both axes, each in a random direction."""
    shift = pixels * either_sign(rng), pixels * either_sign(rng)
    return warped(image, np.eye(2), shift)
