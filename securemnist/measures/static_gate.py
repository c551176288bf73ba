"""Static findings: places in source code that Bandit and the rules of this package report."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from securemnist.errors import NotApplicable
from securemnist.evaluation.context import Context
from securemnist.measures.base import Measure, Settings, count_measurement
from securemnist.results.evidence.static import BaselineEntry, StaticEvidence, StaticIssue
from securemnist.results.families import STATIC
from securemnist.results.findings import Measurement
from securemnist.sanitize import terminal
from securemnist.static import PythonFiles, Scan, baseline, scan
from securemnist.types import Progress

log = logging.getLogger("securemnist")
MAX_LOGGED = 50  # findings shown in a terminal; the report lists more
# Seconds on two cores: Bandit about two, Semgrep mostly its start-up.
_SECONDS = 10.0
_MOST = 1e4


class StaticSettings(Settings):
    """Settings of a static row: what is read, by which tool, and which findings count.

    `paths`: files and folders relative to the project's folder; by default all of it. `exclude`:
    patterns of paths to leave out. `level`: the lowest severity that counts. `baseline`: a file of
    accepted findings, written by `securemnist accept`, relative to the project's folder.
    """

    paths: list[str] = Field(default=["."], min_length=1)
    exclude: list[str] = Field(default_factory=list)
    tools: list[Literal["bandit", "semgrep"]] = Field(default=["bandit", "semgrep"], min_length=1)
    level: Literal["low", "medium", "high"] = "low"
    baseline: str | None = None

    @field_validator("paths")
    @classmethod
    def _inside(cls, paths: list[str]) -> list[str]:
        for path in paths:
            outside = os.path.isabs(path) or os.path.normpath(path).split(os.sep)[0] == os.pardir
            if outside or not path or "\0" in path:
                raise ValueError(f"expected a path inside the project's folder, got {path!r}")
        return paths

    @field_validator("tools")
    @classmethod
    def _once(cls, tools: list[str]) -> list[str]:
        if len(set(tools)) < len(tools):
            raise ValueError(f"expected each tool once, got {tools}")
        return tools


def static_findings(context: Context, settings: StaticSettings, seed: int) -> Measurement:
    """Findings in the source code of the context's project; model and data are not used."""
    return scan_folder(context.project, settings, seed, context.progress)


def scan_folder(
    folder: Path, settings: StaticSettings, seed: int, progress: Progress
) -> Measurement:
    """Findings of Bandit and Semgrep at or above a level that are not in the baseline.

    Paths are relative to `folder`. Raises PolicyError for a missing baseline, and MeasureError
    where a path does not exist or a tool fails. Raises NotApplicable where the row names no paths
    and the folder contains no Python.
    """
    began = time.perf_counter()
    entries = baseline.load(folder / settings.baseline) if settings.baseline else []
    tools = " and ".join(settings.tools)
    progress(tools, 0, 1)
    scanned = _scan(settings, folder)
    progress(tools, 1, 1)
    unaccepted, stale = baseline.split(scanned.issues, entries)
    counted = [issue for issue in unaccepted if issue.at_least(settings.level)]
    for issue in counted[:MAX_LOGGED]:
        log.warning("%s", terminal(issue))
    return count_measurement(
        len(counted),
        len(scanned.files),
        began=began,
        seed=seed,
        evidence=StaticEvidence(
            folder=folder.resolve().name,
            files_scanned=len(scanned.files),
            excluded=list(scanned.excluded),
            static=[StaticIssue(**issue.to_json()) for issue in counted],
            accepted=len(entries) - len(stale),
            stale_baseline=[BaselineEntry(**entry.model_dump()) for entry in stale],
        ),
    )


def current_baseline(settings: StaticSettings, folder: Path) -> tuple[bytes, int]:
    """The baseline file that accepts all findings of today, and their number.

    A row with this `baseline` can have `at_most = 0`.
    """
    issues = _scan(settings, folder).issues
    counted = [issue for issue in issues if issue.at_least(settings.level)]
    return baseline.dumps(counted), len(counted)


def _scan(settings: StaticSettings, folder: Path) -> Scan:
    python_files = PythonFiles.find(folder, settings.paths, settings.exclude)
    if python_files.empty and "paths" not in settings.model_fields_set:
        raise NotApplicable(
            "expected Python files in this folder, got none; run it in the folder of your code, or set "
            "the row's `paths`"
        )
    return scan(python_files, tools=settings.tools)


STATIC_FINDINGS = Measure(
    static_findings,
    StaticSettings,
    STATIC,
    lambda *_: _SECONDS,
    good="at_most",
    limits=(0.0, _MOST),
    unit="count",
)
