"""Digests of the code that rows name: a change of what it imports is a change of it."""

from __future__ import annotations

import types
from collections.abc import Callable
from pathlib import Path

import pytest

from securemnist.comparison import comparability
from securemnist.project import code_digests

NAME = "reader_checks.attacks:Mine"
FILES = {
    "reader_checks/__init__.py": "from .nets import make\n",
    "reader_checks/nets.py": "def make(): pass\n",
    "reader_checks/attacks.py": (
        "import json, torch, beside.budget\n"
        "from securemnist.attacks.base import Attack\n"
        "from . import limits, gone\n"
        "from reader_checks.limits import SHARE\n"
    ),
    "reader_checks/limits.py": "from reader_checks.attacks import Mine\nSHARE = 1.0\n",
    "beside/__init__.py": "",
    "beside/budget.py": "raise SystemExit('imported')\n",
}


@pytest.fixture
def folder(cwd: Path) -> Path:
    """A project whose attack takes numbers from other modules."""
    for name, text in FILES.items():
        (cwd / name).parent.mkdir(exist_ok=True)
        (cwd / name).write_text(text)
    return cwd


def reason(before: dict[str, str], after: dict[str, str]) -> str:
    """Why a row that names the attack cannot be compared, by the digests of both versions."""
    sides = [types.SimpleNamespace(environment={"code": code}) for code in (before, after)]
    return comparability._code_differs([NAME], tuple(sides))  # type: ignore[arg-type]


def test_imported_modules_of_the_project_are_recorded(folder: Path) -> None:
    """They are those of import statements, in packages and folders; nothing of them is run."""
    found = code_digests.of(NAME)
    modules = set(code_digests.of_name(NAME, found))
    assert modules == {
        "",
        "beside.budget",
        "reader_checks",
        "reader_checks.limits",
        "reader_checks.nets",
    }
    assert all(len(digest) == 64 for digest in found.values())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda at: (at / "reader_checks/limits.py").write_text("SHARE = 0.5\n"), "limits"),
        (lambda at: (at / "beside/budget.py").write_text("STEPS = 1\n"), "beside.budget"),
        (lambda at: (at / "beside/budget.py").unlink(), "beside.budget"),
        (lambda at: (at / "other.py").write_text("a module that nothing imports\n"), ""),
    ],
    ids=["a sibling", "another package", "gone", "not imported"],
)
def test_a_weaker_helper_is_another_attack(
    folder: Path, change: Callable[[Path], object], expected: str
) -> None:
    """An attack that a changed module weakens does not show the new version to be better."""
    before = code_digests.of(NAME)
    change(folder)
    found = reason(before, code_digests.of(NAME))
    assert bool(found) is bool(expected)
    assert expected in found
