"""Type names shared by all modules that compute with torch."""

from __future__ import annotations

from collections.abc import Callable

import torch

from securemnist.input_spec import MNIST

# float32 (n, C, H, W) in [0, 1]
Images = torch.Tensor
# int64 (n,), from 0 to K - 1
Labels = torch.Tensor
# floating-point (n, K), in the precision that the model computes in
Logits = torch.Tensor

# A classifier: maps Images to Logits. Every nn.Module of the right shapes is one.
Model = Callable[[Images], Logits]

# Callback with the name of a task, the number of finished units and their total.
Progress = Callable[[str, int, int], None]

# Of MNIST: channels, height and width of an image, and the number of classes.
SHAPE, CLASSES = MNIST.shape, MNIST.classes


def silent(_task: str, _done: int, _total: int) -> None:
    """A progress callback that does nothing."""


def per_image(values: torch.Tensor) -> torch.Tensor:
    """Values (n,) as (n, 1, 1, 1), to broadcast over images."""
    return values.view(-1, 1, 1, 1)
