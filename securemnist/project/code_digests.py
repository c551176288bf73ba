"""SHA-256 of the user's own code that rows name: of its module, and of the modules that this imports.

Imports are read from the source: nothing is run. Followed are those of the same package and of the
project's folders. Packages that are installed have versions, and `securemnist` has its own.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

from securemnist._util.files import read_at_most
from securemnist._util.hashing import sha256
from securemnist.project import imports

_MAX_BYTES = 1 << 20
_INSTALLED = {"site-packages", "dist-packages"}
_KEY = re.compile(r"(?P<name>[^ ]+)(?: \((?P<module>[\w.]+)\))?")


def of_rows(
    rows: Iterable[tuple[str, Mapping[str, Any]]], doubts: Iterable[str] = ()
) -> dict[str, str]:
    """The digests of the code that rows name, and of the project's `doubts`.

    Each row as its measure and settings.
    """
    names = {name for measure, row in rows for name in imports.named_in(measure, row).values()}
    names |= set(doubts)
    return {key: digest for name in sorted(names) for key, digest in of(name).items()}


def of(name: str) -> dict[str, str]:
    """SHA-256 by `name`, which is pkg.module:attribute, and by `name (module)` for what it imports.

    It is "" for a file that is not there, or is larger than 1 MiB.
    """
    imports.enable(Path.cwd())
    named = name.partition(":")[0]
    folders = [folder.resolve() for folder in imports.folders_of(Path.cwd())]
    found: dict[str, str] = {}
    left = [named]
    while left:
        module = left.pop()
        key = name if module == named else f"{name} ({module})"
        if key in found:
            continue
        spec = _spec(module)
        content = _content(spec)
        found[key] = "" if content is None else sha256(content)
        imported = [] if spec is None or content is None else _imported(spec, content)
        left += [one for one in imported if _is_own(one, named, folders)]
    return dict(sorted(found.items()))


def of_name(name: str, digests: Mapping[str, Any]) -> dict[str, Any]:
    """What `digests` holds of the code of `name`, by its module; "" is the module that it names."""
    keys = ((_KEY.fullmatch(key), digest) for key, digest in digests.items())
    return {key["module"] or "": digest for key, digest in keys if key and key["name"] == name}


def _spec(module: str) -> ModuleSpec | None:
    """Where a module is found; no package is imported for it."""
    first, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(first)
    except (ImportError, ValueError):
        return None
    for part in rest:
        if spec is None or spec.submodule_search_locations is None:
            return None
        spec = PathFinder.find_spec(f"{spec.name}.{part}", spec.submodule_search_locations)
    return spec


def _content(spec: ModuleSpec | None) -> bytes | None:
    if spec is None or spec.origin is None:
        return None
    try:
        return read_at_most(Path(spec.origin), _MAX_BYTES)
    except OSError:
        return None


def _imported(spec: ModuleSpec, content: bytes) -> Iterator[str]:
    """The modules that import statements of a source name."""
    try:
        nodes = list(ast.walk(ast.parse(content)))
    except (SyntaxError, ValueError, RecursionError):  # of a compiled module, too
        return
    package = spec.name if spec.submodule_search_locations is not None else spec.parent
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from _imported_from(node, package or "")


def _imported_from(node: ast.ImportFrom, package: str) -> Iterator[str]:
    """The modules of `from base import names`: those among the names, and the base for other names."""
    try:
        base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
    except ImportError:
        return
    for alias in node.names:
        module = f"{base}.{alias.name}"
        yield module if _spec(module) is not None else base


def _is_own(module: str, named: str, folders: Iterable[Path]) -> bool:
    """Whether a module is of the package of the `named` one, or lies in the project's `folders`."""
    top = module.partition(".")[0]
    spec = _spec(module)
    if top == "securemnist" or spec is None or spec.origin is None:
        return False
    path = Path(spec.origin).resolve()
    inside = any(path.is_relative_to(folder) for folder in folders)
    return top == named.partition(".")[0] or (inside and _INSTALLED.isdisjoint(path.parts))
