"""Pinned dependencies: the locks of a project, and whether they cover what it declares and runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from securemnist.results.evidence.supply_chain import SupplyCheck
from securemnist.supply_chain import declared, requirements_file, toml_lock
from securemnist.supply_chain.lock import Lock, Pin, applies, requirement
from securemnist.supply_chain.origin import other_origin

# Files that are locks by their name, those of scripts too, and locks that are not read.
PATTERNS = (
    "uv.lock",
    "*.py.lock",
    "[!.]*/*.py.lock",
    "pylock.toml",
    "pylock.*.toml",
    "*[Rr]equirements*.txt",
    "*[Rr]equirements*.lock",
    "[!.]*/*[Rr]equirements*.txt",
    "requirements/*.txt",
    "requirements/*/*.txt",
)
_UNREAD = ("poetry.lock", "pdm.lock", "Pipfile.lock", "pixi.lock", "*conda-lock*.y*ml")
_READ = "uv.lock, pylock.toml or requirements*.txt with hashes"
_PROJECT = (declared.PYPROJECT, "setup.py", "setup.cfg", "Pipfile", "*.py", "[!.]*/*.py")


def is_project(folder: Path) -> bool:
    """Whether there is a project, whose dependencies can be judged."""
    return any(True for pattern in (*_PROJECT, *PATTERNS) for _ in folder.glob(pattern))


def locks(folder: Path, files: Sequence[str] = ()) -> list[Lock]:
    """The named locks, else all that are found by their names; names are relative to `folder`.

    One in a form that is not read is unread, unless others are named.
    """
    read = [
        (toml_lock if _is_toml(name) else requirements_file).read(folder, name)
        for name in files or _found(folder, PATTERNS)
    ]
    for name in () if files else _found(folder, _UNREAD):
        read.append(lock := Lock(name))
        lock.refuse_unread(name, "a lock of another form", _READ)
    return read


def _found(folder: Path, patterns: Sequence[str]) -> list[str]:
    return sorted(
        {path.relative_to(folder).as_posix() for one in patterns for path in folder.glob(one)}
    )


def _is_toml(name: str) -> bool:
    return name.endswith((".toml", ".py.lock")) or Path(name).name == "uv.lock"


def checks(folder: Path, files: Sequence[str] = (), *, installed: bool = True) -> list[SupplyCheck]:
    """Checks of the entries of each lock, of declared dependencies and, by default, of installed ones.

    Without a lock one check, which does not hold.
    """
    read = locks(folder, files)
    if not read:
        return [SupplyCheck("lock", ".", _READ, "none", False)]
    project = declared.read(folder)
    pins = _pins(read)
    # A file that is read by itself and by its inclusion in another one counts once.
    found = [*dict.fromkeys(check for lock in read for check in lock.checks), *project.checks]
    found += [_covered(place, wanted, pins) for place, wanted in project.requirements]
    if installed:
        roots = [wanted for _, wanted in project.requirements] or [*map(Requirement, pins)]
        found += _installed(roots, pins, own=project.name)
    return found


def _pins(read: Sequence[Lock]) -> dict[str, list[Pin]]:
    """The pins of each package that has a version for this machine."""
    pins: dict[str, list[Pin]] = {}
    for pin in (pin for lock in read for pin in lock.pins):
        if pin.version and pin.applies:
            pins.setdefault(pin.name, []).append(pin)
    return pins


def _covered(place: str, wanted: Requirement, pins: dict[str, list[Pin]]) -> SupplyCheck:
    """Whether a lock pins a declared dependency, at versions that the declaration admits."""
    pinned = [pin.version for pin in pins.get(canonicalize_name(wanted.name), [])]
    wrong = [one for one in pinned if not wanted.specifier.contains(one, prereleases=True)]
    found, holds = ", ".join(wrong or pinned) or "no pin", bool(pinned) and not wrong
    if wanted.url is not None:  # which an installation of the project takes, whatever a lock says
        found, holds = f"the address {wanted.url}", False
    elif not pinned and not applies(wanted.marker):
        found, holds = f"not needed here ({wanted.marker})", True
    expected = f"a pin within {wanted.specifier or 'any version'}"
    return SupplyCheck(wanted.name, place, expected, found, holds)


def _installed(
    roots: Sequence[Requirement], pins: dict[str, list[Pin]], *, own: str
) -> Iterator[SupplyCheck]:
    """Whether each installed dependency, those of dependencies too, has a pinned version."""
    waiting, known = list(roots), {(own, "")}
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        new = {(name, extra) for extra in ("", *wanted.extras)} - known
        try:
            distribution = metadata.distribution(wanted.name)
        except (metadata.PackageNotFoundError, ValueError):
            continue
        if (name, "") in new:
            yield _same(name, distribution, pins.get(name, []))
        known |= new
        for text in distribution.requires or () if new else ():
            needed = requirement(text)
            if needed is not None and _needed(needed, new):
                waiting.append(needed)


def _needed(needed: Requirement, selected: Collection[tuple[str, str]]) -> bool:
    """Whether a requirement of a distribution applies here, for one of its selected extras."""
    return any(
        applies(needed.marker, extra) if needed.marker else not extra for _, extra in selected
    )


def _same(name: str, distribution: metadata.Distribution, pins: Sequence[Pin]) -> SupplyCheck:
    """Whether what is installed is a pinned version, and not from elsewhere than an index.

    A local version such as 2.13.0+cpu counts as its public one.
    """
    found = distribution.version
    equal = [pin for pin in pins if _equal(pin.version, found)]
    origin = other_origin(distribution, {digest for pin in equal for digest in pin.digests})
    expected = " or ".join(dict.fromkeys(pin.version for pin in pins)) or "a pin of it"
    found = f"{found}, from {origin}" if origin else found
    return SupplyCheck(name, "installed", expected, found, bool(equal) and not origin)


def _equal(pinned: str, version: str) -> bool:
    try:
        return SpecifierSet(f"=={pinned}").contains(version, prereleases=True)
    except InvalidSpecifier:
        return pinned == version
