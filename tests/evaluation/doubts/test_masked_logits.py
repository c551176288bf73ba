"""Logits of -1e9, which mask classes, hide no noise of the others."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from securemnist.data import DataSet
from tests.evaluation.doubts.impostors import Around
from tests.evaluation.doubts.test_batch_dependence import names
from tests.evaluation.doubts.test_gradients import network


class Masked(Around):
    """Logits of the two best classes; those of all others are equal and far below."""

    def __init__(self, network: nn.Module, mask: float) -> None:
        super().__init__(network)
        self.mask = mask

    def changed(self, logits: torch.Tensor) -> torch.Tensor:
        """The logits as they are."""
        return logits

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network(x)
        others = logits.topk(8, largest=False).indices
        return self.changed(logits).scatter(1, others, self.mask)


class NoisyMasked(Masked):
    """The same with noise on the two."""

    def changed(self, logits: torch.Tensor) -> torch.Tensor:
        """The logits with noise."""
        return logits + torch.randn(logits.shape)


class DependentMasked(Masked):
    """The same with statistics of the batch in the two."""

    def changed(self, logits: torch.Tensor) -> torch.Tensor:
        """The logits less their mean over the batch."""
        return logits - 0.3 * logits.mean(0, keepdim=True)


@pytest.mark.parametrize("mask", [-1e5, -1e9, -3e38])
def test_masks_hide_no_variation(mask: float, mnist: DataSet) -> None:
    """Noise and batch dependence of two logits are doubted beside masks; masks alone are not."""
    assert names(Masked(network(), mask), mnist) == set()
    assert "variation" in names(NoisyMasked(network(), mask), mnist)
    assert names(DependentMasked(network(), mask), mnist) == {"batch dependence"}


@pytest.mark.parametrize("scale", [1, 30, 1000])
def test_small_probabilities_are_no_masks(scale: float, mnist: DataSet) -> None:
    """Logarithms of probabilities, as small as they may be, raise no doubt of a network without noise."""
    wrapped = nn.Sequential(network(), Scaled(scale), nn.LogSoftmax(1))
    assert names(wrapped, mnist) == set()


class Scaled(nn.Module):
    """Logits times a number."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scale * x
