"""Static findings: places in source code that Bandit and the rules of this package report."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from securemnist.errors import NotApplicable
from securemnist.evaluation.project_context import ProjectContext
from securemnist.measures.base import Settings, count_measurement, counting
from securemnist.measures.inputs import InsidePaths
from securemnist.results.evidence.static import (
    AcceptedIssue,
    BaselineEntry,
    StaticEvidence,
    StaticIssue,
)
from securemnist.results.families import STATIC
from securemnist.results.findings import Measurement
from securemnist.sanitize import terminal
from securemnist.static import Issue, PythonFiles, Scan, baseline, scan

log = logging.getLogger("securemnist")
MAX_LOGGED = 50  # findings shown in a terminal; the report lists more
_READ = ("paths", "exclude", "tools")  # what a scan depends on


class ScanSettings(Settings):
    """Settings of a scan: what is read, and by which tool.

    `paths`: files and folders relative to the project's folder; by default all of it. `exclude`:
    patterns of paths to leave out.
    """

    paths: InsidePaths = Field(default=["."], min_length=1)
    exclude: list[str] = Field(default_factory=list)
    tools: list[Literal["bandit", "semgrep"]] = Field(default=["bandit", "semgrep"], min_length=1)

    @field_validator("tools")
    @classmethod
    def _once(cls, tools: list[str]) -> list[str]:
        if len(set(tools)) < len(tools):
            raise ValueError(f"expected each tool once, got {tools}")
        return tools


class StaticSettings(ScanSettings):
    """Settings of a static row: which findings count.

    `level`: the lowest severity that counts. `baseline`: a file of accepted findings, written by
    `securemnist accept`, relative to the project's folder.
    """

    level: Literal["low", "medium", "high"] = "low"
    baseline: str | None = None


def static_findings(context: ProjectContext, settings: StaticSettings, _seed: int) -> Measurement:
    """Findings of Bandit and Semgrep at or above a level that are not in the baseline.

    Paths are relative to the project's folder. Raises PolicyError for a missing baseline, and
    MeasureError where a path does not exist or a tool fails. Raises NotApplicable where the row names no
    paths and the folder contains no Python.
    """
    folder = context.project
    entries = baseline.load(folder / settings.baseline) if settings.baseline else []
    tools = " and ".join(settings.tools)
    context.progress(tools, 0, 1)
    scanned = cached_scan(context, settings)
    context.progress(tools, 1, 1)
    unaccepted, stale = baseline.split(scanned.issues, entries)
    counted = [issue for issue in unaccepted if issue.at_least(settings.level)]
    for issue in counted[:MAX_LOGGED]:
        log.warning("%s", terminal(issue))
    return count_measurement(
        len(counted),
        len(scanned.files),
        evidence=StaticEvidence(
            folder=folder.resolve().name,
            files_scanned=len(scanned.files),
            excluded=list(scanned.excluded),
            static=[StaticIssue(**issue.to_json()) for issue in counted],
            accepted=len(entries) - len(stale),
            not_counted=_not_counted(scanned, unaccepted, settings.level),
            stale_baseline=[BaselineEntry(**entry.model_dump()) for entry in stale],
        ),
    )


def _not_counted(scanned: Scan, unaccepted: Iterable[Issue], level: str) -> list[AcceptedIssue]:
    """The issues at this level that the baseline, or a comment, accepts."""
    accepted = Counter(scanned.issues) - Counter(unaccepted)
    by: dict[Literal["baseline", "comment"], Iterable[Issue]] = {
        "baseline": sorted(accepted.elements()),
        "comment": scanned.silenced,
    }
    return [
        AcceptedIssue(**issue.to_json(), by=name)
        for name, issues in by.items()
        for issue in issues
        if issue.at_least(level)
    ]


def current_baseline(context: ProjectContext, settings: StaticSettings) -> tuple[bytes, int]:
    """The baseline file that accepts all findings of today, and their number.

    A row with this `baseline` can have `at_most = 0`. A measurement and this share one scan.
    """
    issues = cached_scan(context, settings).issues
    counted = [issue for issue in issues if issue.at_least(settings.level)]
    return baseline.dumps(counted), len(counted)


def cached_scan(context: ProjectContext, settings: ScanSettings) -> Scan:
    """The scan of the context's project, which rows with equal paths, exclusions and tools share."""
    key = (cached_scan, settings.model_dump_json(include={*_READ}, exclude_unset=True))
    return context.cached(key, lambda: _scan(settings, context.project))


def _scan(settings: ScanSettings, folder: Path) -> Scan:
    python_files = PythonFiles.find(folder, settings.paths, settings.exclude)
    if python_files.empty and "paths" not in settings.model_fields_set:
        raise NotApplicable(
            "expected Python files in this folder, got none; run it in the folder of your code, or set "
            "the row's `paths`"
        )
    return scan(python_files, tools=settings.tools)


# Seconds on two cores: Bandit about two, Semgrep mostly its start-up.
STATIC_FINDINGS = counting(STATIC, static_findings, StaticSettings, seconds=10.0, of_project=True)
