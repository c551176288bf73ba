"""Masked scores: what counts as a mask, and how far the others are apart."""

from __future__ import annotations

import pytest
import torch

from securemnist.masked_scores import spread


def test_the_spread_without_masks() -> None:
    """Without a score far below the others the spread is that of all of them."""
    found = spread(torch.tensor([[5.0, 1.0, -3.0], [0.2, 0.3, 0.5]]))
    assert not bool(found.far.any())
    assert found.others.tolist() == pytest.approx([8.0, 0.3])
    assert found.below[0].tolist() == [0.0, 4.0, 8.0]


@pytest.mark.parametrize("mask", [-1e4, -1e9, -3e38])
@pytest.mark.parametrize("masks", [1, 8])
def test_masks_are_left_out(mask: float, masks: int) -> None:
    """Scores of -1e9 do not enter the spread, which is then that of the others, or hundred units."""
    found = spread(torch.tensor([[5.0, 1.0, *[mask] * masks]]))
    assert found.far.tolist() == [[False, False, *[True] * masks]]
    assert found.others.tolist() == [500.0]
    assert found.largest(torch.tensor([[1.0, 2.0, *[7.0] * masks]])).tolist() == [2.0]
    wide = spread(torch.tensor([[1.0, -900.0, *[mask] * masks]]))
    assert wide.others.tolist() == [901.0]


def test_far_is_relative_to_the_highest_score() -> None:
    """Among scores of thousands a distance of thousands is none of a mask."""
    assert not bool(spread(torch.tensor([[5e3, -1e4]])).far.any())


def test_an_upper_bound_without_masks() -> None:
    """`most` limits the spread of the others, but not the least one beside masks."""
    scores, most = torch.tensor([[5.0, 1.0, -3.0], [5.0, 1.0, -1e9]]), torch.tensor([2.0, 2.0])
    assert spread(scores, most).others.tolist() == [2.0, 500.0]
