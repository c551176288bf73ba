"""Poses: rotations and translations of images, as one bilinear sample of each pixel.

Engstrom et al. 2019, "Exploring the Landscape of Spatial Robustness" (arXiv 1712.02779): the image turns
about its centre, then moves; what comes from outside is black.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import torch
from torch.nn import functional as F

from securemnist.types import Images


class Pose(NamedTuple):
    """A rotation in degrees, counterclockwise, and a translation in pixels, down and to the right."""

    degrees: float = 0.0
    down: float = 0.0
    right: float = 0.0

    def __str__(self) -> str:
        """For instance `turned 12, moved 3 down, 0 right`."""
        return f"turned {self.degrees:+g}, moved {self.down:+g} down, {self.right:+g} right"


def grid(rotation: float, translation: float, rotations: int, shifts: int) -> list[Pose]:
    """All poses of a grid: the unmodified image, rotations alone, then the largest translations first.

    `rotations` angles from -`rotation` to `rotation`, and `shifts` places along either axis.
    """
    angles = _steps(rotation, rotations)
    moves = list(itertools.product(_steps(translation, shifts), repeat=2))
    moves.sort(key=lambda move: -(move[0] ** 2 + move[1] ** 2))
    turned = [Pose(angle) for angle in angles if angle]
    moved = [Pose(angle, *move) for move in moves if move != (0.0, 0.0) for angle in angles]
    return [Pose(), *turned, *moved]


def _steps(most: float, count: int) -> list[float]:
    """`count` numbers, an odd one, from -`most` to `most`; 0 is exact."""
    half = count // 2
    return [most * number / half if number else 0.0 for number in range(-half, half + 1)]


def drawn(rotation: float, translation: float, n: int, rng: torch.Generator) -> torch.Tensor:
    """Poses (n, 3), degrees, down and right, uniform within the bounds."""
    bounds = torch.tensor([rotation, translation, translation])
    return (2 * torch.rand((n, 3), generator=rng) - 1) * bounds


def posed(x: Images, poses: torch.Tensor) -> Images:
    """Images (n, C, H, W) in [0, 1] in their poses: (n, 3), or (1, 3) for one pose of all of them."""
    height, width = x.shape[2:]
    poses = poses.to(x.device, torch.float64)
    angle, down, right = poses[:, 0].deg2rad(), poses[:, 1], poses[:, 2]
    sine, cosine = angle.sin(), angle.cos()
    # From a place in the output, counted from the centre, back to the place in the image.
    rows = [
        torch.stack(
            [cosine, -sine * height / width, (sine * down - cosine * right) * 2 / width], 1
        ),
        torch.stack(
            [sine * width / height, cosine, -(sine * right + cosine * down) * 2 / height], 1
        ),
    ]
    maps = torch.stack(rows, 1).to(x.dtype)
    places = F.affine_grid(maps, [len(maps), 1, height, width], align_corners=False)
    sampled = F.grid_sample(x, places.expand(len(x), -1, -1, -1), align_corners=False)
    still = (poses == 0).all(1).view(-1, 1, 1, 1)
    return torch.where(still, x, sampled.clamp(0, 1))
