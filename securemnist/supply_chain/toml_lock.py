"""Locks in TOML: `uv.lock`, and `pylock.toml` by PEP 751."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from securemnist._util.files import read_at_most
from securemnist._util.parsing import decoded, toml_table
from securemnist.errors import ParseError
from securemnist.results.json_model import table
from securemnist.supply_chain.lock import (
    MOST_CHARACTERS,
    MOST_ENTRIES,
    Lock,
    applies,
    is_strong_hash,
    requirement,
)

# A lock lists every wheel of every package, so it is larger than other TOML files.
_MAX_BYTES = 16 << 20
_MAX_PARTS = 500_000
_TABLE = Mapping[str, Any]


def read(folder: Path, name: str) -> Lock:
    """The packages of a lock in `folder`; what cannot be read is a check that does not hold."""
    lock, path = Lock(name), folder / name
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ParseError("a link that leads out of the project")
        text = decoded(read_at_most(path, _MAX_BYTES))
        packages = toml_table(text, characters=_MAX_BYTES, parts=_MAX_PARTS)
    except OSError as error:
        lock.refuse_unread(name, str(error.strerror), "a file that can be read")
    except ParseError as error:
        lock.refuse_unread(name, str(error), "TOML inside the project")
    else:
        _read_packages(lock, packages)
    return lock


def _read_packages(lock: Lock, content: _TABLE) -> None:
    by_pep = "lock-version" in content
    packages = content.get("packages" if by_pep else "package")
    if "package" in content and "packages" in content:  # each installer reads the one that it knows
        lock.refuse_unread(lock.path, "`package` and `packages`", "one list of packages")
    elif by_pep and str(content["lock-version"]).split(".")[0] != "1":
        lock.refuse_unread(lock.path, f"lock-version {content['lock-version']}", "lock-version 1")
    elif isinstance(packages, list) and len(packages) > MOST_ENTRIES:
        lock.refuse_many()
    else:
        for package in packages if isinstance(packages, list) else ():
            _read_package(lock, package, by_pep=by_pep)
        if not lock.checks:  # no packages, or the project itself only
            lock.refuse_unread(lock.path, "no packages", "a list of packages")


def _read_package(lock: Lock, package: object, *, by_pep: bool) -> None:
    """Add a package of pylock.toml, or else of uv.lock."""
    if not isinstance(package, Mapping) or not _is_name(package.get("name")):
        lock.refuse_unread(lock.path, "a package without a name", "packages with names")
        return
    if _is_project(package, by_pep=by_pep):
        return
    name, version = package["name"], package.get("version", "")
    if not isinstance(version, str) or len(version) > MOST_CHARACTERS:
        version = ""
    wrong = (_pep_751 if by_pep else _uv)(package) or ("" if version else "no version")
    found = [digest for file in _files(package) for digest in _digests(file, by_pep=by_pep)]
    lock.pin(name, version, lock.path, wrong, applies=_applies(package), digests=found)


def _applies(package: _TABLE) -> bool:
    """Whether one of the markers of a package holds here, or asks for an extra or a group."""
    forks = package.get("resolution-markers", [])
    markers = [*(forks if isinstance(forks, list) else [forks]), package.get("marker")]
    return not any(markers) or any(_holds(f"{text}") for text in markers if text)


def _holds(marker: str) -> bool:
    if "extra" in marker or "dependency_groups" in marker:
        return True
    found = requirement(f"x ; {marker}")
    return found is not None and applies(found.marker)


def _is_name(name: object) -> bool:
    found = requirement(name)
    return found is not None and found.name == name


def _is_project(package: _TABLE, *, by_pep: bool) -> bool:
    """Whether this is the project itself, which is no dependency.

    Only the keys of the own form count: an installer ignores the others, and takes another source.
    """
    if by_pep:
        others = {"vcs", "archive", "sdist", "wheels"} & set(package)
        return not others and table(package.get("directory")).get("path") == "."
    return package.get("source") in ({"editable": "."}, {"virtual": "."})


def _uv(package: _TABLE) -> str:
    """What a package of uv.lock has instead of hashes; "" where each of its files has one."""
    source = package.get("source")
    if not isinstance(source, Mapping) or not isinstance(source.get("registry"), str):
        kinds = ", ".join(source) if isinstance(source, Mapping) else "nothing"
        return f"a source that is no package index ({kinds})"
    return _without_hashes(_files(package), _uv_hash)


def _pep_751(package: _TABLE) -> str:
    """What a package of pylock.toml has instead of hashes; "" where each of its files has one."""
    for key in ("vcs", "directory", "archive"):
        if key in package:
            return f"a source that is no package index ({key})"
    return _without_hashes(_files(package), _pep_hash)


def _files(package: _TABLE) -> Iterator[object]:
    if "sdist" in package:
        yield package["sdist"]
    wheels = package.get("wheels", [])
    yield from wheels if isinstance(wheels, list) else [wheels]


def _without_hashes(files: Iterator[object], has_hash: Callable[[_TABLE], bool]) -> str:
    found = [isinstance(file, Mapping) and has_hash(file) for file in files]
    if not found:
        return "no files"
    return "" if all(found) else f"{found.count(False)} of {len(found)} files without a strong hash"


def _uv_hash(file: _TABLE) -> bool:
    algorithm, _, digest = str(file.get("hash", "")).partition(":")
    return is_strong_hash(algorithm, digest)


def _pep_hash(file: _TABLE) -> bool:
    return any(is_strong_hash(*pair) for pair in table(file.get("hashes")).items())


def _digests(file: object, *, by_pep: bool) -> list[str]:
    """The digests of a file, by the key of the own form."""
    if by_pep:
        return [*map(str, table(table(file).get("hashes")).values())]
    return [str(table(file).get("hash", "")).partition(":")[2]]
