"""The line of a user's code that an error names."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import torch
from torch import nn

from securemnist._util.user_code import of_measurement, place
from securemnist.assessing import judge
from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.models.loading import from_model
from securemnist.results.findings import Verdict
from tests.requirement_builders import row

OWN = "import json\ndef read():\n    return json.loads('{')\n"
CALL = "def call():\n    return read()\n"


class LateError(nn.Module):
    """A network that raises on more than 64 images."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if len(x) > 64:
            raise RuntimeError("out of memory")
        return x.flatten(1)[:, :10]


def test_innermost_own_line_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line is the user's where a library raised, and its path relative to the working folder."""
    path = tmp_path / "nets" / "own.py"
    library = tmp_path / "other" / "lib" / "site-packages" / "library.py"  # of another environment
    for each in (path, library):
        each.parent.mkdir(parents=True)
    library.write_text(OWN)
    path.write_text(f"import runpy\n\nread = runpy.run_path({str(library)!r})['read']\n{CALL}")
    read = runpy.run_path(str(path))["call"]
    with pytest.raises(ValueError, match="Expecting") as caught:
        read()
    assert place(caught.value) == " in own.py, line 5"
    monkeypatch.chdir(tmp_path)
    assert place(caught.value) == " in nets/own.py, line 5"


def test_error_of_libraries_names_no_line() -> None:
    """An error that no line of the user raised names none."""
    assert place(ValueError("x")) == ""


def test_error_without_a_message_ends_without_a_colon() -> None:
    """A bare assertion leaves nothing to say after its place."""
    assert of_measurement(AssertionError()) == "the measurement raised AssertionError"
    assert of_measurement(ValueError("x")) == "the measurement raised ValueError: x"


def test_row_of_a_raising_model_names_the_line(mnist: DataSet) -> None:
    """The reason of an ERROR names file and line of the model's code that raised."""
    context = Context(from_model(LateError(), name="late"), mnist)
    found = judge(context, row(measure="clean_accuracy", settings={}))
    assert found.verdict is Verdict.ERROR
    assert "raised RuntimeError in tests/_util/test_user_code.py, line 29: out" in found.reason
