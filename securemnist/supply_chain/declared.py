"""Declared dependencies of a project: those of its pyproject.toml, and files that are not read."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from securemnist._util.files import read_at_most
from securemnist._util.parsing import MAX_TOML_BYTES, decoded, lenient_text, toml_table
from securemnist.errors import ParseError
from securemnist.results.evidence.supply_chain import SupplyCheck
from securemnist.results.json_model import table
from securemnist.supply_chain.lock import requirement

PYPROJECT = "pyproject.toml"
# Files that may declare dependencies in a form that is not read here, and the words that do.
_SETUP = ("install_requires", "extras_require", "tests_require")
_OTHERS = {
    "setup.py": _SETUP,
    "setup.cfg": _SETUP,
    "Pipfile": ("packages",),
    "*environment*.y*ml": ("dependencies",),
    "[!.]*/*environment*.y*ml": ("dependencies",),
    "conda*.y*ml": ("dependencies",),
    "pixi.toml": ("dependencies",),
    "hatch.toml": ("dependencies",),
}
# Tables of tools below [tool], and the keys of dependencies at any depth in them.
_TOOLS = ("poetry", "pdm", "uv", "hatch.envs", "pixi", "rye", "flit.metadata")
_KEYS = (
    *("dependencies", "dev-dependencies", "extra-dependencies", "pypi-dependencies"),
    *("requires", "requires-extra", "dev-requires"),
)
_READABLE = "dependencies in [project] of pyproject.toml"
# Scripts with dependencies of their own (PEP 723), which `uv run` and `pipx run` install.
_SCRIPTS = ("*.py", "[!.]*/*.py")
_SCRIPT, _END = "# /// script", "# ///"
_MAX_BYTES = 16 << 20


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
    _refuse_sources(declared, content)
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
    for name in _TOOLS:
        if _declares(_tool(content, name)):
            declared.refuse(f"tool.{name}", PYPROJECT, _READABLE, f"dependencies of [tool.{name}]")
    for pattern, words in _OTHERS.items():
        for name, text in _texts_of(declared, folder, pattern):
            for word in [word for word in words if word in text][:1]:
                declared.refuse(name, name, _READABLE, f"`{word}`, which is not read")
    for pattern in _SCRIPTS:
        for name, text in _texts_of(declared, folder, pattern):
            if _is_script(text) and not (folder / f"{name}.lock").exists():
                expected = f"a lock, {name}.lock (`uv lock --script`)"
                declared.refuse(name, name, expected, "dependencies of a script")


def _refuse_sources(declared: Declared, content: Mapping[str, Any]) -> None:
    """Refuse what uv takes a dependency from, unless it is an index or a part of the project."""
    for name, sources in _tool(content, "uv.sources").items():
        for source in sources if isinstance(sources, list) else [sources]:
            kinds = set(source) if isinstance(source, Mapping) else {f"{source!r:.80}"}
            if not kinds & {"index", "workspace"}:
                found = f"{', '.join(sorted(kinds))}, by [tool.uv.sources]"
                declared.refuse(name, PYPROJECT, "a source that is a package index", found)


def _tool(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The table of a tool, such as "hatch.envs"; empty without one."""
    found = table(content.get("tool"))
    for key in name.split("."):
        found = table(found.get(key))
    return found


def _declares(value: object) -> bool:
    """Whether a table has dependencies somewhere in it, others than Python itself."""
    if not isinstance(value, Mapping):
        return False
    own = [value[key] for key in _KEYS if value.get(key)]
    others = any(not isinstance(each, Mapping) or set(each) != {"python"} for each in own)
    return others or any(_declares(each) for each in value.values())


def _is_script(text: str) -> bool:
    """Whether a comment at the start of a line declares dependencies, or cannot be read."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.rstrip() != _SCRIPT:
            continue
        block = itertools.takewhile(lambda one: one.startswith("#") and one.rstrip() != _END, lines)
        try:
            content = toml_table("\n".join(one.removeprefix("#") for one in block))
        except ParseError:
            return True
        if content.get("dependencies"):
            return True
    return False


def _texts_of(declared: Declared, folder: Path, pattern: str) -> Iterator[tuple[str, str]]:
    """Names and texts of the files of a pattern; one that cannot be read is refused."""
    for path in filter(Path.is_file, sorted(folder.glob(pattern))):
        name = path.relative_to(folder).as_posix()
        try:
            yield name, lenient_text(read_at_most(path, _MAX_BYTES))
        except OSError as error:
            declared.refuse(name, name, "a file that can be read", str(error.strerror))
