"""Vulnerable dependencies by a list of advisories, and the age of that list."""

from __future__ import annotations

import datetime
from pathlib import Path

from pydantic import Field

from securemnist._util import resources
from securemnist.errors import MeasureError
from securemnist.evaluation.project_context import ProjectContext
from securemnist.measures import supply_chain
from securemnist.measures.base import Settings
from securemnist.measures.inputs import InsidePath, InsidePaths, of_files
from securemnist.results.evidence.supply_chain import SupplyCheck
from securemnist.results.findings import Measurement
from securemnist.supply_chain import advisories, pinned

BUNDLED = resources.SUITES / advisories.NAME
# Days; a list of two years says nothing about the packages of today.
_OLDEST = 731.0


class AdvisoryListSettings(Settings):
    """Settings of a row about a list of advisories.

    `advisories`: a list of your own, relative to the project's folder; by default the bundled one.
    """

    advisories: InsidePath | None = None

    def path(self, project: Path) -> Path:
        """The path of the list."""
        return BUNDLED if self.advisories is None else project / self.advisories


class VulnerabilitySettings(AdvisoryListSettings):
    """Settings of a row of known vulnerabilities.

    `files`: locks relative to the project's folder; by default every `uv.lock` and `pylock.toml` there,
    and every `*requirements*.txt` there and one folder below.
    """

    files: InsidePaths = Field(default_factory=list)

    def inputs(self, context: ProjectContext) -> dict[str, str]:
        """The list of advisories; locks are those of the version."""
        return of_files(context, self.advisories)


def vulnerable_dependencies(
    context: ProjectContext, settings: VulnerabilitySettings, _seed: int
) -> Measurement:
    """The number of installed or locked versions that an advisory names.

    It asks no network: a vulnerability that the list lacks is not found, so bound its age, too. A lock
    that cannot be read counts. DataError where the list cannot be read, MeasureError where it names no
    package that is installed or locked, as one of another ecosystem.
    """
    entries = advisories.load(settings.path(context.project)).entries
    locks = pinned.locks(context.project, settings.files)
    versions = advisories.installed(entries)
    unread = [check for lock in locks for check in lock.unread]
    if not (versions or unread or advisories.locked(entries, locks)):
        raise MeasureError(
            "expected a list of advisories that names an installed or locked package, got "
            f"{len(entries)} about others; use one of Python packages"
        )
    checks = advisories.checks(entries, versions, locks)
    about = f"{len(entries)} advisories, installed packages and {len(locks)} locks"
    return supply_chain.counted([*checks, *unread], about)


def advisories_age_days(
    context: ProjectContext, settings: AdvisoryListSettings, _seed: int
) -> Measurement:
    """The days since the list of advisories was brought up to date.

    DataError where the list cannot be read, MeasureError where its date is in the future.
    """
    path = settings.path(context.project)
    read = advisories.load(path)
    today = datetime.datetime.now(datetime.UTC).date()
    age = read.age(today)
    place = settings.advisories or f"bundled {advisories.NAME}"
    expected, found = f"a recent day, today is {today}", f"{read.date}, {age} days ago"
    check = SupplyCheck("date of the advisories", place, expected, found, holds=True)
    about = f"{place}, {len(read.entries)} advisories"
    return supply_chain.counted([check], about, count=age)


VULNERABLE_DEPENDENCIES = supply_chain.of_project(
    vulnerable_dependencies, VulnerabilitySettings, seconds=0.3
)
ADVISORIES_AGE_DAYS = supply_chain.of_project(
    advisories_age_days, AdvisoryListSettings, seconds=0.1, most=_OLDEST
)
