"""Bounds of L2 norms: of tiny, of large and of many values."""

from __future__ import annotations

import pytest
import torch

from securemnist.certificates.operations.intervals import Box
from securemnist.certificates.operations.norms import Norm
from securemnist.runtime import denormals

RULE = Norm((1,), keepdim=False)


def bounds(x: torch.Tensor) -> Box:
    """The bounds of the norm of float32 values, with its rounding error."""
    box = Box(x.double(), x.double())
    return RULE.enclose(box).widened(RULE.rounding(box))


@pytest.mark.parametrize("size", [1e-30, 1e-20, 1e-19, 1e-3, 1.0, 1e14, 1e15, 1e18, 1e25])
@pytest.mark.parametrize("flushed", [False, True])
def test_bounds_hold_the_norm_of_float32(size: float, flushed: bool) -> None:
    """Squares of tiny values become 0, and those of large ones infinite; the bounds allow for both."""
    x = size * torch.rand(1, 1000, generator=torch.Generator().manual_seed(0))
    with denormals.flushed(flushed):
        norm = torch.linalg.vector_norm(x, dim=1).double()
        squares = (x * x).sum(1).sqrt().double()
    box = bounds(x)
    for value in (norm, squares):
        assert bool((box.lower <= value).all())
        assert bool((value <= box.upper).all())


def test_bounds_are_narrow_for_ordinary_values() -> None:
    """The bounds of 10 values are within a hundred-thousandth of their norm."""
    x = torch.linspace(-1, 1, 10)[None]
    box = bounds(x)
    assert float(box.upper - box.lower) < 1e-5 * float(x.norm())
