"""The summary for a pull request: GitHub-flavoured Markdown in which no outside text acts."""

from __future__ import annotations

from collections.abc import Iterable

from securemnist.report.details import first_places
from securemnist.results.assessment import Assessment
from securemnist.results.findings import Finding
from securemnist.sanitize import markdown as escape
from securemnist.sanitize import markdown_code
from securemnist.view import wording
from securemnist.view.requirement_text import claim

MOST = 60_000  # characters; a comment on GitHub may have 65,536


def render(assessment: Assessment) -> bytes:
    """The summary; equal assessments give equal bytes."""
    head = wording.headline(assessment)
    name = escape(assessment.subject.get("name") or "unnamed model", 120)
    counts = [
        f"{wording.SYMBOLS[verdict]} {assessment.counts[verdict]} {escape(verdict)}"
        for verdict in wording.SEVERITY
        if assessment.counts[verdict]
    ]
    parts = [
        f"## {head.symbol} {head.answer}: {name}",
        f"{escape(head.why)}. Scope: {escape(wording.scope(assessment))}. "
        f"Held against {escape(assessment.policy.get('path') or 'a policy', 80)}.",
        " · ".join(counts) or "no row in scope",
    ]
    day = assessment.decided
    rows = wording.by_severity(tuple(f for f in assessment.findings if f.in_scope))
    rows.sort(key=lambda finding: finding.waived(day))
    room = MOST - sum(map(len, parts)) - 1000
    bad, room = _table((_open_row(f, day) for f in rows if not f.passed), _OPEN, room)
    good, room = _table((_passed_row(f) for f in rows if f.passed), _PASSED, room)
    outside = sum(not f.in_scope for f in assessment.findings)
    if bad:
        parts.append(bad)
    if good:
        count = wording.plural(sum(f.passed for f in rows), "requirement")
        verb = "passes" if count.startswith("1 ") else "pass"
        parts.append(f"<details><summary>{count} {verb}</summary>\n\n{good}\n\n</details>")
    if outside:
        parts.append(
            f"{wording.plural(outside, 'row')} of the policy out of the scope of this run."
        )
    return ("\n\n".join(parts) + "\n").encode("utf-8")


_OPEN = ("| | requirement | result | what to do |", "|---|---|---|---|")
_PASSED = ("| | requirement | result |", "|---|---|---|")


def _open_row(finding: Finding, day: str) -> str:
    waived = finding.waived(day)
    verdict = f"{wording.SYMBOLS[finding.verdict]} {escape(finding.label)}"
    steps = [escape(wording.waiver(finding, day))]
    if not waived:
        steps.append(escape(wording.next_step(finding)))
    steps.append(markdown_code(wording.repeat(finding)))
    mark = f"<br>{wording.WAIVED} waived" if waived else ""
    what = f"**{escape(finding.requirement.id, 60)}** {escape(claim(finding), 200)}".strip()
    todo = "<br>".join(filter(None, steps))
    result = "<br>".join(map(escape, (wording.sentence(finding), *first_places(finding))))
    return f"| {verdict}{mark} | {what} | {result} | {todo} |"


def _passed_row(finding: Finding) -> str:
    verdict = f"{wording.SYMBOLS[finding.verdict]} {escape(finding.label)}"
    what = f"**{escape(finding.requirement.id, 60)}** {escape(claim(finding), 200)}".strip()
    return f"| {verdict} | {what} | {escape(wording.sentence(finding))} |"


def _table(rows: Iterable[str], head: tuple[str, str], room: int) -> tuple[str, int]:
    """As many rows as there is room for, and how many were left out."""
    fitting: list[str] = []
    left_out = 0
    for row in rows:
        if left_out or len(row) > room:
            left_out += 1
            continue
        fitting.append(row)
        room -= len(row) + 1
    if not fitting and not left_out:
        return "", room
    tail = [f"\n{wording.plural(left_out, 'more row')} in index.html."] if left_out else []
    return "\n".join([*head, *fitting, *tail]), room
