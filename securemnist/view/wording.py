"""Texts shared by page, Markdown and terminal: symbols, headline, scope, next steps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from securemnist.errors import FAILED
from securemnist.results.assessment import Assessment
from securemnist.results.evidence.answers import BackdoorEvidence
from securemnist.results.evidence.attack import AttackEvidence
from securemnist.results.findings import STOPPED, Finding, Requirement, Verdict
from securemnist.results.per_image import MISCLASSIFIED
from securemnist.sanitize import command, line
from securemnist.sanitize import sentence as sentence_of
from securemnist.view import unmeasured_families
from securemnist.view.numbers import NONE, number, plural

# From bad to good: the order of rows and counts.
SYMBOLS = {
    Verdict.FAIL: "✗",
    Verdict.ERROR: "!",
    Verdict.INCONCLUSIVE: "?",
    Verdict.NOT_RUN: NONE,
    Verdict.PASS: "✓",
}
SEVERITY = tuple(SYMBOLS)
WAIVED = "⚑"
# The options of a scope that select rows, and their labels.
_CHOICES = (("markers", "-m"), ("keywords", "-k"), ("paths", "files"), ("narrowed", "options"))
_SUITES = ["security_tests"]  # all suites: not a selection

_TOO_LARGE = (
    "Clean reference models have a similar success rate (see the control), so this trigger cannot show a "
    "backdoor: use a smaller or fainter one."
)
_WRONG_UNMODIFIED = (
    "Check data and preprocessing, then retrain: so many images are misclassified unmodified that the "
    "threshold is missed without an attack."
)
_NO_COMMAND = "# not shown: the stored text is not a `securemnist assess` command"
_AGAIN = "Run the complete assessment again."
_NEXT = {
    Verdict.FAIL: "Fix the model or the code; the threshold changes only in the policy, with a reason.",
    Verdict.INCONCLUSIVE: "Do what the reason says, and measure again.",
    Verdict.ERROR: "Nothing was decided: fix the cause; an error cannot be waived.",
    Verdict.NOT_RUN: "Do what the reason says, or leave the row out of the scope.",
}


@dataclass(frozen=True, kw_only=True)
class Headline:
    """Whether to merge: a verdict (for colour and symbol), the answer, and the reason."""

    verdict: Verdict
    answer: str
    why: str

    @property
    def symbol(self) -> str:
        """The sign of the verdict."""
        return SYMBOLS[self.verdict]


def headline(assessment: Assessment) -> Headline:
    """The exit code in words, with the comparison to an older version if there is one."""
    if not assessment.findings_in_scope:
        why = "no requirement was in the scope of this run"
        return Headline(verdict=Verdict.INCONCLUSIVE, answer="Do not merge yet", why=why)
    why = _passed(assessment) if assessment.rows_exit_code == 0 else _open(assessment)
    if absent := unmeasured_families.sentence(assessment):
        why += f"; {absent}"
    if (older := assessment.against) is not None:
        why += (
            f"; against {version(older.name, older.commit, older.digest)}: {line(older.why, 300)}"
        )
    if assessment.exit_code == 0:
        whole = assessment.complete and not unmeasured_families.about_evasion(assessment)
        promise = "May merge" if whole else "Nothing measured blocks a merge"
        return Headline(verdict=Verdict.PASS, answer=promise, why=why)
    if assessment.exit_code == FAILED:
        return Headline(verdict=Verdict.FAIL, answer="Do not merge", why=why)
    return Headline(verdict=Verdict.INCONCLUSIVE, answer="Do not merge yet", why=why)


def _passed(assessment: Assessment) -> str:
    """`all 7 requirements passed`, `6 of 7 requirements passed, 1 waived through 2026-12-31 ...`."""
    rows = assessment.findings_in_scope
    passed = sum(finding.passed for finding in rows)
    where = "" if assessment.complete else " in scope"
    share = plural(len(rows), "requirement")
    if passed < len(rows):
        share = f"{passed:,} of {share}"
    elif passed > 1:
        share = f"all {share}"
    return f"{share}{where} passed{_waived(assessment)}"


def _open(assessment: Assessment) -> str:
    """`2 requirements failed and 1 undecided, 1 waived through ...`."""
    verdicts = [finding.verdict for finding in assessment.open_findings]
    if not verdicts:
        return f"no requirement passed{_waived(assessment)}"
    failed = verdicts.count(Verdict.FAIL)
    undecided = len(verdicts) - failed
    parts = [f"{plural(failed, 'requirement')} failed"] if failed else []
    parts += [f"{undecided if failed else plural(undecided, 'requirement')} undecided"][:undecided]
    return " and ".join(parts) + _waived(assessment)


def _waived(assessment: Assessment) -> str:
    """`, 2 waived, the first through 2026-12-31 (judged on 2026-11-21, UTC)`; "" if none is."""
    inside = assessment.findings_in_scope
    waivers = [row.requirement.waiver for row in inside if row.waived(assessment.decided)]
    days = sorted(line(waiver.expires, 20) for waiver in waivers if waiver is not None)
    if not days:
        return ""
    first = ", the first" if days[1:] else ""
    judged = f"(judged on {line(assessment.decided, 20)}, UTC)"
    return f", {len(days)} waived{first} through {days[0]} {judged}"


def version(name: object, commit: object, digest: object) -> str:
    """`images@3f2a9c1 (81b0e22)`: a model, its commit, and its SHA-256, both shortened.

    A commit that ends in `+` had uncommitted changes.
    """
    text, revision = line(name or "unnamed model", 60), line(commit or "", 60)
    if revision:
        text += f"@{revision[:7]}{'+' if revision.endswith('+') else ''}"
    return f"{text} ({line(digest, 80)[:7]})" if digest else text


def version_of(assessment: Assessment) -> str:
    """`version` of an assessment's model."""
    subject, environment = assessment.subject, assessment.environment
    return version(subject.get("name"), environment.get("commit"), subject.get("digest"))


