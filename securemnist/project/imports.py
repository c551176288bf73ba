"""Modules of the user's project on sys.path, without replacing those of this package.

The folders are the working folder, its `src`, and pytest's `pythonpath`; they come last in
`sys.path`. A module of the project takes precedence over an installed one of the same name, such as
an older copy. It does not take precedence over a dependency of securemnist: a `click.py` or
`art.py` cannot run in its place.
"""

from __future__ import annotations

import configparser
import functools
import importlib
import importlib.util
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import metadata
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from securemnist._util.files import read_at_most
from securemnist._util.parsing import decoded, toml_table
from securemnist._util.user_code import place
from securemnist.errors import ParseError, UsageError, first_line

_MAX_BYTES = 1 << 20
# Names with "art:" are those of ART's attacks.
_CODE = re.compile(r"(?!art:)[A-Za-z_][\w.]*:[A-Za-z_]\w*")
# Extras whose packages are imported when they are installed; the others are for tests and benchmarks.
EXTRAS = ("keras", "onnx", "parquet", "serve")
# A distribution, and the extras of it that are required.
_Requirement = tuple[str, tuple[str, ...]]
_NAME = re.compile(r"([\w.-]+)\s*(?:\[([^]]*)\])?")
_EXTRA = re.compile(r"\bextra\s*==\s*[\"']([\w.-]+)")
_WORD = re.compile(r"[\w.-]+")
_INI_FILES = (
    ("pytest.ini", "pytest"),
    (".pytest.ini", "pytest"),
    ("tox.ini", "pytest"),
    ("setup.cfg", "tool:pytest"),
)


def is_code(name: object) -> bool:
    """Whether a name has the form pkg.module:attribute, so that using it imports a module."""
    return isinstance(name, str) and _CODE.fullmatch(name) is not None


def named_in(measure: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """The code that a row names, by the key that names it: measure, attack, defence, against."""
    names = {"measure": measure, "against": settings.get("against")}
    for key in ("attack", "defence"):
        table = settings.get(key)
        names[key] = table.get("use") if isinstance(table, Mapping) else None
    return {key: str(name) for key, name in names.items() if is_code(name)}


def attribute(spec: str, advice: str) -> Any:
    """The value of `pkg.module:attribute`, imported from the project in the working folder.

    Raises UsageError for a missing module or attribute and for an import that raises; `advice` says
    what to change.
    """
    from securemnist._util.torchvision_shim import importing

    module_name, _, name = spec.partition(":")
    enable(Path.cwd())
    try:
        module = importing(functools.partial(importlib.import_module, module_name))
    except ImportError as error:
        raise UsageError(f"{spec}: expected a module to import, got {error}; {advice}") from error
    except (Exception, SystemExit) as error:
        cause = f"{type(error).__name__} ({first_line(error):.200}){place(error)}"
        raise UsageError(
            f"{spec}: expected a module, its import raised {cause}; run it alone to fix it"
        ) from error
    try:
        return getattr(module, name)
    except AttributeError as error:
        raise UsageError(
            f"{spec}: expected {name!r} in the module, got {error}; {advice}"
        ) from error


class _ProjectFinder(MetaPathFinder):
    """Finder of the project's top-level modules; dependencies of securemnist take precedence."""

    def __init__(self, folders: Sequence[str]) -> None:
        self.folders = list(folders)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None:
            return None
        spec = PathFinder.find_spec(fullname, self.folders)
        if spec is None or spec.loader is None:  # no module, or a folder without __init__.py
            return None
        if fullname in sys.stdlib_module_names or fullname == "securemnist":
            return None
        elsewhere = [entry for entry in sys.path if entry not in self.folders]
        installed = PathFinder.find_spec(fullname, elsewhere)
        return None if installed is not None and fullname in _dependencies() else spec


def enable(project: Path) -> None:
    """Make the modules of `project` importable; idempotent."""
    folders = [str(folder) for folder in folders_of(project)]
    finders = [finder for finder in sys.meta_path if isinstance(finder, _ProjectFinder)]
    if not any(finder.folders == folders for finder in finders):
        # The latest project takes precedence.
        sys.meta_path.insert(0, _ProjectFinder(folders))
    sys.path += [folder for folder in folders if folder not in sys.path]


def folders_of(project: Path) -> list[Path]:
    """Folders with modules of a project: itself, `src`, pytest's `pythonpath`."""
    folders = [project]
    source = project / "src"
    if source.is_dir() and not (source / "__init__.py").is_file():
        folders.append(source)
    folders += [(project / name).resolve() for name in _pythonpath(project)]
    return list(dict.fromkeys(folders))


def _pythonpath(project: Path) -> list[str]:
    """The `pythonpath` setting of pytest, which itself reports files that cannot be read."""
    try:
        table = toml_table(decoded(read_at_most(project / "pyproject.toml", _MAX_BYTES))).get(
            "tool", {}
        )
        settings = table.get("pytest", {})
        value = settings.get("ini_options", settings).get("pythonpath", [])
        names = value.split() if isinstance(value, str) else [str(name) for name in value]
    except (OSError, ParseError, AttributeError, TypeError):
        names = []
    for file, section in _INI_FILES:
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read_string(decoded(read_at_most(project / file, _MAX_BYTES)))
        except (OSError, ParseError, configparser.Error):
            continue
        names += parser.get(section, "pythonpath", fallback="").split()
    return names


@functools.cache
def _dependencies() -> frozenset[str]:
    """Top-level modules of all direct and indirect dependencies of securemnist."""
    modules: set[str] = set()
    required: list[_Requirement] = [("securemnist", EXTRAS)]
    for name, extras in required:  # grows
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        modules |= set(_modules(distribution.files or ()))
        required += set(_required(distribution.requires or (), extras)) - set(required)
    return frozenset(modules)


def _required(requirements: Iterable[str], extras: Sequence[str]) -> Iterator[_Requirement]:
    """Distributions that are required without an extra, or for one of `extras`."""
    for requirement in requirements:
        name, marker = _NAME.match(requirement), _EXTRA.search(requirement)
        if name is not None and (marker is None or marker[1] in extras):
            own = sorted(_WORD.findall(name[2] or ""))
            yield re.sub(r"[-_.]+", "-", name[1]).lower(), tuple(own)


def _modules(files: Iterable[metadata.PackagePath]) -> Iterator[str]:
    """Top-level modules among the files of a distribution."""
    for file in files:
        first, suffix = file.parts[0], file.suffix
        if suffix in (".py", ".so", ".pyd") and first not in ("..", "__pycache__"):
            yield first.split(".")[0]
