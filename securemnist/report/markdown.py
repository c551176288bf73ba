"""The summary for a pull request: GitHub-flavoured Markdown in which no outside text acts."""

from __future__ import annotations

from collections.abc import Iterable

from securemnist.assessment import Assessment
from securemnist.findings import Finding
from securemnist.report import claims, words
from securemnist.report.places import first_places
from securemnist.text import markdown as escape
from securemnist.text import markdown_code

MOST = 60_000  # characters; a comment on GitHub may have 65,536


def render(assessment: Assessment) -> bytes:
    """The summary; equal assessments give equal bytes."""
    head = words.headline(assessment)
    name = escape(assessment.subject.get("name") or "unnamed model", 120)
    counts = [
        f"{words.SYMBOLS[verdict]} {assessment.counts[verdict]} {escape(verdict)}"
        for verdict in words.SEVERITY
        if assessment.counts[verdict]
    ]
    parts = [
        f"## {head.symbol} {head.answer}: {name}",
        f"{escape(head.why)}. Scope: {escape(words.scope(assessment))}. "
        f"Held against {escape(assessment.policy.get('path') or 'a policy', 80)}.",
        " · ".join(counts) or "no row in scope",
    ]
    day = assessment.decided
    rows = words.by_severity(tuple(f for f in assessment.findings if f.in_scope))
    rows.sort(key=lambda finding: finding.waived(day))
    room = MOST - sum(map(len, parts)) - 1000
    bad, room = _table((_open_row(f, day) for f in rows if not f.passed), _OPEN, room)
    good, room = _table((_passed_row(f) for f in rows if f.passed), _PASSED, room)
    outside = sum(not f.in_scope for f in assessment.findings)
    if bad:
        parts.append(bad)
    if good:
        count = words.plural(sum(f.passed for f in rows), "requirement")
        verb = "passes" if count.startswith("1 ") else "pass"
        parts.append(f"<details><summary>{count} {verb}</summary>\n\n{good}\n\n</details>")
    if outside:
        parts.append(f"{words.plural(outside, 'row')} of the policy out of the scope of this run.")
    return ("\n\n".join(parts) + "\n").encode("utf-8")


_OPEN = ("| | requirement | what was seen | what to do |", "|---|---|---|---|")
_PASSED = ("| | requirement | what was seen |", "|---|---|---|")


def _open_row(finding: Finding, day: str) -> str:
    waived = finding.waived(day)
    verdict = f"{words.SYMBOLS[finding.verdict]} {escape(finding.label)}"
    steps = [escape(words.waiver(finding, day))]
    if not waived:
        steps.append(escape(words.next_step(finding)))
    steps.append(markdown_code(words.repeat(finding)))
    mark = f"<br>{words.WAIVED} waived" if waived else ""
    what = f"**{escape(finding.requirement.id, 60)}** {escape(claims.claim(finding), 200)}".strip()
    todo = "<br>".join(filter(None, steps))
    seen = "<br>".join(map(escape, (words.sentence(finding), *first_places(finding))))
    return f"| {verdict}{mark} | {what} | {seen} | {todo} |"


def _passed_row(finding: Finding) -> str:
    verdict = f"{words.SYMBOLS[finding.verdict]} {escape(finding.label)}"
    what = f"**{escape(finding.requirement.id, 60)}** {escape(claims.claim(finding), 200)}".strip()
    return f"| {verdict} | {what} | {escape(words.sentence(finding))} |"


def _table(rows: Iterable[str], head: tuple[str, str], room: int) -> tuple[str, int]:
    """As many rows as there is room for, and how many were left out."""
    kept: list[str] = []
    left_out = 0
    for row in rows:
        if left_out or len(row) > room:
            left_out += 1
            continue
        kept.append(row)
        room -= len(row) + 1
    if not kept and not left_out:
        return "", room
    tail = [f"\n{words.plural(left_out, 'more row')} in index.html."] if left_out else []
    return "\n".join([*head, *kept, *tail]), room
