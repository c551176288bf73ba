"""Advisories: versions of packages with a known vulnerability, in a dated list without a network."""

from __future__ import annotations

import datetime
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version
from pydantic import Field, ValidationError, field_validator

from securemnist._util.parsing import toml_file
from securemnist._util.strict import Strict
from securemnist.errors import DataError, MeasureError
from securemnist.results.evidence.supply_chain import SupplyCheck
from securemnist.results.validation_text import sentence
from securemnist.supply_chain.lock import Lock

NAME = "advisories.toml"
_ID = r"^(CVE-\d{4}-\d{4,19}|GHSA(-[23456789cfghjmpqrvwx]{4}){3}|PYSEC-\d{4}-\d{1,9})$"
_COMPARISONS: Mapping[str, Callable[[Version, Version], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}
_Text = Annotated[str, Field(min_length=1, max_length=300)]


class Advisory(Strict):
    """A vulnerability: the affected versions of a package, as ranges, and the fixed one."""

    package: _Text
    id: Annotated[str, Field(pattern=_ID)]
    affected: Annotated[list[_Text], Field(min_length=1)]
    fixed: _Text
    why: _Text

    @field_validator("affected")
    @classmethod
    def _are_ranges(cls, affected: list[str]) -> list[str]:
        for text in affected:
            try:
                bounds = _bounds(text)
            except (InvalidSpecifier, InvalidVersion, KeyError):
                bounds = []
            if not bounds:
                raise ValueError(f"expected versions such as '<2.6.0', got {text!r:.60}")
            if _is_empty(bounds):
                raise ValueError(f"expected a range of some versions, got {text!r:.60}")
        return affected

    @field_validator("package")
    @classmethod
    def _is_name(cls, package: str) -> str:
        """The name; ValueError for one that no package can have, so that no version would match."""
        try:
            canonicalize_name(package, validate=True)
        except InvalidName as error:
            raise ValueError(f"expected the name of a package, got {package!r:.60}") from error
        return package

    @field_validator("fixed")
    @classmethod
    def _is_version(cls, fixed: str) -> str:
        try:
            Version(fixed)
        except InvalidVersion as error:
            raise ValueError(f"expected a version such as '2.6.0', got {fixed!r:.60}") from error
        return fixed

    def affects(self, version: str) -> bool:
        """Whether a version is affected; one that is no version by PEP 440 counts as affected."""
        try:
            found = Version(Version(version).public)  # 2.5.1+cpu is 2.5.1
        except InvalidVersion:
            return True
        ranges = map(_bounds, self.affected)
        return any(all(compare(found, bound) for compare, bound in one) for one in ranges)


def _bounds(text: str) -> list[tuple[Callable[[Version, Version], bool], Version]]:
    """The comparisons of a range. Unlike in PEP 440, 2.6.0rc1 is below 2.6.0: it lacks the fix."""
    return [(_COMPARISONS[one.operator], Version(one.version)) for one in SpecifierSet(text)]


def _is_empty(bounds: Sequence[tuple[Callable[[Version, Version], bool], Version]]) -> bool:
    """Whether no version is within all bounds, as between 3 and 2."""
    lowest = [one for compare, one in bounds if compare not in (operator.lt, operator.le)]
    highest = [one for compare, one in bounds if compare not in (operator.gt, operator.ge)]
    if not lowest or not highest or max(lowest) < min(highest):
        return False
    both = [compare(max(lowest), one) for compare, one in bounds]  # the only version that is left
    return max(lowest) > min(highest) or not all(both)


class _File(Strict):
    date: datetime.date
    advisory: Annotated[list[Advisory], Field(min_length=1)]


@dataclass(frozen=True)
class Advisories:
    """A list of advisories, and the day on which it was last brought up to date."""

    date: datetime.date
    entries: tuple[Advisory, ...]

    def age(self, today: datetime.date) -> int:
        """Its age in days; MeasureError for a date in the future."""
        days = (today - self.date).days
        if days < 0:
            raise MeasureError(
                f"expected a list of advisories dated {today} or before, got {self.date}; fix the date"
            )
        return days


def load(path: Path) -> Advisories:
    """The advisories of a file; DataError where it cannot be read, or is no such list."""
    try:
        table = toml_file(path, "a list of advisories", DataError)
        read = _File.model_validate(table)
    except ValidationError as error:
        raise DataError(f"{path}: {sentence(error, table)}") from error
    known = set()
    for entry in read.advisory:
        key = (entry.id, canonicalize_name(entry.package))
        if key in known:
            raise DataError(f"{path}: expected each advisory once, got {entry.id} twice; fix it")
        known.add(key)
    return Advisories(read.date, tuple(read.advisory))


def installed(entries: Sequence[Advisory]) -> dict[str, str]:
    """The installed versions of the packages of the list."""
    versions: dict[str, str] = {}
    for name in {canonicalize_name(entry.package) for entry in entries}:
        try:
            versions[name] = metadata.version(name) or ""  # None where its metadata are broken
        except metadata.PackageNotFoundError:
            continue
    return versions


def locked(entries: Sequence[Advisory], locks: Sequence[Lock]) -> bool:
    """Whether a lock has a package of the list."""
    names = {canonicalize_name(entry.package) for entry in entries}
    return any(pin.name in names for lock in locks for pin in lock.pins)


def checks(
    entries: Sequence[Advisory], versions: Mapping[str, str], locks: Sequence[Lock] = ()
) -> list[SupplyCheck]:
    """A check of each advisory for the installed version, and for each version of a lock."""
    found = []
    for entry in entries:
        name = canonicalize_name(entry.package)
        places = [("installed", versions[name])] if name in versions else []
        places += [(p.place, p.version) for lock in locks for p in lock.pins if p.name == name]
        for place, version in places or [("installed", "")]:
            affected = bool(places) and entry.affects(version)
            got = version or ("no version" if places else "no such package")
            got = f"{got}: {entry.why}" if affected else got
            expected = f"{entry.fixed} or another version without it"
            found.append(SupplyCheck(f"{name}, {entry.id}", place, expected, got, not affected))
    return found
