"""Poses of images: what turns and moves how, and which poses a grid has."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from securemnist.evaluation.poses import Pose, drawn, grid, posed


def pictures(channels: int, height: int, width: int) -> torch.Tensor:
    """Two smooth images (2, C, H, W) in [0, 1]."""
    rng = np.random.default_rng(0)
    noise = ndimage.gaussian_filter(rng.random((2, channels, height, width)), (0, 0, 2, 2))
    noise = (noise - noise.min()) / (noise.max() - noise.min())
    return torch.from_numpy(noise.astype(np.float32))


@pytest.mark.parametrize("form", [(1, 28, 28), (3, 20, 33), (4, 31, 8)], ids=str)
def test_whole_shifts_are_exact(form: tuple[int, int, int]) -> None:
    """A translation by whole pixels moves every pixel, down and to the right, and leaves black behind."""
    x = pictures(*form)
    moved = posed(x, torch.tensor([Pose(0, 2, 3)]))
    assert torch.allclose(moved[..., 2:, 3:], x[..., :-2, :-3], atol=1e-5)
    assert max(float(moved[..., :2, :].max()), float(moved[..., :3].max())) < 1e-5
    assert torch.equal(posed(x, torch.tensor([Pose()])), x)


def test_a_quarter_turn_is_exact() -> None:
    """90 degrees turn an image counterclockwise about its centre."""
    x = pictures(2, 24, 24)
    turned = posed(x, torch.tensor([Pose(90.0)]))
    assert torch.allclose(turned, torch.rot90(x, 1, (2, 3)), atol=1e-4)


@pytest.mark.parametrize("form", [(1, 28, 28), (1, 20, 34)], ids=str)
def test_rotations_are_those_of_another_library(form: tuple[int, int, int]) -> None:
    """A rotation followed by a shift agrees with SciPy's, on images that are not square, too."""
    x = pictures(*form)
    ours = posed(x, torch.tensor([Pose(17.0, 1.5, -2.25)])).numpy()
    angle = np.deg2rad(17.0)
    back = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    centre = (np.array(form[1:]) - 1) / 2
    offset = centre - back @ (centre + np.array([1.5, -2.25]))
    for image, expected in zip(ours[:, 0], x[:, 0].numpy(), strict=True):
        theirs = ndimage.affine_transform(expected, back, offset, order=1, mode="grid-constant")
        assert np.abs(image - theirs).max() < 1e-3


def test_each_image_has_its_own_pose() -> None:
    """Poses (n, 3) are applied one by one, as if each image were alone."""
    x, poses = pictures(1, 16, 16), torch.tensor([[5.0, 1, 0], [-20.0, 0, 2]])
    both = posed(x, poses)
    for k in range(2):
        assert torch.allclose(both[k : k + 1], posed(x[k : k + 1], poses[k : k + 1]), atol=1e-6)


def test_a_grid_is_complete() -> None:
    """The grid has every combination once, the unmodified image and rotations alone first."""
    poses = grid(30, 3, 31, 5)
    assert len(poses) == len(set(poses)) == 775
    assert {pose.degrees for pose in poses} == {2.0 * k for k in range(-15, 16)}
    assert {pose.down for pose in poses} == {-3, -1.5, 0, 1.5, 3} == {p.right for p in poses}
    assert poses[0] == Pose()
    assert all(pose[1:] == (0, 0) for pose in poses[:31])
    assert len(grid(30, 0, 31, 1)) == 31
    assert len(grid(0, 2, 1, 3)) == 9


def test_random_poses_stay_within_their_bounds() -> None:
    """Draws fill their bounds and do not leave them."""
    poses = drawn(30, 3, 500, torch.Generator().manual_seed(0)).abs().amax(0)
    assert torch.all(poses <= torch.tensor([30.0, 3.0, 3.0]))
    assert torch.all(poses > torch.tensor([28.0, 2.8, 2.8]))
