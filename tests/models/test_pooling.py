"""Faster maximum pooling of predictions: the values of torch, and poolings that keep its routine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from securemnist.models import pooling
from securemnist.models.pooling import FasterPooling

PLAIN: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "a layer": nn.MaxPool2d(2),
    "a layer with all settings": nn.MaxPool2d((2, 2), stride=(2, 2), padding=0, dilation=(1, 1)),
    "a function": lambda x: F.max_pool2d(x, 2, 2),
    "by name": lambda x: F.max_pool2d(input=x, kernel_size=[2, 2], stride=[]),
    "torch's own": lambda x: torch.max_pool2d(x, 2),
}
OTHER: dict[str, Callable[[torch.Tensor], Any]] = {
    "3x3": nn.MaxPool2d(3),
    "2x1": nn.MaxPool2d((2, 1)),
    "windows that overlap": nn.MaxPool2d(2, stride=1),
    "padding": nn.MaxPool2d(2, padding=1),
    "dilation": nn.MaxPool2d(2, dilation=2),
    "rounded up": nn.MaxPool2d(2, ceil_mode=True),
    "indices": lambda x: torch.cat([*F.max_pool2d(x, 2, return_indices=True)]),
    "float64": lambda x: F.max_pool2d(x.double(), 2),
    "without a batch": lambda x: F.max_pool2d(x[0], 2),
    "mean": nn.AvgPool2d(2),
}


def images(layout: torch.memory_format = torch.channels_last) -> torch.Tensor:
    """Images (6, 3, 9, 11) with equal values, NaN and infinity in their windows."""
    x = torch.randint(-2, 3, (6, 3, 9, 11), generator=torch.Generator().manual_seed(0)).float()
    x[0, 0, :4, :4] = torch.tensor([[torch.nan, 1, 2, 3], [0, 1, 2, torch.nan]] * 2)
    x[1, 1, 0], x[1, 2, 1] = torch.inf, -torch.inf
    return x.contiguous(memory_format=layout)


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_values_are_those_of_torch(name: str, layout: torch.memory_format) -> None:
    """Every value is equal, and so are NaN and the memory layout; torch's routine does not run."""
    x, pool = images(layout), PLAIN[name]
    with (
        torch.no_grad(),
        FasterPooling(),
        patch.object(pooling, "_max_pool", wraps=pooling._max_pool) as ours,
    ):
        found = pool(x)
    assert ours.call_count == 1
    expected = pool(x)
    assert torch.equal(found.isnan(), expected.isnan())
    assert torch.equal(found.nan_to_num(7.0), expected.nan_to_num(7.0))
    assert found.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("name", OTHER)
def test_other_poolings_stay_as_they_are(name: str) -> None:
    """The routine of torch runs."""
    x, pool = images(), OTHER[name]
    with torch.no_grad(), FasterPooling(), patch.object(pooling, "_max_pool", None):
        found = pool(x)
    assert torch.equal(found.nan_to_num(7.0), pool(x).nan_to_num(7.0))


def test_a_gradient_is_that_of_torch() -> None:
    """Where pixels have a gradient, the routine of torch runs, and equal values share it as there."""
    x = images()[2:].requires_grad_(True)
    with FasterPooling():
        pooled = F.max_pool2d(x, 2)
    assert pooled.grad_fn is not None
    assert pooled.grad_fn.name() == "MaxPool2DWithIndicesBackward0"


def test_images_smaller_than_a_window_are_refused_as_by_torch() -> None:
    """The error is that of torch."""
    with torch.no_grad(), FasterPooling(), pytest.raises(RuntimeError, match="too small"):
        F.max_pool2d(torch.zeros(1, 1, 1, 4), 2)
