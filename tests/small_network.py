"""A small network and its weight file."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from securemnist.models import weight_file


def small_network(seed: int = 0) -> nn.Module:
    """A small network with float and integer tensors."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.AvgPool2d(7), nn.Flatten(), nn.Linear(16, 10), nn.BatchNorm1d(10)
    ).eval()


def same_weights(a: nn.Module, b: nn.Module) -> bool:
    """Whether two networks hold the same weights."""
    return all(torch.equal(v, b.state_dict()[k]) for k, v in a.state_dict().items())


def saved_weights(folder: Path) -> Path:
    """A valid weight file in this folder, with its manifest."""
    path = folder / "net.safetensors"
    weight_file.save(small_network(), path, {"architecture": "tiny"})
    return path
