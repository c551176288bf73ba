"""Samples of test images: seeded, nested, and complete for the whole test set."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from securemnist.errors import UsageError
from securemnist.evaluation.context import Context
from tests.error_form import one_sentence


@given(sizes=st.tuples(st.integers(1, 9_999), st.integers(1, 9_999)), seed=st.integers(0, 5))
def test_samples_of_one_seed_are_nested(
    context: Context, sizes: tuple[int, int], seed: int
) -> None:
    """The larger sample of a seed starts with the smaller one, and no image is in it twice."""
    small, large = (context.sample(min(size, 500), seed) for size in sorted(sizes))
    assert torch.equal(large.places[: len(small)], small.places)
    assert torch.equal(large.x[: len(small)], small.x)
    assert len(large.places.unique()) == len(large)
    assert not small.complete


def test_sample_depends_on_seed(context: Context) -> None:
    """Another seed draws other images, each with its own label and place."""
    first, second = context.sample(100, 0), context.sample(100, 1)
    assert not torch.equal(first.places, second.places)
    assert torch.equal(first.y, context.data.test.labels[first.places])
    assert torch.equal(first.x, context.data.test[first.places].images())


def test_full_sample_is_complete_and_in_order(context: Context) -> None:
    """The whole test set is complete and in file order for every seed."""
    every = context.sample(10_000, 7)
    assert every.complete
    assert torch.equal(every.places, torch.arange(10_000))
    assert not context.sample(9_999, 7).complete


@pytest.mark.parametrize("images", [0, -1, 10_001])
def test_sample_size_out_of_range_is_usage_error(context: Context, images: int) -> None:
    """A sample of no images, or of more than exist, is one UsageError."""
    with pytest.raises(UsageError, match=f"expected 1 to 10000 .*got {images}") as caught:
        context.sample(images, 0)
    one_sentence(caught.value)
