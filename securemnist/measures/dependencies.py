"""Unpinned dependencies: an installation may take another version of them, or other files."""

from __future__ import annotations

from pydantic import Field

from securemnist.errors import NotApplicable
from securemnist.evaluation.project_context import ProjectContext
from securemnist.measures import supply_chain
from securemnist.measures.base import Settings
from securemnist.measures.inputs import InsidePaths
from securemnist.results.findings import Measurement
from securemnist.supply_chain import pinned


class DependencySettings(Settings):
    """Settings of a row of dependencies.

    `files`: locks relative to the project's folder; by default every `uv.lock` and `pylock.toml` there,
    and every `*requirements*.txt` there and one folder below. `installed`: whether the versions that are
    installed have to be pinned ones, too.
    """

    files: InsidePaths = Field(default_factory=list)
    installed: bool = True


def unpinned_dependencies(
    context: ProjectContext, settings: DependencySettings, _seed: int
) -> Measurement:
    """The number of dependencies without one version and hashes.

    Every entry of each lock has to name one version and the SHA-256 of its files. Declared
    dependencies have to be in a lock, and installed ones at the pinned version. A lock that is
    missing or cannot be read counts. NotApplicable where the folder holds no project.
    """
    if not settings.files and not pinned.is_project(context.project):
        raise NotApplicable(
            "expected a project with dependencies in this folder, got none; run it in the folder of "
            "your code, or set the row's `files`"
        )
    checks = pinned.checks(context.project, settings.files, installed=settings.installed)
    return supply_chain.counted(checks, "dependencies and their locks")


UNPINNED_DEPENDENCIES = supply_chain.of_project(
    unpinned_dependencies, DependencySettings, seconds=0.5
)
