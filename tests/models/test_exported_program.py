"""Programs of torch.export as models."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from securemnist.errors import ModelError
from securemnist.models.loading import from_model


def test_from_model_names_a_way_for_exported_programs() -> None:
    """A program of torch.export, which has no eval mode, is refused with a way that works."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10)).eval()
    sizes = ({0: torch.export.Dim("n", min=1)},)
    program = torch.export.export(net, (torch.zeros(2, 1, 28, 28),), dynamic_shapes=sizes).module()
    with pytest.raises(ModelError, match="class around the program whose `train` returns self"):
        from_model(program, name="exported")

    class Around(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.program = program

        def train(self, mode: bool = True) -> Around:
            return self

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.program(x)
            return logits

    x = torch.rand(3, 1, 28, 28)
    assert torch.allclose(from_model(Around(), name="around").model(x), net(x), atol=1e-6)
