"""Drawing: a grid of brightness from the page, prepared as the images of MNIST were prepared.

LeCun et al. (http://yann.lecun.com/exdb/mnist/): scaled to fit a box of 20x20, with the aspect kept and
anti-aliased. Then it is shifted so that the centre of mass is the middle of 28x28.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from PIL import Image

from securemnist.errors import DataError
from securemnist.input_spec import InputSpec

# Sides of a grid. The page sends 140, which is five points for a pixel of MNIST.
_SMALLEST, _LARGEST = 28, 560
_LARGEST_IMAGE = 64
_BOX, _OF = 20, 28
# Of Pillow's filters the one that changes thresholded digits least (1,000 images of the tuning split).
_FILTER = Image.Resampling.HAMMING


def can_be_drawn(spec: InputSpec) -> bool:
    """Whether images of this form are like MNIST's: grey, square, of at most 64 pixels a side."""
    return spec.channels == 1 and spec.height == spec.width <= _LARGEST_IMAGE


def grid(content: bytes) -> np.ndarray:
    """The square grid (side, side) of these bytes, row by row; DataError for another number of bytes."""
    side = math.isqrt(len(content))
    if side * side != len(content) or not _SMALLEST <= side <= _LARGEST:
        raise DataError(
            f"expected a square drawing of {_SMALLEST} to {_LARGEST} points a side, got "
            f"{len(content):,} bytes; send one byte a point"
        )
    return np.frombuffer(content, np.uint8).reshape(side, side)


def prepared(drawing: np.ndarray, side: int = 28) -> torch.Tensor:
    """The image uint8 (1, 1, side, side) of a drawing uint8 (h, w), white on black.

    DataError for a drawing without a bright point.
    """
    rows, columns = np.nonzero(drawing)
    if not len(rows):
        raise DataError("expected a drawing, got an empty canvas; draw first")
    inside = drawing[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    scale = side * _BOX / _OF / max(inside.shape)
    height, width = (max(1, round(length * scale)) for length in inside.shape)
    small = np.asarray(Image.fromarray(inside).resize((width, height), _FILTER))
    image = np.zeros((side, side), np.uint8)
    top, left = _corner(small.sum(1), side), _corner(small.sum(0), side)
    image[top : top + height, left : left + width] = small
    return torch.from_numpy(image)[None, None]


def _corner(brightness: np.ndarray, side: int) -> int:
    """Where a line of this brightness begins, so that its mean is at side / 2 and nothing is cut off."""
    length = len(brightness)
    total = brightness.sum()
    mean = (brightness * np.arange(length)).sum() / total if total else (length - 1) / 2
    return min(max(round(side / 2 - mean), 0), side - length)
