"""Run: what one pytest run has found, joined with the whole policy at its end.

Findings travel as builtins on pytest's report objects, so that they arrive from pytest-xdist's workers
as they do from this process.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from securemnist.results.assessment import Assessment
from securemnist.results.findings import Finding, Requirement, Verdict
from securemnist.results.policy import Policy
from securemnist.results.scope import Scope
from securemnist.results.verdicts import utc_day


@dataclass(eq=False)
class Run:
    """State of a run with a policy; lives in pytest's config stash.

    `file` is the policy's path on this machine. `collected`, `reached` and `selected` are ids of rows:
    with a test at all, after every option that leaves tests out, and after the tier. `skipped`: rows
    that something else than their measure skipped.
    """

    policy: Policy
    scope: Scope
    model_spec: str | None
    asked: tuple[str, ...] = ()
    file: Path = Path()
    findings: dict[str, Finding] = field(default_factory=dict)
    collected: set[str] = field(default_factory=set)
    reached: set[str] = field(default_factory=set)
    selected: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)
    subject: Mapping[str, Any] = field(default_factory=dict)
    processor: str = ""
    repeat_spec: str | None = None  # `model_spec` as written in the project's folder
    suites: tuple[str, ...] = ()  # other than those of the package
    files: dict[str, bytes] = field(default_factory=dict)  # beside the report, by name

    @property
    def active(self) -> bool:
        """Whether any requirement was selected; without one the plugin stays silent."""
        return bool(self.selected or self.findings)

    @property
    def judged(self) -> bool:
        """Whether any row was measured and came to a verdict."""
        return any(finding.verdict is not Verdict.NOT_RUN for finding in self.findings.values())

    def receive(self, message: Mapping[str, Any]) -> Finding:
        """Take in what a report carries: a finding, and the subject it is about.

        Of several findings for one row the worst counts. One assessment is about one model: a finding
        about another subject than the first is an ERROR. Returns the finding that counts by now.
        """
        finding = self._of_one_subject(Finding.from_json(message["finding"]), message["subject"])
        row = finding.requirement.id
        self.files |= message.get("files", {})
        if message["subject"] and not self.subject:
            self.subject, self.processor = message["subject"], message["processor"]
        if message.get("skipped"):
            self.skipped.add(row)
        known = self.findings.get(row)
        if known is None or _badness(finding) > _badness(known):
            self.findings[row] = finding
        return self.findings[row]

    def _of_one_subject(self, finding: Finding, subject: Mapping[str, Any]) -> Finding:
        digests = [str(side.get("digest", ""))[:12] for side in (self.subject, subject) if side]
        if len(set(digests)) < 2:
            return finding
        reason = (
            f"expected one model in one assessment, got two (SHA-256 {digests[0]}... and "
            f"{digests[1]}...); run it once for each model, and seed a model that is built at random"
        )
        words = {"claim": finding.claim, "family": finding.family}
        return finding.requirement.unmeasured(Verdict.ERROR, reason, **words)

    def open_rows(self) -> list[str]:
        """The selected rows that must not end in exit code 0.

        Not passed, not waived; a row that its own measure calls not applicable is not among them.
        """
        found = []
        for row in sorted(self.selected | set(self.findings)):
            finding = self.findings.get(row)
            not_applicable = (
                finding is not None
                and finding.verdict is Verdict.NOT_RUN
                and row not in self.skipped
            )
            if finding is None or not (
                finding.passed or finding.waived(utc_day()) or not_applicable
            ):
                found.append(row)
        return found

    def assessment(self, folder: Path) -> Assessment:
        """Every row of the policy with what became of it."""
        return self.scope.assessment(
            self.policy,
            self.findings,
            self.selected,
            subject=self.subject
            or {"name": self.model_spec or "the model fixture", "spec": self.model_spec},
            folder=folder,
            processor=self.processor,
            command=self._replay,
        )

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


_ORDER = (Verdict.PASS, Verdict.NOT_RUN, Verdict.INCONCLUSIVE, Verdict.ERROR, Verdict.FAIL)


def _badness(finding: Finding) -> tuple[bool, int]:
    """How bad a finding is: one with an active waiver is better than any that stops a merge."""
    stops = not finding.passed and not finding.waived(utc_day())
    return stops, _ORDER.index(finding.verdict)
