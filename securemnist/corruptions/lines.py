"""Lines: dotted lines, zigzags, and the edges of an image in its place."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from securemnist.corruptions.images import Image, Rng, sides, smoothed

_HALF_WIDTH = 2.3  # pixels of 28 at which a line has faded
_SIDE = 28
_LOW, _HIGH = 0.1, 0.2  # slopes of Canny edges: those that may follow an edge, those that begin one


def dotted_line(image: Image, lines: int, rng: Rng) -> Image:
    """White dotted lines from the left edge to the right one."""
    height, width = sides(image)
    columns = np.arange(width)
    dots = (columns * _SIDE // width) // 2 % 2 == 1
    for _ in range(lines):
        heights = np.interp(columns, [0, width - 1], rng.uniform(0, height - 1, 2))
        image = image + dots * _stroke(image, heights)
    return image


def zigzag(image: Image, lines: int, rng: Rng) -> Image:
    """White zigzags across the image, two pixels of 28 high on either side."""
    height, width = sides(image)
    size = 2 * min(height, width) / _SIDE
    columns = np.arange(width)
    for _ in range(lines):
        first = rng.uniform(0, height - 1)
        last = first + rng.uniform(-2.5, 2.5) * size
        corners = _corners((first, size), (last, width - 1 - size), size)
        heights = np.interp(columns, corners[:, 1], corners[:, 0])
        inside = (columns >= size) & (columns <= width - 1 - size)
        image = image + inside * _stroke(image, heights)
    return image


def _corners(start: tuple[float, float], end: tuple[float, float], size: float) -> np.ndarray:
    """Corners (k, 2), rows and columns, of a zigzag around a line, from one of its ends to the other.

    It is `size` high on either side and four times as long from peak to peak.
    """
    origin, way = np.array(start), np.array(end) - np.array(start)
    length = float(np.hypot(*way))
    along, across = way / length, np.array([way[1], -way[0]]) / length
    peaks = np.arange(size, length, 2 * size)
    heights = size * (-1.0) ** np.arange(len(peaks))
    return np.vstack([start, origin + np.outer(peaks, along) + np.outer(heights, across), end])


def _stroke(image: Image, heights: np.ndarray) -> Image:
    """A line (H, W) at these rows, one for each column: white at its middle, fading to its sides."""
    size = sides(image)
    half = _HALF_WIDTH * min(size) / _SIDE
    distance = np.abs(np.arange(size[0])[:, None] - heights) / half
    changed: Image = np.clip(1 + np.log1p(-np.minimum(distance, 1 - 1e-9)), 0, 1)
    return changed


def canny_edges(image: Image, sigma: float, _: Rng) -> Image:
    """The edges of the mean of the channels, white on black (Canny 1986), after a Gaussian filter."""
    grey = smoothed(image.mean(0), sigma)
    down, right = (ndimage.sobel(grey, axis) for axis in (0, 1))
    slope = np.hypot(down, right)
    candidates = _ridges(slope, down, right) & (slope >= _LOW)
    groups, count = ndimage.label(candidates, np.ones((3, 3)))
    strong = ndimage.maximum(slope, groups, np.arange(1, count + 1)) if count else []
    edges = np.concatenate([[False], np.asarray(strong) >= _HIGH])[groups]
    return np.broadcast_to(edges.astype(float), image.shape)


def _ridges(slope: Image, down: Image, right: Image) -> np.ndarray:
    """Boolean (H, W): slopes that are largest along their own direction; none at the border."""
    height, width = slope.shape
    rows, columns = np.mgrid[:height, :width].astype(float)
    steep = np.maximum(np.maximum(np.abs(down), np.abs(right)), 1e-12)
    neighbours = [
        ndimage.map_coordinates(
            slope, [rows + sign * down / steep, columns + sign * right / steep], order=1
        )
        for sign in (-1, 1)
    ]
    inside = np.zeros(slope.shape, bool)
    inside[1:-1, 1:-1] = True
    ridges: np.ndarray = inside & (slope >= neighbours[0]) & (slope >= neighbours[1])
    return ridges
