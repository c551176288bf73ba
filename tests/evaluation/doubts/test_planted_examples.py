"""Planted examples of networks with any number of classes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from securemnist.attacks.pgd import PGD
from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.evaluation.doubts import binarization_test
from securemnist.evaluation.doubts.check_input import SearchCase
from securemnist.input_spec import InputSpec
from securemnist.measures import bind, take_measurement
from securemnist.models.loading import from_model
from securemnist.threats import L2, Linf, Threat
from tests.image_forms import convolutional, images

POINTS = binarization_test.INSIDE + 1


@pytest.mark.parametrize("classes", [2, 10, POINTS, POINTS + 1, 200])
def test_discriminant_is_the_inverse_covariance_times_the_point(classes: int) -> None:
    """Both forms solve C w = point with the ridged covariance C; up to 31 classes bit by bit."""
    rng = torch.Generator().manual_seed(classes)
    inner = torch.rand(3, POINTS, classes, generator=rng, dtype=torch.float64) - 0.5
    outer = torch.rand(3, 8, classes, generator=rng, dtype=torch.float64) - 0.5
    inner[2] = inner[2, :1]  # points on a line
    covariance = inner.mT @ inner / POINTS
    ridge = 0.1 * covariance.diagonal(dim1=1, dim2=2).mean(1).clamp_min(1e-12)
    ridged = covariance + ridge[:, None, None] * torch.eye(classes, dtype=torch.float64)
    expected = torch.linalg.solve(ridged, outer.mT).mT
    found = binarization_test._discriminants(inner, outer)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    if classes <= POINTS:
        assert torch.equal(found, expected)


class Largest(TorchDispatchMode):
    """The number of values of the largest tensor that an operation returned."""

    values = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """The operation itself."""
        out = func(*args, **(kwargs or {}))
        tensors = [each for each in tree_leaves(out) if isinstance(each, torch.Tensor)]
        self.values = max([self.values, *(each.numel() for each in tensors)])
        return out


def test_planted_examples_of_a_thousand_classes() -> None:
    """PGD finds the planted examples of 1,000 classes, and no tensor has classes x classes values."""
    spec = InputSpec(3, 16, 16, 1_000)
    subject, x = from_model(convolutional(spec), name="net", input_spec=spec), images(spec, n=16)
    case = SearchCase(
        subject, subject.model, Linf(0.01), x, torch.zeros(16).long(), attacks=(PGD(steps=20),)
    )
    with Largest() as largest:
        model, kept = binarization_test.plant(case, 16, case.rng("planted"))
    assert largest.values < spec.classes**2
    assert len(kept) == 16
    assert (model(kept).argmax(1) == 0).all()
    result = binarization_test.sensitivity(case)
    assert result.found == result.planted == 16


@pytest.mark.parametrize("threat", [Linf(0.1), L2(1.0)], ids=str)
def test_a_model_that_is_never_right_has_a_robust_accuracy_of_zero(
    threat: Threat, mnist: DataSet
) -> None:
    """Without a correctly classified image no example is planted, and the row's value is 0."""
    ties = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
    for parameter in ties.parameters():
        torch.nn.init.zeros_(parameter)
    context = Context(from_model(ties.eval(), name="ties"), mnist)
    row = bind("robust_accuracy", {"threat": threat.to_json(), "images": 20}, tier="smoke")
    found = take_measurement(context, "robust_accuracy", row, 0)
    assert found.value == 0
    assert not found.doubts
