"""The tutorial, executed: `python -m benchmarks.notebook` runs docs/tutorial.ipynb and keeps its outputs.

What differs from run to run without a change of the results (times of cells, lines of progress, the
version of Python) is not stored. The notebook states the digest of the code that gave its outputs.
"""

from __future__ import annotations

import ast
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from securemnist._util.hashing import sha256_of_value
from securemnist._util.resources import write_atomically

NOTEBOOK = Path(__file__).parents[1] / "docs" / "tutorial.ipynb"
_TIMEOUT = 600  # seconds of one cell


def code_of(notebook: Any) -> list[str]:
    """The source of each code cell."""
    cells = (cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    return ["".join(cell["source"]) for cell in cells]


def digest(notebook: Any) -> str:
    """SHA-256 of the source of all code cells."""
    return sha256_of_value(code_of(notebook))


def problems(notebook: Any) -> Iterator[str]:
    """Why the stored outputs are not those of the code; nothing where they are."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    if notebook["metadata"].get("securemnist") != {"code_sha256": digest(notebook)}:
        yield "the code has changed since it was executed; run `nox -s notebook`"
    if [cell["execution_count"] for cell in cells] != list(range(1, len(cells) + 1)):
        yield "cells were not executed once each, in order"
    for cell, source in zip(cells, code_of(notebook), strict=True):
        outputs, last = cell["outputs"], ast.parse(source).body[-1]
        if any(output["output_type"] == "error" for output in outputs):
            yield f"an error is among the outputs of {source!r:.60}"
        if any(output.get("name") == "stderr" for output in outputs):
            yield f"messages are among the outputs of {source!r:.60}"
        if bool(outputs) is not isinstance(last, ast.Expr):
            yield f"the value of {source!r:.60} is not among its outputs"


def execute() -> None:
    """Execute the notebook in a kernel of its own, in an empty folder, and store its outputs.

    An error in a cell is raised, and the file stays as it was.
    """
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        client = NotebookClient(
            notebook, timeout=_TIMEOUT, kernel_name="python3", resources=resources
        )
        client.on_cell_start = lambda cell, cell_index: _say(cell, cell_index, len(notebook.cells))
        client.execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [out for out in cell.outputs if out.get("name") != "stderr"]
    notebook.metadata["language_info"] = {"name": "python"}
    notebook.metadata["securemnist"] = {"code_sha256": digest(notebook)}
    nbformat.validate(notebook)
    write_atomically(NOTEBOOK, (nbformat.writes(notebook, indent=1) + "\n").encode())


def _say(cell: Any, index: int, total: int) -> None:
    """A line for each code cell."""
    if cell.cell_type == "code":
        first = "".join(cell.source).splitlines()[0]
        print(f"cell {index + 1} of {total}: {first}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    began = time.perf_counter()
    execute()
    print(f"{NOTEBOOK.name}: executed in {time.perf_counter() - began:.0f} s")
