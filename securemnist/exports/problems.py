"""What blocks a merge, as every format lists it: rows that did not pass, and the run itself.

A run that decided nothing, or not everything, is a problem of its own. So no format of an incomplete run
is empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from securemnist.exports import identity
from securemnist.exports.places import Place, Places
from securemnist.results.assessment import Assessment
from securemnist.results.findings import Finding, Verdict
from securemnist.sanitize import line, sentence
from securemnist.view import waiver_text, wording
from securemnist.view.numbers import plural

Level = Literal["error", "warning", "note"]
# Rules of the run. No row has such a name: an id of a row has no slash.
NOT_DECIDED, COMPARISON = "securemnist/not-decided", "securemnist/comparison"
_NAMED = 10  # rows that a message names
_LEVELS: dict[Verdict, Level] = {
    Verdict.FAIL: "error",
    Verdict.ERROR: "error",
    Verdict.INCONCLUSIVE: "warning",
    Verdict.NOT_RUN: "warning",
}


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A row in scope that did not pass, or a rule of the run that does not hold.

    `rule`: the id of the row, or of the rule. `level`: "note" where a waiver is active. `fingerprint`:
    SHA-256, equal in every run of this row on this model. Texts are cleaned.
    """

    rule: str
    level: Level
    title: str
    message: str
    place: Place
    fingerprint: str
    finding: Finding | None = None


def problems(assessment: Assessment) -> list[Problem]:
    """The problems, those of the run first, then the rows from bad to good."""
    places = Places(assessment)
    rows = [finding for finding in assessment.findings_in_scope if not finding.passed]
    run = _of_the_run(assessment, places)
    return [*run, *(_of_row(assessment, row, places) for row in wording.by_severity(tuple(rows)))]


def undecided(assessment: Assessment) -> list[Finding]:
    """The rows in scope without a decision: neither PASS nor FAIL, and no active waiver."""
    return [
        row
        for row in assessment.findings_in_scope
        if row.verdict not in (Verdict.PASS, Verdict.FAIL) and not row.waived(assessment.decided)
    ]


def _of_the_run(assessment: Assessment, places: Places) -> Iterator[Problem]:
    if words := _not_decided(assessment):
        rows = undecided(assessment)
        place = places.row(rows[0].requirement.id if rows else "")
        yield _problem(assessment, NOT_DECIDED, "not decided", words, place)
    older = assessment.against
    if older is not None and older.exit_code != 0:
        version = wording.version(older.name, older.commit, older.digest)
        words = f"Compared with {version}: {older.why}"
        yield _problem(assessment, COMPARISON, "comparison", words, places.row(""))


def _not_decided(assessment: Assessment) -> str:
    """Why the run shows less than it was asked for; "" where every row in scope was decided."""
    inside = assessment.findings_in_scope
    rows = undecided(assessment)
    if rows:
        names = ", ".join(line(row.requirement.id, 60) for row in rows[:_NAMED])
        more = f" and {len(rows) - _NAMED:,} more" if len(rows) > _NAMED else ""
        stopped = "The run was interrupted. " if assessment.interrupted else ""
        whole = plural(len(inside), "row")
        return f"{stopped}Of {whole} in scope, {len(rows):,} not decided: {names}{more}."
    if not inside:
        return "No row was in the scope of this run, so it shows nothing."
    if not assessment.open_findings and not any(finding.passed for finding in inside):
        return "No row passed, so this run shows nothing."
    return ""


def _problem(assessment: Assessment, rule: str, title: str, words: str, place: Place) -> Problem:
    return Problem(
        rule=rule,
        level="error",
        title=f"securemnist: {title}",
        message=sentence(words, 1_000),
        place=place,
        fingerprint=identity.of_row(assessment, rule),
    )


def _of_row(assessment: Assessment, finding: Finding, places: Places) -> Problem:
    row = finding.requirement
    waived = finding.waived(assessment.decided)
    state = (
        waiver_text.effect(finding, assessment.decided) if waived else wording.next_step(finding)
    )
    return Problem(
        rule=row.id,
        level="note" if waived else _LEVELS[finding.verdict],
        title=f"{line(row.id, 60)} {finding.verdict}{' (waived)' if waived else ''}",
        message=sentence(f"{wording.sentence(finding)}. {state}", 1_000),
        place=places.row(row.id),
        fingerprint=identity.of_row(assessment, row.id),
        finding=finding,
    )
