"""How pip builds the project that `init` writes into."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

_STATED = ("packages", "py_modules", "py-modules")


def installable(folder: Path) -> bool:
    """Whether pip can install the project in `folder`; a pyproject.toml may contain settings only."""
    table = _settings(folder)
    return (folder / "setup.py").is_file() or "project" in table or "build-system" in table


def dependencies(folder: Path) -> list[str]:
    """What [project] of pyproject.toml depends on, other than securemnist; without unreadable entries."""
    stated = _inner(_settings(folder), "project").get("dependencies")
    found = list[str]()
    for text in stated if isinstance(stated, list) else ():
        try:
            wanted = Requirement(str(text))
        except InvalidRequirement:  # pip names it where the project is built
            continue
        if canonicalize_name(wanted.name) != "securemnist":
            found.append(str(wanted))
    return found


def advice(folder: Path, top: str) -> str:
    """What to add so that setuptools still builds the project; "" where nothing is missing.

    Where no packages are stated, it takes each folder for one and refuses to build two ("Automatic
    discovery" of its documentation). `top`: the package of the model.
    """
    table = _settings(folder)
    backend = _inner(table, "build-system").get("build-backend", "setuptools")
    stated = _inner(_inner(table, "tool"), "setuptools")
    older = [folder / name for name in ("setup.py", "setup.cfg")]
    texts = "".join(file.read_text(errors="replace") for file in older if file.is_file())
    if (
        not installable(folder)
        or not str(backend).startswith("setuptools")
        or (folder / "src").is_dir()
        or any(word in stated or word in texts for word in _STATED)
    ):
        return ""
    package = top if (folder / top).is_dir() else "PACKAGE"
    added = f'packages.find.include = ["{package}*"]'
    if (folder / f"{top}.py").is_file():
        added = f'py-modules = ["{top}"]'
    return (
        "pyproject.toml: setuptools takes the folders security_tests and reports for packages, and "
        f"refuses to build the project; add to [tool.setuptools]: {added}"
    )


def _settings(folder: Path) -> dict[str, Any]:
    """The pyproject.toml; empty where there is none, or none that can be read."""
    try:
        return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return {}


def _inner(table: dict[str, Any], name: str) -> dict[str, Any]:
    found = table.get(name)
    return found if isinstance(found, dict) else {}
