"""What a first measurement says of the samples that a threshold is chosen on."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from securemnist.data import DataSet
from securemnist.errors import UsageError
from securemnist.evaluation.context import Context
from securemnist.initial_policy import margins, measured
from securemnist.models.loading import from_model
from tests.stubs import FunctionModel


def always_one(x: torch.Tensor) -> torch.Tensor:
    """Logits (n, 10) of class 1 for every image."""
    return torch.eye(10)[torch.ones(len(x), dtype=torch.long)]


def test_the_design_effect_is_that_of_the_samples(mnist: DataSet) -> None:
    """Errors that lie together in the file widen the margin by as much as labels and answers say."""
    labels = mnist.test.labels
    chosen = [(labels == 1).nonzero()[:450, 0], (labels == 0).nonzero()[:50, 0]]
    small = dataclasses.replace(mnist, test=mnist.test[torch.cat(chosen)], digests={})
    context = Context(from_model(FunctionModel(always_one), name="one"), small)
    expected = margins.design_effect([1] * 450 + [0] * 50, [1] * 500)
    assert measured._design(context, "one") == expected > 10


def test_constant_answer_is_refused_on_uneven_classes() -> None:
    """A network that always answers the class of nine in ten samples is no better than guessing."""
    labels = (torch.arange(200) % 10 != 0).long()
    data = DataSet.from_tensors(torch.rand(200, 1, 8, 8), labels, classes=2)
    constant = FunctionModel(lambda x: torch.eye(2)[torch.ones(len(x), dtype=torch.long)])
    context = Context(from_model(constant, name="one"), data)
    with pytest.raises(UsageError, match=r"better than guessing.* 0\.9000 .*0\.5000 as the mean"):
        measured._design(context, "one")
