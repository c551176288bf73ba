"""Three small members of the zoo (benchmarks/zoo), as controls of the scan."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load_file
from torch import nn

from benchmarks.zoo.networks import strided

FOLDER = Path(__file__).parent / "networks"


def zoo_network(name: str) -> nn.Module:
    """The network "patch" (a square in a corner, class 6), "all_to_all" (a blend) or "clean"."""
    model = strided()
    model.load_state_dict(load_file(FOLDER / f"{name}.safetensors"))
    return model.eval()
