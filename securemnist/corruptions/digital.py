"""Digital: elastic deformation, pixelation and JPEG compression."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image as Pillow
from scipy import ndimage

from securemnist.corruptions.images import Image, Rng, sides, smoothed

_LEVELS = 255


def elastic(image: Image, level: tuple[float, float, float], rng: Rng) -> Image:
    """A random affine map, then random smooth displacements.

    `level` in shares of the smaller side: size and smoothness of the displacements, and how far three
    points move for the affine map.
    """
    height, width = sides(image)
    side = min(height, width)
    size, sigma, reach = (side * part for part in level)
    centre, third = np.array([height, width]) // 2, side // 3
    points = centre + third * np.array([[1, 1], [1, -1], [-1, -1]])
    moved = points + rng.uniform(-reach, reach, points.shape)
    # The affine map that takes the moved points back to where they were.
    matrix = np.linalg.solve(np.column_stack([moved, np.ones(3)]), points)
    places = np.moveaxis(np.mgrid[:height, :width], 0, -1)
    if size and sigma:
        moves = [smoothed(rng.uniform(-1, 1, (height, width)), sigma) * size for _ in range(2)]
        places = places + np.stack(moves, -1)
    sources = places @ matrix[:2] + matrix[2]
    coordinates = sources.transpose(2, 0, 1)
    return np.stack(
        [ndimage.map_coordinates(one, coordinates, order=1, mode="mirror") for one in image]
    )


def pixelate(image: Image, factor: float, _: Rng) -> Image:
    """The image reduced to `factor` of its sides by area means, and enlarged again."""
    height, width = sides(image)
    small = max(1, int(width * factor)), max(1, int(height * factor))
    channels = []
    for channel in image:
        picture = Pillow.fromarray(channel.astype(np.float32))
        reduced = picture.resize(small, Pillow.Resampling.BOX)
        channels.append(np.asarray(reduced.resize((width, height), Pillow.Resampling.BOX)))
    return np.stack(channels).astype(np.float64)


def jpeg(image: Image, quality: int, _: Rng) -> Image:
    """A grey or RGB image, stored as JPEG of this quality and read again."""
    levels = np.rint(image * _LEVELS).astype(np.uint8)
    picture = Pillow.fromarray(levels[0] if len(levels) == 1 else levels.transpose(1, 2, 0))
    stored = io.BytesIO()
    picture.save(stored, "JPEG", quality=quality)
    read = np.asarray(Pillow.open(stored), np.float64) / _LEVELS
    return read[None] if read.ndim == len(sides(image)) else read.transpose(2, 0, 1)
