"""Samples of the test digits: seeded, nested, and complete where all of them are asked for."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from securemnist.errors import UsageError
from securemnist.evaluation.context import Context
from tests.wording import one_sentence


@given(sizes=st.tuples(st.integers(1, 9_999), st.integers(1, 9_999)), seed=st.integers(0, 5))
def test_samples_are_nested(context: Context, sizes: tuple[int, int], seed: int) -> None:
    """Of one seed the larger sample begins with the smaller, and no digit is in it twice."""
    small, large = (context.sample(min(size, 500), seed) for size in sorted(sizes))
    assert torch.equal(large.places[: len(small)], small.places)
    assert torch.equal(large.x[: len(small)], small.x)
    assert len(large.places.unique()) == len(large)
    assert not small.complete


def test_samples_differ_between_seeds(context: Context) -> None:
    """Another seed draws other digits, and a digit arrives with its own label and place."""
    first, second = context.sample(100, 0), context.sample(100, 1)
    assert not torch.equal(first.places, second.places)
    assert torch.equal(first.y, context.data.test.labels[first.places])
    assert torch.equal(first.x, context.data.test[first.places].images())


def test_all_digits_are_the_complete_set(context: Context) -> None:
    """As many digits as there are is the complete set, in the order of the file, whatever the seed."""
    every = context.sample(10_000, 7)
    assert every.complete
    assert torch.equal(every.places, torch.arange(10_000))
    assert not context.sample(9_999, 7).complete


@pytest.mark.parametrize("digits", [0, -1, 10_001])
def test_more_digits_than_there_are(context: Context, digits: int) -> None:
    """A sample of no digits, or of more than exist, is one UsageError."""
    with pytest.raises(UsageError, match=f"expected 1 to 10000 .*got {digits}") as caught:
        context.sample(digits, 0)
    one_sentence(caught.value)
