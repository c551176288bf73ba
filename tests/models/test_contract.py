"""Model contract, checked before any measurement."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch

from securemnist.data import DataSet
from securemnist.errors import ModelError
from securemnist.evaluation.context import Context
from securemnist.models.loading import from_model
from tests.error_form import one_sentence
from tests.stubs import FunctionModel

Images = torch.Tensor


def raising(_: Images) -> None:
    raise RuntimeError("mat1 and mat2 cannot be multiplied\nand more")


def not_finite(number: float) -> Callable[[Images], Images]:
    """Logits with one non-finite value, on the last image."""

    def answer(x: Images) -> Images:
        logits = torch.zeros(len(x), 10)
        logits[-1, 3] = number
        return logits

    return answer


def into(buffer: torch.Tensor) -> Callable[[Images], Images]:
    """Logits that are written into the same memory at each call."""

    def answer(x: Images) -> Images:
        buffer[: len(x)] = x.flatten(1)[:, 200:210]
        return buffer[: len(x)]

    return answer


CONTRACT: dict[str, tuple[Callable[[Images], Any], str]] = {
    "raises": (raising, "it raised RuntimeError (mat1 and mat2 cannot be multiplied)"),
    "nine classes": (lambda x: torch.zeros(len(x), 9), "logits (1, 10), got (1, 9)"),
    "no batch": (lambda _: torch.zeros(10), "logits (1, 10), got (10,)"),
    "one image at a time": (lambda _: torch.zeros(1, 10), "logits (8, 10), got (1, 10)"),
    "a batch squeezed": (lambda x: torch.zeros(len(x), 10).squeeze(), "got (10,)"),
    "integers": (
        lambda x: torch.zeros(len(x), 10).long(),
        "floating-point logits, got torch.int64",
    ),
    "NaN": (not_finite(torch.nan), "expected finite logits"),
    "infinity": (not_finite(-torch.inf), "expected finite logits"),
    "changes its input": (lambda x: x.mul_(2).flatten(1)[:, :10], "it was changed in place"),
    "writes what was there": (
        lambda x: x.clamp_(0, 1).flatten(1)[:, :10],
        "it was changed in place",
    ),
    "one buffer for all": (
        into(torch.zeros(64, 10)),
        "a later call changed those of an earlier one",
    ),
    "a tuple": (lambda x: (torch.zeros(len(x), 10),), "expected a tensor, got tuple"),
    "nothing": (lambda _: None, "expected a tensor, got NoneType"),
    "a list": (lambda x: torch.zeros(len(x), 10).tolist(), "expected a tensor, got list"),
}


@pytest.mark.parametrize("name", CONTRACT)
def test_contract_violation_refused(name: str, mnist: DataSet) -> None:
    """A model that violates the contract is refused with one sentence before any measurement."""
    answer, words = CONTRACT[name]
    with pytest.raises(ModelError) as caught:
        Context(from_model(FunctionModel(answer), name="my.nets:odd"), mnist)
    text = one_sentence(caught.value)
    assert text.startswith("my.nets:odd: ")
    assert words in text


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_contract_accepts_float_formats(dtype: torch.dtype, mnist: DataSet) -> None:
    """Logits of every float format are accepted, and none is rounded."""
    subject = from_model(FunctionModel(lambda x: x.flatten(1)[:, :10].to(dtype)), name="net")
    read = Context(subject, mnist).logits(mnist.test[:3].images())
    assert read.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)


def test_later_nan_logits_not_counted(mnist: DataSet) -> None:
    """NaN logits on images beyond the contract's are an error, never class 0."""
    subject = from_model(FunctionModel(lambda x: x.flatten(1)[:, 300:310] / 0), name="net")
    small = dataclasses.replace(mnist, test=mnist.test[:8])
    blank = dataclasses.replace(
        small.test, pixels=torch.full((8, 1, 28, 28), 255, dtype=torch.uint8)
    )
    with pytest.raises(ModelError, match="expected finite logits"):
        Context(subject, dataclasses.replace(small, test=blank))
    late = from_model(FunctionModel(lambda x: x.flatten(1)[:, :10] / (len(x) <= 8)), name="net")
    with pytest.raises(ModelError, match="for 100 of 100 images"):
        Context(late, mnist).logits(mnist.test[:100].images())
