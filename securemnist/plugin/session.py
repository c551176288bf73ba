"""Run: what one pytest run has found, joined with the whole policy at its end.

Findings travel as builtins on pytest's report objects, so that they arrive from pytest-xdist's workers
as they do from this process.
"""

from __future__ import annotations

import dataclasses
import datetime
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from securemnist.assessment import STOPPED, Assessment
from securemnist.environment import describe
from securemnist.findings import TIERS, Finding, Requirement, Verdict
from securemnist.policy import Policy


@dataclass(frozen=True)
class Scope:
    """What this run was asked for."""

    tier: str
    markers: str
    keywords: str
    paths: tuple[str, ...]

    def excludes(self, row: Requirement) -> str:
        """Why the tier leaves a row out; empty where it does not."""
        if TIERS.index(row.tier) <= TIERS.index(self.tier):
            return ""
        return f"out of scope: tier {row.tier}, this run is {self.tier}"

    def to_json(self) -> dict[str, Any]:
        return {**self.__dict__, "paths": list(self.paths)}


@dataclass(eq=False)  # pytest keeps its plugins in sets, so a run is known by its identity
class Run:
    """State of a run with a policy; lives in pytest's config stash."""

    policy: Policy
    scope: Scope
    model_spec: str | None
    asked: tuple[str, ...] = ()
    findings: dict[str, Finding] = field(default_factory=dict)
    selected: set[str] = field(default_factory=set)
    subject: Mapping[str, Any] = field(default_factory=dict)
    processor: str = ""
    repeat_spec: str | None = None  # `model_spec` as written in the project's folder
    suites: tuple[str, ...] = ()  # other than those of the package
    files: dict[str, bytes] = field(default_factory=dict)  # beside the report, by name

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Registered as a plugin of its run: takes findings from the reports of any process."""
        message = getattr(report, "security", None)
        if message is not None:
            self.receive(message)

    @property
    def active(self) -> bool:
        """Whether any requirement was selected; without one the plugin stays silent."""
        return bool(self.selected or self.findings)

    def receive(self, message: Mapping[str, Any]) -> None:
        """Take in what a report carries: a finding, and the subject it is about."""
        finding = Finding.from_json(message["finding"])
        self.findings[finding.requirement.id] = finding
        self.files |= message.get("files", {})
        if message["subject"]:
            self.subject, self.processor = message["subject"], message["processor"]

    def assessment(self, folder: Path) -> Assessment:
        """Every row of the policy with what became of it."""
        return Assessment(
            subject=self.subject
            or {"name": self.model_spec or "the model fixture", "spec": self.model_spec},
            scope=self.scope.to_json(),
            environment=describe(folder, processor=self.processor),
            policy=self.policy.to_json(),
            findings=tuple(self._finding(row) for row in self.policy.requirements),
            day=datetime.datetime.now(datetime.UTC).date().isoformat(),
        )

    def _finding(self, row: Requirement) -> Finding:
        replay = self._replay(row)
        if row.id in self.findings:
            return dataclasses.replace(self.findings[row.id], replay=replay)
        if row.id in self.selected:
            finding = row.unmeasured(Verdict.NOT_RUN, STOPPED)
            return dataclasses.replace(finding, replay=replay)
        reason = self.scope.excludes(row) or "out of scope: not selected in this run"
        finding = row.unmeasured(Verdict.NOT_RUN, reason)
        return dataclasses.replace(finding, in_scope=False, replay=replay)

    def _replay(self, row: Requirement) -> str:
        """The command that measures this row again.

        `asked` are the options that this run had and that one needs. A fixture's model has no SPEC: in
        its folder the command finds the fixture by itself. A measure of the user's own needs its suite.
        """
        spec = self.subject["spec"] if self.subject else self.model_spec
        if spec and spec == self.model_spec:
            spec = self.repeat_spec or spec
        words = ["securemnist", "assess", *(["--model", spec] if spec else [])]
        words += ["--row", row.id, "--tier", row.tier, *self.asked, *self._suites_of(row)]
        return shlex.join(words)

    def _suites_of(self, row: Requirement) -> tuple[str, ...]:
        if not self.suites:
            return ()
        from securemnist.measures import MEASURES

        return () if row.measure in MEASURES else self.suites
