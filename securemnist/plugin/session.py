"""The findings of one pytest run, merged with the policy into an assessment.

Findings are attached to pytest's reports as builtin types, so pytest-xdist can send them from workers.
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from securemnist.project import code_digests, settings
from securemnist.results.assessment import Assessment
from securemnist.results.findings import Finding, Requirement, Verdict
from securemnist.results.policy import Policy
from securemnist.results.scope import Scope
from securemnist.results.verdicts import utc_day


@dataclass(eq=False)
class Run:
    """State of a run with a policy; stored in pytest's config stash.

    `file`: path of the policy. `repeat_options`: options of `assess` for the command that repeats a row.
    Row ids: `collected` have a test, `reached` remain after pytest's options, `selected` after the tier.
    """

    policy: Policy
    scope: Scope
    model_spec: str | None
    repeat_options: tuple[str, ...] = ()
    file: Path = Path()
    findings: dict[str, Finding] = field(default_factory=dict)
    collected: set[str] = field(default_factory=set)
    reached: set[str] = field(default_factory=set)
    selected: set[str] = field(default_factory=set)
    subject: Mapping[str, Any] = field(default_factory=dict)
    processor: str = ""
    repeat_spec: str | None = None  # `model_spec` with paths relative to the project's folder
    suites: tuple[str, ...] = ()  # the user's own
    files: dict[str, bytes] = field(default_factory=dict)  # further report files, by name

    @property
    def narrowed(self) -> tuple[str, ...]:
        """What may have deselected rows: pytest's options, or else a hook or plugin."""
        scope = self.scope
        in_tier = {row.id for row in scope.rows(self.policy)}
        known = scope.narrowed or scope.markers or scope.keywords
        hidden = not known and bool((self.collected & in_tier) - self.selected)
        return ("a hook or plugin",) if hidden else scope.narrowed

    @property
    def active(self) -> bool:
        """Whether any requirement was selected; otherwise the plugin prints nothing."""
        return bool(self.selected or self.findings)

    @property
    def judged(self) -> bool:
        """Whether any row has a verdict other than NOT_RUN."""
        return any(finding.verdict is not Verdict.NOT_RUN for finding in self.findings.values())

    def receive(self, message: Mapping[str, Any]) -> Finding:
        """Add the finding of a test report; returns the finding that counts for its row.

        Of several findings for one row the worst counts. A finding about another model than the first
        becomes an ERROR: one assessment describes one model.
        """
        finding = self._require_one_subject(
            Finding.from_json(message["finding"]), message["subject"]
        )
        row = finding.requirement.id
        self.files |= message.get("files", {})
        if message["subject"] and not self.subject:
            self.subject, self.processor = message["subject"], message["processor"]
        known = self.findings.get(row)
        if known is None or _badness(finding) > _badness(known):
            self.findings[row] = finding
        return self.findings[row]

    def _require_one_subject(self, finding: Finding, subject: Mapping[str, Any]) -> Finding:
        digests = [str(side.get("digest", ""))[:12] for side in (self.subject, subject) if side]
        if len(set(digests)) < 2:
            return finding
        reason = (
            f"expected one model in one assessment, got two (SHA-256 {digests[0]}... and "
            f"{digests[1]}...); run it once for each model, and seed a model that is built at random"
        )
        words: Mapping[str, Any] = {"claim": finding.claim, "family": finding.family}
        return finding.requirement.unmeasured(Verdict.ERROR, reason, **words)

    def blocking_rows(self) -> list[str]:
        """The selected rows that prevent exit code 0: not passed, not waived."""
        return [row for row in sorted(self.selected | set(self.findings)) if self._blocks(row)]

    def _blocks(self, row: str) -> bool:
        finding = self.findings.get(row)
        if finding is None:
            return True
        return not (finding.passed or finding.waived(utc_day()))

    def assessment(self, folder: Path) -> Assessment:
        """The assessment: every row of the policy with its finding."""
        measured = [finding.requirement for finding in self.findings.values()]
        doubts = settings.load(folder).doubts
        return dataclasses.replace(self.scope, narrowed=self.narrowed).assessment(
            self.policy,
            self.findings,
            self.selected,
            subject=self.subject
            or {"name": self.model_spec or "the model fixture", "spec": self.model_spec},
            folder=folder,
            processor=self.processor,
            code=code_digests.of_rows(((row.measure, row.settings) for row in measured), doubts),
            doubts=doubts,
            command=self._replay,
        )

    def _replay(self, row: Requirement) -> str:
        """The command that measures this row again.

        A model from a fixture has no SPEC: in its folder the command finds the fixture. A measure of the
        user's own needs its suite.
        """
        spec = self.subject["spec"] if self.subject else self.model_spec
        if spec and spec == self.model_spec:
            spec = self.repeat_spec or spec
        suites = self.suites
        if suites:
            from securemnist.measures import MEASURES

            suites = () if row.measure in MEASURES else suites
        words = ["securemnist", "assess", *(["--model", spec] if spec else [])]
        words += ["--row", row.id, "--tier", row.tier, *self.repeat_options, *suites]
        return shlex.join(words)


_WORST_LAST = (Verdict.PASS, Verdict.NOT_RUN, Verdict.INCONCLUSIVE, Verdict.ERROR, Verdict.FAIL)


def _badness(finding: Finding) -> tuple[bool, int]:
    """Sort key of findings, worst last; an active waiver ranks below every blocking finding."""
    blocks = not finding.passed and not finding.waived(utc_day())
    return blocks, _WORST_LAST.index(finding.verdict)
