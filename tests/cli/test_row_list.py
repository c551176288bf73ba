"""`securemnist assess --list`: the rows with their times, and what these assume."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from securemnist.cli import main
from tests.policies import CLEAN, table

NETWORK = """
from torch import nn


def factory():
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 4))
"""


@pytest.fixture
def project(cwd: Path) -> Path:
    """A folder with 120 colour images of four classes, a network for them, and a policy."""
    import numpy as np

    rng = torch.Generator().manual_seed(0)
    x = torch.randint(256, (120, 8, 8, 3), generator=rng, dtype=torch.uint8)
    np.savez(cwd / "colour.npz", x_test=x.numpy(), y_test=np.arange(120) % 4)
    (cwd / "colour_net.py").write_text(NETWORK)
    (cwd / "own.toml").write_text(table(CLEAN))
    (cwd / "pyproject.toml").write_text('[tool.securemnist]\ndata = "colour.npz"\n')
    return cwd


def listed(*words: str) -> str:
    """The output of the command, on one line."""
    result = CliRunner().invoke(main, ["assess", "--list", *words])
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


@pytest.mark.usefixtures("project")
def test_times_of_the_own_test_set_and_model() -> None:
    """Times are for the size of the test set; without a model the command says what it assumes."""
    assumed = listed("--policy", "own.toml")
    assert "120 test images of colour, a network as fast as network A" in assumed
    measured = listed("--policy", "own.toml", "--model", "colour_net:factory")
    assert "120 test images of colour and colour_net:factory, measured on this machine" in measured


@pytest.mark.usefixtures("project")
def test_bundled_policy_is_for_mnist() -> None:
    """On other data the bundled policy is refused in one sentence that names `init`."""
    result = CliRunner().invoke(main, ["assess", "--list", "--policy", "bundled"])
    assert result.exit_code == 2
    text = " ".join(result.output.split())
    assert "the bundled policy: expected the data it was written for, MNIST" in text
    assert "securemnist init --data" in text


def test_bundled_policy_says_whose_it_is(cwd: Path) -> None:
    """The list of the bundled rows says that their thresholds are for MNIST."""
    assert "whose thresholds are for MNIST" in listed("--policy", "bundled")
