"""The tutorial: its code runs, and its stored outputs are those of its code."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.notebook import NOTEBOOK, code_of, problems
from tests.commands import script

CONTENT: dict[str, Any] = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
CODE = [cell for cell in CONTENT["cells"] if cell["cell_type"] == "code"]
# Small values for the cell of parameters.
REDUCED = {"TRAIN_IMAGES": 50, "EPOCHS": 1, "TEST_IMAGES": 20, "SEARCHED": 4}


def test_outputs_are_those_of_the_code() -> None:
    """The notebook was executed in order, as a whole, with its present code, and without an error."""
    assert list(problems(CONTENT)) == []


def _changed(cell: dict[str, Any]) -> None:
    cell["source"] = ["data = None\n", "data"]


def _failed(cell: dict[str, Any]) -> None:
    cell["outputs"] = [{"output_type": "error", "ename": "E", "evalue": "", "traceback": []}]


def _said(cell: dict[str, Any]) -> None:
    cell["outputs"].append({"output_type": "stream", "name": "stderr", "text": ["warning"]})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_changed, "the code has changed"),
        (lambda cell: cell.update(execution_count=None), "in order"),
        (_failed, "an error is among"),
        (_said, "messages are among"),
        (lambda cell: cell.update(outputs=[]), "the value of"),
    ],
    ids=["code", "order", "error", "message", "no-output"],
)
def test_other_outputs_are_noticed(damage: Callable[[dict[str, Any]], Any], message: str) -> None:
    """Changed code, another order, an error, a message and a missing output are each found."""
    notebook = copy.deepcopy(CONTENT)
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    damage(next(cell for cell in cells if "".join(cell["source"]).endswith("\ndata")))
    assert any(message in problem for problem in problems(notebook))


def test_outputs_differ_by_nothing_but_the_results() -> None:
    """No path, time or state of the machine that executed it is stored."""
    text = json.dumps([cell["outputs"] for cell in CODE])
    assert not re.findall(r"/(?:tmp|home|root|work)/[^\"]*", text)
    assert not [cell for cell in CODE if "execution" in cell["metadata"]]


def test_outputs_tell_the_networks_apart() -> None:
    """The stored success rate is high for the poisoned network and low for the other."""
    shown = [text for text in _results() if text.startswith("<Measurement: backdoor_success")]
    poisoned, clean = (float(text.split()[2]) for text in shown)
    assert poisoned > 0.5 > 0.05 > clean


def test_links_of_the_tutorial_exist() -> None:
    """Every relative link of its text names a page."""
    text = "".join(
        "".join(cell["source"]) for cell in CONTENT["cells"] if cell["cell_type"] == "markdown"
    )
    targets = re.findall(r"\]\(([^)#:]+)\)", text)
    assert len(targets) >= 5
    assert [target for target in targets if not (NOTEBOOK.parent / target).exists()] == []


def _results() -> list[str]:
    """The plain text of each cell's value."""
    return [
        "".join(output["data"]["text/plain"])
        for cell in CODE
        for output in cell["outputs"]
        if output["output_type"] == "execute_result"
    ]


def test_code_of_the_tutorial_runs(tmp_path: Path, small_mnist: Path) -> None:
    """All cells in order end without an error, with small values in the cell of parameters."""
    program = "\n".join(code_of(CONTENT))
    for name, value in REDUCED.items():
        program, count = re.subn(rf"^{name} = [\d_]+$", f"{name} = {value}", program, flags=re.M)
        assert count == 1, name
    # Every measurement predicts all test images: after the cell that loads MNIST, there are few.
    loaded = "data = sm.DataSet.load()"
    assert program.count(loaded) == 1
    program = program.replace(loaded, f"{loaded}\ndata = sm.DataSet.load({str(small_mnist)!r})")
    (tmp_path / "tutorial.py").write_text(program, encoding="utf-8")
    done = script(tmp_path, "tutorial.py")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "index.html written" in done.stdout
