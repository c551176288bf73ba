"""Weather: fog, snow and spatter."""

from __future__ import annotations

import numpy as np

from securemnist.corruptions.images import Image, Rng, sides, smoothed, streaked, warped

_MUD = 63 / 255
_OPAQUE = 0.8  # share of mud in a pixel below which there is none


def fog(image: Image, level: tuple[float, float], rng: Rng) -> Image:
    """A fractal layer; `level`: its weight, and by what its variation falls from octave to octave."""
    weight, decay = level
    brightest = image.max()
    layer = _fractal(sides(image), decay, rng)
    changed: Image = (image + weight * layer) * brightest / (brightest + weight)
    return changed


def _fractal(size: tuple[int, int], decay: float, rng: Rng) -> Image:
    """Noise (H, W) in [0, 1] whose variation falls by `decay` at each doubling of the frequency.

    Made from its spectrum; the published code makes it by the diamond-square algorithm.
    """
    side = 2 * max(size)
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)) * side
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.normal(size=(side, side)))
    noise = np.fft.irfft2(spectrum * frequency ** -(1 + np.log2(decay)), (side, side))
    noise -= noise.min()
    layer: Image = (noise / noise.max())[: size[0], : size[1]]
    return layer


def snow(
    image: Image, level: tuple[float, float, float, float, float, float, float], rng: Rng
) -> Image:
    """Flakes in motion before a whitened image.

    `level`: mean and deviation of the flakes, their enlargement, the least brightness of one, radius
    and sigma of the motion, the weight of the image.
    """
    mean, deviation, zoom, least, radius, sigma, weight = level
    flakes = warped(
        rng.normal(mean, deviation, (1, *sides(image))), np.eye(2) / zoom, mode="nearest"
    )
    flakes = np.clip(np.where(flakes < least, 0, flakes), 0, 1)
    flakes = streaked(flakes, radius, sigma, degrees=rng.uniform(-135, -45))
    grey = image.mean(0, keepdims=True)
    whitened = weight * image + (1 - weight) * np.maximum(image, grey * 1.5 + 0.5)
    changed: Image = whitened + flakes + flakes[:, ::-1, ::-1]
    return changed


def spatter(image: Image, level: tuple[float, float, float, float, float], rng: Rng) -> Image:
    """Spots of dark mud.

    `level`: mean, deviation and sigma of the liquid, the least amount that stays, sigma of the spots.
    """
    mean, deviation, sigma, least, spot = level
    liquid = smoothed(rng.normal(mean, deviation, sides(image)), sigma)
    mud = smoothed((liquid > least).astype(float), spot)
    mud = np.where(mud < _OPAQUE, 0, mud)
    return image * (1 - mud) + _MUD * mud
