"""What an assessment says as a test result of in-toto: PASSED, WARNED or FAILED, and by which rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from securemnist.results.assessment import Assessment
from securemnist.results.findings import Finding

Word = Literal["PASSED", "WARNED", "FAILED"]
_SHOWN = 3


@dataclass(frozen=True)
class Outcome:
    """The result, and the ids of rows: `passed`, `warned` (waived) and `failed` (all others).

    A row that was not measured is among the failed ones, whatever kept it out of the run.
    """

    result: Word
    passed: tuple[str, ...]
    warned: tuple[str, ...]
    failed: tuple[str, ...]

    @property
    def consistent(self) -> bool:
        """Whether the result follows from the rows; a run may also fail by a comparison."""
        if not self.passed or self.failed:
            return self.result == "FAILED"
        return self.result in (("WARNED", "FAILED") if self.warned else ("PASSED", "FAILED"))


def of(assessment: Assessment) -> Outcome:
    """The test result of an assessment: PASSED where every row of the policy was measured and passed.

    WARNED where waived rows are all that is left. Waivers are judged on `assessment.decided`.
    """
    groups: dict[str, list[str]] = {"passed": [], "warned": [], "failed": []}
    for finding in assessment.findings:
        groups[_group(finding, assessment)].append(finding.requirement.id)
    passed, warned, failed = (tuple(group) for group in groups.values())
    holds = bool(passed) and not failed and assessment.exit_code == 0
    result: Word = "FAILED" if not holds else "WARNED" if warned else "PASSED"
    return Outcome(result, passed, warned, failed)


def why_not_passed(assessment: Assessment) -> str:
    """The first rows that keep an assessment from a pass, in words."""
    found = of(assessment)
    verdicts = {
        one.requirement.id: one.verdict if one.in_scope else "out of the run's scope"
        for one in assessment.findings
    }
    texts = [f"{row} is {verdicts[row]}" for row in found.failed[:_SHOWN]]
    if len(found.failed) > _SHOWN:
        texts.append(f"{len(found.failed) - _SHOWN} more")
    if not found.passed:
        texts.append("no row passed")
    if not texts and assessment.against is not None:
        texts.append("the comparison with the older version does not pass")
    return ", ".join(texts)


def _group(finding: Finding, assessment: Assessment) -> str:
    if not finding.in_scope:
        return "failed"
    if not finding.passed:
        return "warned" if finding.waived(assessment.decided) else "failed"
    older = assessment.against  # a row may pass, and be worse than before by more than is allowed
    return "warned" if older is not None and finding.requirement.id in older.waived else "passed"
