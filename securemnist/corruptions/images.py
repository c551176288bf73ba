"""Arithmetic that several corruptions share; images are float64 (C, H, W) in [0, 1]."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Image = NDArray[np.float64]
Rng = np.random.Generator


def sides(image: Image) -> tuple[int, int]:
    """Height and width."""
    return image.shape[1], image.shape[2]


def scale_of(image: Image, side: int) -> float:
    """The smaller side over `side`, the side of images that published lengths are for; at least 1.

    Shorter lengths than the published ones would leave small images as they are.
    """
    return max(1.0, min(sides(image)) / side)


def smoothed(image: Image, sigma: float) -> Image:
    """The image (..., H, W) under a Gaussian filter of `sigma` pixels; edges are repeated."""
    filtered: Image = ndimage.gaussian_filter(image, sigma, axes=(-2, -1), mode="nearest")
    return filtered


def warped(
    image: Image,
    matrix: NDArray[np.float64],
    shift: tuple[float, float] = (0.0, 0.0),
    mode: str = "constant",
) -> Image:
    """Bilinear samples of the image at `matrix` @ (row, column) + `shift`, counted from the centre.

    Outside the image lies 0, or what `mode` of scipy.ndimage says.
    """
    centre = (np.array(sides(image)) - 1) / 2
    offset = centre + np.array(shift) - matrix @ centre
    channels = [
        ndimage.affine_transform(channel, matrix, offset, order=1, mode=mode) for channel in image
    ]
    return np.stack(channels)


def streaked(image: Image, radius: float, sigma: float, degrees: float) -> Image:
    """Means along one direction, weighted by half a Gaussian of `sigma` pixels up to 2 x `radius`.

    Samples lie at whole pixels and edges are repeated, as in the motion blur of ImageMagick.
    """
    steps = np.arange(max(2, round(2 * radius) + 1))
    weights = np.exp(-(steps**2) / (2 * sigma**2))
    steps, weights = steps[weights > 1e-4], weights[weights > 1e-4]
    angle = np.deg2rad(degrees)
    rows = np.rint(steps * np.sin(angle)).astype(int)
    columns = np.rint(steps * np.cos(angle)).astype(int)
    reach = int(max(np.abs(rows).max(), np.abs(columns).max()))
    padded = np.pad(image, ((0, 0), (reach, reach), (reach, reach)), mode="edge")
    height, width = sides(image)
    total = np.zeros_like(image)
    for weight, row, column in zip(
        weights / weights.sum(), reach + rows, reach + columns, strict=True
    ):
        total += weight * padded[:, row : row + height, column : column + width]
    return total


def either_sign(rng: Rng) -> int:
    """-1 or 1, with equal chances."""
    return int(2 * rng.integers(2) - 1)
