"""Batches: their sizes, so that memory has a limit, and their memory layout."""

from __future__ import annotations

import torch

# Values of a batch: 128 images of 3x64x64. ResNet-18 then takes about 1 GiB for a gradient.
_VALUES = 128 * 3 * 64 * 64


def batch_size(x: torch.Tensor, most: int) -> int:
    """Images of a batch: `most`, or fewer where an image of `x` (n, C, H, W) is large."""
    return max(1, min(most, _VALUES // max(1, x.shape[1:].numel())))


def channels_last(x: torch.Tensor) -> torch.Tensor:
    """The same values in the memory layout in which convolutions on a CPU are fastest."""
    return x.contiguous(memory_format=torch.channels_last)
