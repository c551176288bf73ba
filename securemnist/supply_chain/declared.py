"""Declared dependencies of a project: those of its pyproject.toml, and files that are not read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from securemnist._util.files import read_at_most
from securemnist._util.parsing import MAX_TOML_BYTES, decoded, toml_table
from securemnist.errors import ParseError
from securemnist.results.evidence.supply_chain import SupplyCheck
from securemnist.results.json_model import table
from securemnist.supply_chain.lock import requirement

PYPROJECT = "pyproject.toml"
# Files that may declare dependencies in a form that is not read here, and the words that do.
_OTHERS = {
    "setup.py": "install_requires",
    "setup.cfg": "install_requires",
    "Pipfile": "packages",
    "environment.yml": "dependencies",
    "environment.yaml": "dependencies",
}
_TOOLS = {
    "poetry": ("dependencies", "dev-dependencies", "group"),
    "pdm": ("dev-dependencies",),
    "uv": ("dev-dependencies",),
}
_READABLE = "dependencies in [project] of pyproject.toml"
_MAX_BYTES = 1 << 20


@dataclass
class Declared:
    """The declared dependencies, each with its place, and checks of what could not be read."""

    name: str = ""
    requirements: list[tuple[str, Requirement]] = field(default_factory=list)
    checks: list[SupplyCheck] = field(default_factory=list)

    def refuse(self, name: str, place: str, expected: str, found: str) -> None:
        """Add a check that does not hold."""
        self.checks.append(SupplyCheck(name, place, expected, found, False))


def read(folder: Path) -> Declared:
    """The dependencies that the project in `folder` declares, those of its extras and groups, too.

    Left out are the project itself, which an extra may name, and requirements of its build.
    """
    declared, content = Declared(), dict[str, Any]()
    try:
        content = toml_table(decoded(read_at_most(folder / PYPROJECT, MAX_TOML_BYTES)))
    except FileNotFoundError:
        pass
    except OSError as error:
        declared.refuse(PYPROJECT, PYPROJECT, "a file that can be read", str(error.strerror))
    except ParseError as error:
        declared.refuse(PYPROJECT, PYPROJECT, "TOML", str(error))
    _read_project(declared, content)
    _refuse_others(declared, folder, content)
    return declared


def _read_project(declared: Declared, content: Mapping[str, Any]) -> None:
    project = table(content.get("project"))
    declared.name = canonicalize_name(str(project.get("name", "")))
    dynamic = project.get("dynamic", [])
    for key in ("dependencies", "optional-dependencies"):
        if isinstance(dynamic, list) and key in dynamic:
            declared.refuse(key, f"{PYPROJECT}, dynamic", "a list in this file", "a dynamic list")
    for place, text in _texts(project, content.get("dependency-groups", {})):
        if isinstance(text, Mapping) and set(text) == {"include-group"}:
            continue  # the group that it names is read itself
        found = requirement(text)
        if found is None:
            declared.refuse(f"{text!r:.80}", place, "a requirement of PEP 508", f"{text!r:.80}")
        elif canonicalize_name(found.name) != declared.name:
            declared.requirements.append((place, found))


def _texts(project: Mapping[str, Any], groups: Any) -> Iterator[tuple[str, Any]]:
    tables = {"dependencies": {"": project.get("dependencies", [])}}
    tables["optional-dependencies"] = project.get("optional-dependencies", {})
    tables["dependency-groups"] = groups
    for kind, lists in tables.items():
        for name, texts in lists.items() if isinstance(lists, Mapping) else [("", lists)]:
            place = f"{PYPROJECT}, {kind}{f' {name}' if name else ''}"
            for text in texts if isinstance(texts, list) else [texts]:
                yield place, text


def _refuse_others(declared: Declared, folder: Path, content: Mapping[str, Any]) -> None:
    """Refuse dependencies that are declared elsewhere: unread ones must not count as pinned."""
    for name, keys in _TOOLS.items():
        tool = table(table(content.get("tool")).get(name))
        if any(key in tool for key in keys):
            declared.refuse(f"tool.{name}", PYPROJECT, _READABLE, f"dependencies of [tool.{name}]")
    for name, word in _OTHERS.items():
        try:
            text = read_at_most(folder / name, _MAX_BYTES).decode(errors="replace")
        except FileNotFoundError:
            continue
        except OSError as error:
            declared.refuse(name, name, "a file that can be read", str(error.strerror))
            continue
        if word in text:
            declared.refuse(name, name, _READABLE, f"`{word}`, which is not read")
