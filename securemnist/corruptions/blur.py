"""Blur: defocus, glass, motion and zoom."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from securemnist.corruptions.images import Image, Rng, sides, smoothed, streaked, warped


def defocus_blur(image: Image, level: tuple[float, float], _: Rng) -> Image:
    """A disk of this radius, its edge smoothed by a Gaussian of the second number, in pixels."""
    radius, edge = level
    reach = int(np.ceil(radius)) + 2
    rows, columns = np.ogrid[-reach : reach + 1, -reach : reach + 1]
    disk = smoothed(np.clip(radius + 0.5 - np.hypot(rows, columns), 0, 1), edge)
    return np.stack([ndimage.convolve(one, disk / disk.sum(), mode="mirror") for one in image])


def glass_blur(image: Image, level: tuple[float, int, int, float], rng: Rng) -> Image:
    """Pixels are exchanged with near ones between two Gaussian filters.

    `level`: sigma, the largest distance in pixels, the number of rounds, the share of pixels that
    take another one's value in a round. The published code swaps pairs one after the other.
    """
    sigma, distance, rounds, share = level
    height, width = sides(image)
    rows, columns = np.mgrid[:height, :width]
    blurred = smoothed(image, sigma)
    for _ in range(rounds):
        moves = rng.integers(-distance, distance + 1, (2, height, width))
        moves *= rng.random((height, width)) < share
        row = np.clip(rows + moves[0], 0, height - 1)
        blurred = blurred[:, row, np.clip(columns + moves[1], 0, width - 1)]
    return smoothed(blurred, sigma)


def motion_blur(image: Image, level: tuple[float, float], rng: Rng) -> Image:
    """A motion in a random direction of -45 to 45 degrees; `level`: radius and sigma in pixels."""
    return streaked(image, *level, degrees=rng.uniform(-45, 45))


def zoom_blur(image: Image, level: tuple[float, float], _: Rng) -> Image:
    """The mean of the image and of its enlargements from 1 to the first number, in steps."""
    largest, step = level
    factors = np.arange(1, largest + step / 2, step)
    zoomed = [warped(image, np.eye(2) / factor, mode="nearest") for factor in factors]
    changed: Image = np.mean([image, *zoomed], axis=0)
    return changed
