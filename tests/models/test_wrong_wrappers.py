"""Wrappers that do not fit their network."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from securemnist import models
from securemnist.errors import ModelError
from tests.error_form import one_sentence
from tests.models.wrapped import Twice, X, linear
from tests.stubs import FunctionModel

WRONG: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "two logits": (lambda: models.binary_sigmoid(linear(2)), "one output a sample, got (4, 2)"),
    "a logit as probability": (
        lambda: models.binary_sigmoid(
            FunctionModel(lambda x: x[:, 0, 0, :1] + 1), probability=True
        ),
        "got one outside [0, 1]",
    ),
    "no such key": (lambda: models.output(Twice("dict"), "scores"), "expected a part 'scores'"),
    "no such index": (lambda: models.output(Twice("tuple"), 5), "expected a part 5"),
    "no such attribute": (lambda: models.output(Twice("object"), "z"), "expected a part 'z'"),
    "a tensor": (lambda: models.output(linear(), "logits"), "got Tensor without"),
    "logits as probabilities": (
        lambda: models.from_probabilities(FunctionModel(lambda x: x[:, 0, 0] - 1)),
        "scores of 0 or more",
    ),
    "too many": (lambda: models.select_classes(linear(), [0, 10]), "outputs below 10, got 10"),
    "repeated": (lambda: models.select_classes(linear(), [1, 1]), "two or more different"),
    "one class": (lambda: models.select_classes(linear(), [1]), "two or more different"),
    "none": (lambda: models.select_classes(linear(), []), "two or more different"),
    "negative": (lambda: models.select_classes(linear(), [-1, 1]), "different outputs from 0"),
    "std of 0": (lambda: models.normalized(linear(), [0.5], [0.0]), "expected std > 0"),
    "std that is no number": (lambda: models.normalized(linear(), 0.5, torch.nan), "std > 0"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_wrapper_refused(name: str) -> None:
    """A wrapper that does not fit its network is refused in one sentence."""
    make, words = WRONG[name]
    with pytest.raises(ModelError) as caught:
        make()(X)
    assert words in one_sentence(caught.value)
