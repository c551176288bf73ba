"""Evidence of static analysis: issues in source code, and the state of the baseline."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from securemnist.results.evidence.base import Evidence
from securemnist.results.json_model import JsonModel
from securemnist.results.value_types import Count


@dataclass(frozen=True, kw_only=True)
class StaticIssue(JsonModel):
    """One place in source code that a static tool reports."""

    tool: str
    rule: str
    severity: str
    file: str
    line: Count
    message: str
    advice: str


@dataclass(frozen=True, kw_only=True)
class AcceptedIssue(StaticIssue):
    """An issue that does not count: the baseline of the row accepts it, or a comment at its place."""

    by: Literal["baseline", "comment"]


@dataclass(frozen=True, kw_only=True)
class BaselineEntry(JsonModel):
    """An accepted issue that no tool reports any more."""

    tool: str
    rule: str
    file: str
    code: str


@dataclass(frozen=True, kw_only=True)
class StaticEvidence(Evidence):
    """Evidence of static analysis; `accepted` counts the entries of the baseline that still fit.

    `not_counted` are the issues that baseline and comments accept.
    """

    static: list[StaticIssue] | None = None
    folder: str = ""
    files_scanned: Count | None = None
    excluded: list[str] | None = None
    accepted: Count | None = None
    not_counted: list[AcceptedIssue] = field(default_factory=list)
    stale_baseline: list[BaselineEntry] = field(default_factory=list)
    kind: Literal["static"] = "static"
