"""The few types that the lab shares."""

from __future__ import annotations

from collections.abc import Callable

import torch

from securemnist.results.per_image import CLASSES as CLASSES

# float32 (n, 1, 28, 28) in [0, 1]
Images = torch.Tensor
# int64 (n,) in 0..9
Labels = torch.Tensor
# floating-point (n, 10), in whatever precision the model answers
Logits = torch.Tensor

# A network: called with Images, answers Logits. Every nn.Module of the right shape fits.
Model = Callable[[Images], Logits]

# Told what is being done, how much of it is done, and how much there is.
Progress = Callable[[str, int, int], None]

SHAPE = (1, 28, 28)


def silent(_what: str, _done: int, _total: int) -> None:
    """The progress of a caller who does not want to be told."""
