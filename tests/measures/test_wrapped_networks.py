"""Wrappers around an undefended network, whose true robust accuracy is 0: none gains an image."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn

from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.models.loading import from_model
from tests.evaluation.doubts.false_backward import FalseBackward
from tests.measures.test_defended import few, measured, network, without_search_doubts  # noqa: F401
from tests.stubs import FunctionModel


def hash_noise() -> nn.Module:
    """Noise from a hash of the image, so that equal images have equal answers."""
    inner = network()
    weights = torch.randn(784, generator=torch.Generator().manual_seed(0))

    def answer(x: torch.Tensor) -> torch.Tensor:
        key = (x.flatten(1) @ weights * 1e4).remainder(1)
        phases = torch.arange(784.0).view(1, 1, 28, 28) * 12.9898
        noise = ((key.view(-1, 1, 1, 1) * 78.233 + phases).sin() * 43758.5).remainder(1) - 0.5
        return inner(x + 0.1 * noise.detach())

    return FunctionModel(answer)


def winners() -> nn.Module:
    """The fifth of the pixels with the largest contrast, and zero elsewhere."""
    inner = network()

    def answer(x: torch.Tensor) -> torch.Tensor:
        flat = x.flatten(1)
        least = flat.topk(157, 1).values[:, -1:]
        return inner((flat * (flat >= least)).view_as(x))

    return FunctionModel(answer)


def rounded_frequencies() -> nn.Module:
    """Coefficients of the discrete cosine transform, rounded as coarse JPEG does it."""
    inner = network()
    place, wave = torch.arange(28.0)[None], torch.arange(28.0)[:, None]
    basis = (math.pi * (2 * place + 1) * wave / 56).cos() * math.sqrt(2 / 28)
    basis[0] /= math.sqrt(2)

    def answer(x: torch.Tensor) -> torch.Tensor:
        coefficients = (basis @ x @ basis.T * 2).round() / 2
        return inner((basis.T @ coefficients @ basis).clamp(0, 1))

    return FunctionModel(answer)


WRAPPED: dict[str, Callable[[], nn.Module]] = {
    "hash noise": hash_noise,
    "winners": winners,
    "rounded frequencies": rounded_frequencies,
    "reversed gradient": lambda: FalseBackward(network(), "reversed").eval(),
}


@pytest.mark.usefixtures("without_search_doubts")
@pytest.mark.parametrize("name", WRAPPED)
def test_wrapper_gains_nothing(name: str, few: DataSet) -> None:  # noqa: F811
    """The smallest ladder with its further stages breaks every image at linf 0.3."""
    found = measured(Context(from_model(WRAPPED[name](), name=name), few))
    assert found.value == 0
