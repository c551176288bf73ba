"""The text given to the tools is the program that Python runs."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from securemnist import static
from securemnist.static import PythonFiles, notebook, scan, torch_version
from securemnist.static.issue import ToolReport
from securemnist.static.python_files import ScratchCopy
from securemnist.static.reading import NotRead, python_text
from tests.static.conftest import Write

HIDDEN = {
    "carriage return": b"#\rimport torch\rm = torch.jit.load('x')\r",
    "utf-7": b'# -*- coding: utf-7 -*-\nimport torch\n# +AAo-m = torch.jit.load("x")\n',
    "escape": b"# coding: raw_unicode_escape\nimport torch\n# \\u000am = torch.jit.load('x')\n",
    "latin-1": b"# coding: latin-1\nimport torch\ns = '\xe4'; m = torch.jit.load('x')\n",
    "utf-8 mark": b"\xef\xbb\xbfimport torch\nm = torch.jit.load('x')\n",
    "form feed": b"import torch\nif 0:\n    pass\n    \x0cm = torch.jit.load('x')\n",
    "letters": "import torch\nm = torch.\U0001d423it.load('x')\n".encode(),
}


@pytest.mark.parametrize("content", HIDDEN.values(), ids=HIDDEN)
def test_python_text_keeps_syntax_tree(content: bytes) -> None:
    """Line ends, encodings and Unicode forms leave the parsed program unchanged."""
    text = python_text(content)
    text.encode("utf-8")
    assert "\r" not in text
    assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(content))
    assert "torch.jit.load(" in text


def test_text_of_other_program_is_refused() -> None:
    """A file whose decoded text parses to another program is not read."""
    with pytest.raises(NotRead):
        python_text(b"x = '''a\n  \x0cb'''\n")


def notebook_file(*python_files: str, language: str = "python") -> bytes:
    """A notebook with these code cells."""
    cells = [{"cell_type": "code", "source": source.splitlines(True)} for source in python_files]
    return json.dumps({"cells": cells, "metadata": {"kernelspec": {"language": language}}}).encode()


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("x = 1", "x = 1"),
        ("!pip install {name}", "get_ipython().system('pip install {name}')"),
        ("files = !ls", "files = get_ipython().system('ls')"),
        ("%time m = torch.load(f)", "m = torch.load(f)"),
        ("%timeit -n 10 torch.load(f)", "torch.load(f)"),
        ("%matplotlib inline", "get_ipython().run_line_magic('matplotlib', 'inline')"),
        ("%%time\nm = torch.load(f)", "\nm = torch.load(f)"),
        ("%%timeit -n 10 m = torch.load(f)\nm(x)", "m = torch.load(f)\nm(x)"),
        ("\n%%timeit -n 10 -r 3\nm(x)", "\n\nm(x)"),
        ("%%prun -s cumulative\nm(x)", "\nm(x)"),
        ("%%script --bg python3 -u\nm = torch.load(f)", "\nm = torch.load(f)"),
        ("%%writefile a.py\nm = torch.load(f)", "\nm = torch.load(f)"),
        ("if x:\n    !ls", "if x:\n    get_ipython().system('ls')"),
        ("torch.load?", "pass"),
        ("s = '''\n%time x\n'''", "s = '''\n%time x\n'''"),
    ],
)
def test_magics_become_python(source: str, text: str) -> None:
    """IPython syntax is replaced line by line; Python that looks like it stays."""
    result = notebook.read("a.ipynb", notebook_file(source), "digest")
    assert result.source_file is not None
    assert result.source_file.text == text + "\n"
    assert (result.unread, result.excluded) == ((), ())


def test_other_cells_are_listed() -> None:
    """A cell in another language is excluded; an unreadable one is an issue."""
    content = notebook_file("%%bash\nls -l | wc", "%%spell\nno python here", "x = 1")
    result = notebook.read("a.ipynb", content, "digest")
    assert result.source_file is not None
    assert result.excluded == ("a.ipynb, cell 1 (%%bash) (another language than Python)",)
    assert [issue.code for issue in result.unread] == ["cell 2 of digest"]
    assert result.source_file.places == ((3, 1),)


def test_both_sources_of_a_cell_are_read() -> None:
    """Format 3 runs `input`, which a `source` of format 4 beside it does not hide."""
    cell = {"cell_type": "code", "source": "x = 1", "input": "m = torch.load(f)"}
    content = json.dumps({"nbformat": 3, "worksheets": [{"cells": [cell]}]}).encode()
    result = notebook.read("a.ipynb", content, "digest")
    assert result.source_file is not None
    assert result.source_file.text == "x = 1\nm = torch.load(f)\n"


@pytest.mark.parametrize("kernel", [{"name": "base"}, {"name": "ml", "language": "python"}, {}])
def test_a_kernel_of_any_name_runs_python(kernel: dict[str, str]) -> None:
    """The language decides: a kernel of Python may have any name, and no language stands for it."""
    cell = {"cell_type": "code", "source": "x = 1"}
    content = json.dumps({"metadata": {"kernelspec": kernel}, "cells": [cell]}).encode()
    assert notebook.read("a.ipynb", content, "digest").source_file is not None


def test_other_notebooks_are_excluded() -> None:
    """A notebook in R is excluded; a malformed notebook is an issue."""
    content = notebook_file("x <- 1", language="R")
    assert notebook.read("a.ipynb", content, "digest") == (
        None,
        (),
        ("a.ipynb (notebook in another language than Python)",),
    )
    for content in (b"", b"[]", b"{}", b'{"cells": [1]}', b"[" * 100_000):
        with pytest.raises(NotRead, match="expected a Jupyter notebook"):
            notebook.read("a.ipynb", content, "digest")


@pytest.mark.parametrize(
    ("name", "text", "old"),
    [
        ("requirements.txt", "torch==2.3.1\n", True),
        ("requirements-dev.txt", "torch>=2.0,<2.6\n", True),
        ("docker/requirements.txt", "torch==2.3.1\n", True),
        ("requirements.lock", "torch==2.3.1\n", True),
        ("requirements/gpu/base.txt", "torch==2.3.1\n", True),
        ("docker/environment.yml", "dependencies:\n  - pytorch=2.3\n", True),
        ("tools/run.py.lock", '[[package]]\nname = "torch"\nversion = "2.5.1"\n', True),
        ("requirements.txt", "torch>=2.0\n", False),
        ("requirements.txt", "torch==2.7.1+cpu\ntorchvision==0.15\n", False),
        ("pyproject.toml", '[project]\ndependencies = ["torch~=2.4.0"]\n', True),
        ("pyproject.toml", '[tool.poetry.dependencies]\ntorch = "^2.3"\n', False),
        ("pyproject.toml", '[tool.poetry.dependencies]\ntorch = {version = "2.3.1"}\n', True),
        ("environment.yml", "dependencies:\n  - pytorch=2.3\n", True),
        ("uv.lock", '[[package]]\nname = "torch"\nversion = "2.5.1"\n', True),
        ("uv.lock", '[[package]]\nname = "torch"\nversion = "2.10.0"\n', False),
        ("uv.lock", f'[[package]]\nname = "torch"\nversion = "{"9" * 5_000}.1"\n', False),
        ("requirements.txt", f"torch=={'9' * 5_000}\n", False),
    ],
    ids=lambda value: str(value)[:50],
)
def test_pinned_old_torch_is_found(write: Write, name: str, text: str, old: bool) -> None:
    """Only a requirement without any torch from 2.6 on means an old torch."""
    assert torch_version.default_runs_code(write({name: text})) is old


def test_old_torch_is_found_in_utf_16(tmp_path: Path) -> None:
    """PowerShell writes UTF-16 by `pip freeze > requirements.txt`, which pip reads."""
    (tmp_path / "requirements.txt").write_text("torch==2.3.1\n", encoding="utf-16")
    assert torch_version.default_runs_code(tmp_path)


def once(tool: Callable[[ScratchCopy], ToolReport]) -> Callable[[ScratchCopy], ToolReport]:
    """The tool, with its first report for every later question: to start it takes most of the time."""
    reports: list[ToolReport] = []

    def run(copy: ScratchCopy) -> ToolReport:
        reports.append(reports[0] if reports else tool(copy))
        return reports[0]

    return run


def test_torch_load_severity_depends_on_version(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A load without weights_only is low from torch 2.6 on, high before; False is high."""
    tools = {name: once(tool) for name, tool in static._TOOLS.items()}
    monkeypatch.setattr(static, "_TOOLS", tools)
    text = "import torch\ntorch.load('a')\ntorch.load('b', weights_only=False)\n"
    for pinned, severity in (("torch>=2.6", "low"), ("torch==2.5", "high")):
        here = write({"a.py": text, "requirements.txt": pinned})
        found = scan(PythonFiles.find(here, ["."]), tools=["bandit", "semgrep"]).issues
        assert [(n.line, n.rule, n.severity) for n in found] == [
            (2, "B614, torch-load-by-default", severity),
            (3, "B614, torch-load-runs-code", "high"),
        ]
