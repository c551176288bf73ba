"""What the bundled suites claim of each measure: the docstring of its test."""

from __future__ import annotations

import ast
import functools

from securemnist._util import resources


@functools.cache
def claims() -> dict[str, str]:
    """The claim of each measure that a bundled suite tests, as one line, by the measure's name."""
    found = {}
    for path in sorted(resources.SUITES.glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and (name := _measure(node)):
                found[name] = " ".join((ast.get_docstring(node) or "").split())
    return found


def _measure(test: ast.FunctionDef) -> str:
    """The name in @pytest.mark.measure("NAME"); "" where a function has no such marker."""
    for mark in test.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.measure":
            return str(ast.literal_eval(mark.args[0]))
    return ""
