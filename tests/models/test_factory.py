"""Factories that load weights which do not fit: the error says what differs, or what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from securemnist.errors import ModelError
from securemnist.models import factory
from tests.error_form import one_sentence

MODULE = """
import safetensors.torch, torch
from torch import nn

def read(weights):
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    net.load_state_dict(weights)
    return net

def of_torch():
    return read(torch.load("weights"))

def of_safetensors():
    return read(safetensors.torch.load_file("weights"))
"""


@pytest.fixture(autouse=True)
def project(cwd: Path) -> None:
    """The working folder, with a module of factories."""
    (cwd / "of_weights.py").write_text(MODULE)


def write(kind: str, net: nn.Module, *, missing: int = 0) -> None:
    """A file of the weights of a network, without its last bytes."""
    save = torch.save if kind == "of_torch" else safetensors.torch.save_file
    save(nn.Sequential(nn.Flatten(), net).state_dict(), "weights")
    content = Path("weights").read_bytes()
    Path("weights").write_bytes(content[: len(content) - missing])


@pytest.mark.parametrize("kind", ["of_torch", "of_safetensors"])
def test_weights_of_another_number_of_classes(kind: str) -> None:
    """The error names the tensor that differs, which torch does on its second line."""
    write(kind, nn.Linear(784, 11))
    with pytest.raises(ModelError, match="for Sequential: size mismatch for 1") as caught:
        factory.call(f"of_weights:{kind}")
    one_sentence(caught.value)


@pytest.mark.parametrize("kind", ["of_torch", "of_safetensors"])
def test_weights_that_are_cut_off(kind: str) -> None:
    """What torch and safetensors raise for half a file does not say so."""
    write(kind, nn.Linear(784, 10), missing=20_000)
    with pytest.raises(ModelError, match="may be cut off, so copy it again") as caught:
        factory.call(f"of_weights:{kind}")
    one_sentence(caught.value)
