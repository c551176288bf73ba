"""The law of the layout: who may import whom, how long a file may grow, what needs no torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import securemnist

PACKAGE = Path(securemnist.__file__).parent
# A module may import strictly lower floors and, inside a package, its neighbours.
FLOORS = (
    {
        "errors",
        "fields",
        "files",
        "findings",
        "idx_files",
        "parsing",
        "verdicts",
        "resources",
        "tensor_file",
        "text",
        "glossary",
        "digests",
        "_memory",
        "per_image",
        "_torchvision",
        "origin",
        "__init__",
    },
    {
        "data",
        "denormals",
        "models",
        "predictions",
        "artifacts",
        "fingerprint",
        "threats",
        "numerics",
        "model_state",
        "types",
        "policy",
        "project_imports",
        "settings",
        "stats",
        "published",
        "reference_digests",
    }
    | {"assessment", "environment"},
    {"attacks", "certify", "referee", "subjects", "report"},
    {"poisoning", "compare", "history"},
    {"train"},
    {"evaluation", "detection", "defences", "static", "server"},
    {"measures"},
    {"assessing"},
    {"first_policy", "plugin", "scaffold", "suites"},
    {"cli"},
    {"__main__"},
)
# `types` is the one module of its floor that its neighbours share: it holds names, no behaviour.
SHARED = {"types"}
BENCH = (
    "assessment",
    "compare.comparison",
    "history.trend",
    "policy",
    "report",
    "report.page",
    "settings",
    "stats",
)
FILES = sorted(PACKAGE.rglob("*.py"))


def floor(name: str) -> int:
    """The floor of a top-level module of the package."""
    return next(number for number, names in enumerate(FLOORS) if name in names)


def imports(path: Path) -> set[str]:
    """The top-level modules of the package that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("securemnist"):
            parts = (node.module or "").split(".")
            names = [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
            found |= {name for name in names if not name.startswith("__version")}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_down(path: Path) -> None:
    """A module imports lower floors and its own package only."""
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    wrong = [
        name
        for name in imports(path) - {own} - SHARED
        if floor(name) >= floor(own) and not (floor(own) == 0 and floor(name) == 0)
    ]
    assert not wrong, f"{path.name} (floor {floor(own)}) imports {wrong}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_one_noun_a_file(path: Path) -> None:
    """A file over 250 lines has two nouns."""
    assert len(path.read_text().splitlines()) <= 250


def test_the_bench_needs_no_torch() -> None:
    """What is concluded can be read and rendered where torch is not installed."""
    modules = ", ".join(f"securemnist.{name}" for name in BENCH)
    program = f"import sys; sys.modules['torch'] = None; import {modules}"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
