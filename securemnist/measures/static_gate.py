"""Static findings: places in source code that Bandit and our Semgrep rules call dangerous."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from securemnist.errors import NotApplicable
from securemnist.evaluation.context import Lab
from securemnist.measures.base import Measure, Settings
from securemnist.results.families import STATIC
from securemnist.results.findings import Measurement
from securemnist.sanitize import terminal
from securemnist.static import Notice, Scan, Sources, baseline, scan
from securemnist.types import Progress

log = logging.getLogger("securemnist")
LOGGED = 50  # findings that a terminal shows; the report lists more
# Seconds on two cores: Bandit about two, Semgrep mostly its own start.
_SECONDS = 10.0
_MOST = 1e4


class StaticSettings(Settings):
    """What is read, by which tool, and what counts.

    `paths`: files and folders, relative to the project's folder; by default all of it. `exclude`:
    patterns of paths to leave out. `level`: findings at or above it count. `baseline`: a file of
    accepted findings, which `securemnist accept` writes, relative to the project's folder, too.
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


def static_findings(lab: Lab, settings: StaticSettings, seed: int) -> Measurement:
    """Findings in the source code of the project of `lab`; its model and data are not asked."""
    return in_folder(lab.project, settings, seed, lab.progress)


def in_folder(folder: Path, settings: StaticSettings, seed: int, progress: Progress) -> Measurement:
    """Findings of Bandit and Semgrep in source code, at or above a level and not in the baseline.

    Paths are relative to `folder`. Raises PolicyError without the baseline, MeasureError where a path
    does not exist or a tool fails, NotApplicable where the row names no paths and the folder holds no
    Python.
    """
    began = time.perf_counter()
    entries = baseline.load(folder / settings.baseline) if settings.baseline else []
    what = " and ".join(settings.tools)
    progress(what, 0, 1)
    seen = _examine(settings, folder)
    progress(what, 1, 1)
    new, stale = baseline.split(seen.notices, entries)
    counted = _counting(new, settings.level)
    for notice in counted[:LOGGED]:
        log.warning("%s", terminal(notice))
    value = float(len(counted))
    return Measurement(
        value=value,
        low=value,
        high=value,
        n=len(seen.files),
        complete=True,
        seconds=round(time.perf_counter() - began, 3),
        seed=seed,
        unit="count",
        evidence={
            "folder": folder.resolve().name,
            "files_scanned": len(seen.files),
            "excluded": list(seen.excluded),
            "static": [notice.to_json() for notice in counted],
            "accepted": len(entries) - len(stale),
            "stale_baseline": [entry._asdict() for entry in stale],
        },
    )


def accepted_today(settings: StaticSettings, folder: Path) -> tuple[bytes, int]:
    """The baseline file that accepts all that counts today in `folder`, and how many findings it holds.

    The row that names this file as its `baseline` can be written with `at_most = 0`.
    """
    counted = _counting(_examine(settings, folder).notices, settings.level)
    return baseline.dumps(counted), len(counted)


def _examine(settings: StaticSettings, folder: Path) -> Scan:
    sources = Sources.find(folder, settings.paths, settings.exclude)
    if sources.empty and "paths" not in settings.model_fields_set:
        raise NotApplicable(
            "expected Python files in this folder, got none; run it where your code lies, or name the "
            "row's `paths`"
        )
    return scan(sources, tools=settings.tools)


def _counting(notices: Sequence[Notice], level: str) -> list[Notice]:
    return [notice for notice in notices if notice.at_least(level)]


STATIC_FINDINGS = Measure(
    static_findings,
    StaticSettings,
    STATIC,
    lambda *_: _SECONDS,
    good="at_most",
    limits=(0.0, _MOST),
    unit="count",
)
