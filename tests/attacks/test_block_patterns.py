"""Patterns of signs in blocks: both signs, constant blocks, every size, each channel of its own."""

from __future__ import annotations

import pytest
import torch

from securemnist.attacks.block_patterns import block_signs, pattern_draws


def patterns(count: int, shape: tuple[int, int, int]) -> torch.Tensor:
    """Random patterns of a shape."""
    rng = torch.Generator().manual_seed(4)
    return block_signs(shape, torch.rand((count, pattern_draws(*shape)), generator=rng))


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 5, 17), (1, 1, 1)], ids=str)
def test_patterns_are_signs(shape: tuple[int, int, int]) -> None:
    """Each value is -1 or 1, about half of each, in the shape of the images."""
    found = patterns(500, shape)
    assert found.shape == (500, *shape)
    assert (found.abs() == 1).all()
    assert abs(float(found.mean())) < 0.15


def test_pattern_has_blocks_of_its_sizes() -> None:
    """A height of 1 and a width of the whole side give rows; the reverse gives columns."""
    shape = (2, 9, 9)
    draws = torch.rand((1, pattern_draws(*shape)), generator=torch.Generator().manual_seed(0))
    for sizes, along in (((0.0, 0.0, 1.0, 0.0), 3), ((1.0, 0.0, 0.0, 0.0), 2)):
        draws[0, :4] = torch.tensor(sizes)
        found = block_signs(shape, draws)
        assert (found.diff(dim=along) == 0).all()
        assert (found.diff(dim=5 - along) != 0).any()
        assert not torch.equal(found[:, 0], found[:, 1])


def test_patterns_have_many_sizes() -> None:
    """Some patterns change from pixel to pixel, and some hardly at all."""
    changes = (patterns(300, (1, 28, 28)).diff(dim=3) != 0).float().mean((1, 2, 3))
    assert changes.min() < 0.05
    assert changes.max() > 0.3


def test_largest_draws_stay_in_the_image() -> None:
    """The largest random number below 1 is a block of the whole image, and is no index outside."""
    shape = (1, 7, 5)
    draws = torch.full((2, pattern_draws(*shape)), 1 - 2**-24)
    assert (block_signs(shape, draws) == 1).all()