def scope(assessment: Assessment) -> str:
    """The selection of rows: `smoke tier, 7 of 31 rows`."""
    inside = len(assessment.findings_in_scope)
    tier, *choices = asked_for(assessment.scope)
    rows = f"{inside} of {plural(len(assessment.findings), 'row')}"
    return ", ".join(filter(None, (tier, rows, *choices)))


def asked_for(scope: Mapping[str, Any]) -> list[str]:
    """The options that selected rows: the tier ("" if none), then the others."""
    words = [f"{line(scope['tier'], 40)} tier" if scope.get("tier") else ""]
    for key, sign in _CHOICES:
        value = scope.get(key)
        if value and value != _SUITES:
            text = " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            # `assess --row ID` selects by pytest's -k "[ID]".
            if sign == "-k" and re.fullmatch(r"\[[\w.-]+\]( or \[[\w.-]+\])*", text):
                sign, text = "only", ", ".join(re.findall(r"[\w.-]+(?=\])", text))
            words.append(f"{sign} {line(text, 120)}")
    return words


def sentence(finding: Finding, limit: int = 700) -> str:
    """The finding's sentence without id and verdict, which are shown beside it."""
    head = sentence_of(f"{finding.requirement.id} {finding.label}:")
    return line(str(finding).removeprefix(head), limit)


def next_step(finding: Finding) -> str:
    """The next step for a row that does not pass; "" for one that does."""
    if finding.passed:
        return ""
    measurement = finding.measurement
    if finding.verdict is Verdict.FAIL:
        if _controls_too(finding):
            return _TOO_LARGE
        if _wrong_unmodified(finding):
            return _WRONG_UNMODIFIED
        return line(finding.family.advice, 400) or _NEXT[Verdict.FAIL]
    if finding.verdict is Verdict.INCONCLUSIVE and measurement is not None:
        if measurement.doubts and not measurement.inconclusive:
            return line(" ".join(doubt.advice for doubt in measurement.doubts), 600)
        if (
            not measurement.complete
            and measurement.unit == "share"
            and not measurement.inconclusive
        ):
            return "Measure more images: raise the row's `images`, or take a larger test set."
    return _AGAIN if finding.reason == STOPPED else _NEXT[finding.verdict]


def stopped(findings: Iterable[Finding]) -> str:
    """`46 rows were not reached: the run stopped before them. ...`; "" where it reached all."""
    left = [finding for finding in findings if finding.reason == STOPPED]
    if not left:
        return ""
    were, them = ("was", "it") if len(left) == 1 else ("were", "them")
    said = f"{plural(len(left), 'row')} {were} not reached: the run stopped before {them}. {_AGAIN}"
    waivers = any(finding.requirement.waiver for finding in left)
    return f"{said} Such a row cannot be waived." if waivers else said


def repeat(finding: Finding) -> str:
    """The command that measures this row again, quoted for a shell; "" if none is recorded."""
    return command(finding.replay) or (_NO_COMMAND if finding.replay else "")


def _controls_too(finding: Finding) -> bool:
    """Whether the success rate on clean reference models is at least half of the measured one."""
    measurement, evidence = finding.measurement, finding.evidence
    if measurement is None or not isinstance(evidence, BackdoorEvidence):
        return False
    control = evidence.control or 0
    return control > 0 and 2 * control >= measurement.value


def _wrong_unmodified(finding: Finding) -> bool:
    """Whether a row under attack misses its threshold by images that are misclassified unmodified."""
    evidence, least = finding.evidence, finding.requirement.at_least
    if not isinstance(evidence, AttackEvidence) or evidence.outcomes is None or least is None:
        return False
    return bool((evidence.outcomes.codes != MISCLASSIFIED).mean() < least)


def kind(word: str) -> str:
    """A verdict, or the word of a comparison, as a class of the style sheet: `not-run`."""
    return word.lower().replace("_", "-").replace(" ", "-")


def required(row: Requirement) -> str:
    """`≥ 0.85`."""
    return f"{'≥' if row.at_least is not None else '≤'} {row.threshold:g}"


def value(finding: Finding) -> str:
    """The measured value, or that there is none."""
    measurement = finding.measurement
    return "no number" if measurement is None else number(measurement.value, measurement.unit)


def severity(finding: Finding) -> int:
    """The place of its verdict, from bad to good: a key to sort by."""
    return SEVERITY.index(finding.verdict)


def by_severity(findings: tuple[Finding, ...]) -> list[Finding]:
    """Bad first, otherwise in the order of the policy."""
    return sorted(findings, key=severity)
