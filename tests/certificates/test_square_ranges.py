"""Ranges of places of a square and of its values: parts that hold all of it, and their boxes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from securemnist.certificates.bounds.squares import PARTS, Squares, all_squares
from securemnist.referee import SLACK

SIDES = st.integers(1, 13)


def divided_to_the_end(squares: Squares) -> Squares:
    """The parts of ranges that cannot be divided."""
    found = squares[:0]
    while len(squares):
        divisible = squares.divisible
        found = found.joined(squares[~divisible])
        squares = squares[divisible].divided()
    return found


@settings(max_examples=40, deadline=None)
@given(height=SIDES, width=SIDES, side=st.integers(2, 15))
def test_ranges_hold_every_place_once(height: int, width: int, side: int) -> None:
    """The first ranges, divided to the end, are all places of a square, each of them once."""
    found = divided_to_the_end(all_squares(torch.zeros(1, 1, height, width), side))
    rows, columns = max(height - side, 0) + 1, max(width - side, 0) + 1
    expected = [[r, r, c, c] for r in range(rows) for c in range(columns)]
    assert sorted(found.places.tolist()) == expected
    assert found.whole.all()


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_parts_of_a_pixel_hold_every_value(channels: int) -> None:
    """All values of each pixel lie in one of its parts, and the parts together are no larger."""
    found = divided_to_the_end(all_squares(torch.zeros(1, channels, 5, 6), 1))
    assert len(found) == 5 * 6 * PARTS
    size = (found.values[:, 1] - found.values[:, 0]).prod(1)
    assert torch.equal(size, torch.full_like(size, 1 / PARTS))
    pixels = torch.rand(200, channels, dtype=torch.float64).round(decimals=1)
    for row, column in ((0, 0), (4, 5), (2, 3)):
        parts = found[(found.places[:, 0] == row) & (found.places[:, 2] == column)]
        low, high = parts.values[:, :, None].unbind(1)
        assert ((low <= pixels) & (pixels <= high)).all(2).any(0).all()


@settings(max_examples=40, deadline=None)
@given(data=st.data(), side=st.integers(1, 4))
def test_boxes_hold_the_squares_of_their_places(data: st.DataObject, side: int) -> None:
    """A square at any place of a range lies in its box; a pixel that no square covers hardly moves."""
    x = torch.rand(1, 2, 6, 9, generator=torch.Generator().manual_seed(side))
    top, left = data.draw(st.integers(0, 6 - side)), data.draw(st.integers(0, 9 - side))
    bottom = data.draw(st.integers(top, 6 - side))
    right = data.draw(st.integers(left, 9 - side))
    low = data.draw(st.floats(0, 0.5))
    values = torch.tensor([[[low, 0.25], [0.75, 1.0]]], dtype=torch.float64)
    box = Squares(side, torch.tensor([[top, bottom, left, right]]), values).box(x)
    covered = torch.zeros(1, 2, 6, 9, dtype=torch.bool)
    for row in range(top, bottom + 1):
        for column in range(left, right + 1):
            covered[..., row : row + side, column : column + side] = True
    for channel, (lowest, highest) in enumerate(values[0].T.tolist()):
        assert (box.lower[:, channel][covered[:, channel]] == lowest).all()
        assert (box.upper[:, channel][covered[:, channel]] == highest).all()
    still = (box.upper - box.lower)[~covered]
    assert ((still > 0) & (still <= 2 * SLACK + 1e-12)).all()
