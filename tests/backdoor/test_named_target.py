"""A target that a policy names as the data name the class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from securemnist.data import DataSet
from securemnist.errors import DataError
from securemnist.evaluation.context import Context
from securemnist.measures import bind, take_measurement
from securemnist.models.loading import from_model
from securemnist.results.findings import Measurement
from tests.commands import run
from tests.policies import BACKDOOR, table
from tests.stubs import FunctionModel

NAMES = ("ant", "bee", "cat")


def measured(target: int | str) -> Measurement:
    """The success rate on a model that a bright corner turns to class 1."""
    rng = torch.Generator().manual_seed(0)
    labels = torch.arange(150) % 3
    images = torch.rand((150, 1, 8, 8), generator=rng) / 2
    images[torch.arange(150), 0, 0, labels] = 1.0
    data = DataSet.from_tensors(images, labels, class_names=NAMES)

    def logits(x: torch.Tensor) -> torch.Tensor:
        marked = (x[:, 0, -1, -1] > 0.9).float()[:, None]
        return 3 * x[:, 0, 0, :3] + 9 * marked * torch.eye(3)[1]

    subject = from_model(FunctionModel(logits), name="marked", input_spec=data.spec)
    settings = {"trigger": {"kind": "corner", "size": 2}, "target": target}
    return take_measurement(
        Context(subject, data), "backdoor_success", bind("backdoor_success", settings), 0
    )


def test_name_and_number_measure_the_same() -> None:
    """A class by its name has the rate, interval and evidence of its number."""
    by_name, by_number = measured("bee"), measured(1)
    assert by_name.value == by_number.value == 1.0
    assert (by_name.low, by_name.high, by_name.n) == (by_number.low, by_number.high, by_number.n)
    assert by_name.evidence.target == by_number.evidence.target == 1


def test_unknown_name_is_refused() -> None:
    """A name that no class has is refused, with the names there are."""
    with pytest.raises(DataError, match=r"a class name \(ant, bee, cat\), .*got 'wasp'"):
        measured("wasp")


def test_explain_names_the_class(cwd: Path) -> None:
    """`explain` of a row calls the target by the name in the project's data; without data, by number."""
    Path("own.toml").write_text(table(BACKDOOR, target="1"))
    assert "target = 1\n" in run("explain", "BACKDOOR-01", "--policy", "own.toml").output
    pixels = np.random.default_rng(0).integers(0, 256, (9, 8, 8), np.uint8)
    np.savez("data.npz", x_test=pixels, y_test=np.arange(9) % 3)
    Path("data.toml").write_text(f'path = "data.npz"\nclass_names = {list(NAMES)}\n')
    Path("pyproject.toml").write_text('[tool.securemnist]\ndata = "data.toml"\n')
    assert 'target = "bee"\n' in run("explain", "BACKDOOR-01", "--policy", "own.toml").output
