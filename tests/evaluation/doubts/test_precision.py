"""The floating-point format that a model computes in."""

from __future__ import annotations

import subprocess
import sys

import torch
from torch import nn

from securemnist.evaluation.doubts.precision import rounding

IMAGES = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))


class Half(nn.Module):
    """A linear network whose only layer computes in float16."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(784, 10).half()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (n, 10) of images (n, 1, 28, 28)."""
        return self.layer(x.flatten(1).half()).float()


def test_the_coarsest_format_is_found_compiled_or_not() -> None:
    """The rounding is that of float16, also of a model that torch.compile has wrapped."""
    model = Half().eval()
    assert rounding(model, IMAGES) == torch.finfo(torch.float16).eps
    compiled = torch.compile(model, backend="eager")
    assert rounding(compiled, IMAGES) == torch.finfo(torch.float16).eps


def test_the_compiler_is_not_imported() -> None:
    """Reading a format does not import torch's compiler, which would take a second."""
    program = (
        "import sys, torch; from torch import nn; "
        "from securemnist.evaluation.doubts.precision import rounding; "
        "rounding(nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), torch.rand(4, 1, 28, 28)); "
        "raise SystemExit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
