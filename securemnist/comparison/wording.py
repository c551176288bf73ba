"""Texts shared by page, Markdown and terminal of a comparison."""

from __future__ import annotations

from securemnist.comparison.change import Change, Word
from securemnist.comparison.comparison import Comparison
from securemnist.errors import FAILED
from securemnist.results.families import LATENCY
from securemnist.results.findings import Finding, Verdict
from securemnist.sanitize import line
from securemnist.view.numbers import NONE, number, plural, share
from securemnist.view.wording import Headline

SYMBOLS = {
    Word.WORSE: "↓",
    Word.NOT_COMPARABLE: NONE,
    Word.CANNOT_TELL: "?",
    Word.SAME: "=",
    Word.BETTER: "↑",
}
_TIMED = LATENCY.measures


def headline(comparison: Comparison) -> Headline:
    """Whether the new version may replace the old one: the exit code in words."""
    rows = comparison.changes_in_scope
    waived = sum(change.excused for change in rows)
    day = line(comparison.new.decided, 20)
    tail = f"; {waived} waived on {day} (UTC)" if waived else ""
    tail += _left_out(comparison) + _order(comparison)
    worse = sum(change.verdict is Verdict.FAIL for change in comparison.blocking)
    limited = sum(c.word is Word.WORSE and c.verdict is Verdict.PASS for c in rows)
    within = [f"{limited} worse within the limits of the policy"] if limited else []
    if comparison.exit_code == 0:
        words = {**comparison.counts, "worse": comparison.counts["worse"] - limited}
        parts = [*within, *(f"{words[word]} {word}" for word in Word if words[word])]
        why = f"{plural(len(rows), 'requirement')}: {', '.join(reversed(parts))}{tail}"
        sure = comparison.new.complete and not words["cannot tell"] and not words["not comparable"]
        answer = "May replace the old one" if sure else "Nothing measured blocks the new version"
        return Headline(verdict=Verdict.PASS, answer=answer, why=why)
    undecided = len(comparison.blocking) - worse
    open_rows = [finding.verdict for finding in own(comparison)]
    failed = open_rows.count(Verdict.FAIL)
    parts = [f"{plural(worse, 'requirement')} got worse"] if worse else []
    parts += within
    parts += [f"{plural(failed, 'requirement')} failed"] if failed else []
    parts += [f"{undecided} could not be compared or decided"] if undecided else []
    parts += [f"{len(open_rows) - failed} without a verdict"] if len(open_rows) > failed else []
    nothing = "no requirement passed" if rows else "nothing was compared"
    why = (", ".join(parts) or nothing) + tail
    if comparison.exit_code == FAILED:
        return Headline(verdict=Verdict.FAIL, answer="Do not replace the old one", why=why)
    return Headline(verdict=Verdict.INCONCLUSIVE, answer="Do not replace the old one yet", why=why)


def _left_out(comparison: Comparison) -> str:
    """The rows that only the old version was asked, because the scope of the new run is smaller."""
    ids = [c.id for c in comparison.changes if not c.in_scope and c.old.value is not None]
    more = ", ..." if ids[3:] else ""
    named = ", ".join(line(each, 60) for each in ids[:3])
    return f"; out of the scope of the new run: {named}{more} ({len(ids)} in all)" if ids else ""


def _order(comparison: Comparison) -> str:
    """That the two may be swapped: the old version was assessed after the new one."""
    old, new = comparison.old.made, comparison.new.made
    return f"; the old one was assessed later ({old}) than the new one ({new})" if old > new else ""


def own(comparison: Comparison) -> tuple[Finding, ...]:
    """The new version's blocking findings that no change reports.

    A row that cannot be compared has not necessarily failed.
    """
    reported = {change.id: change.verdict for change in comparison.blocking}

    def is_reported(finding: Finding) -> bool:
        verdict = reported.get(finding.requirement.id)
        failed = finding.verdict is Verdict.FAIL
        return verdict is Verdict.FAIL if failed else verdict is not None

    return tuple(finding for finding in comparison.new.open_findings if not is_reported(finding))


def sentence(change: Change) -> str:
    """The change's sentence without id and word, which are shown beside it."""
    return line(str(change).removeprefix(f"{change.id} {change.label}: "), 700)


def sides(change: Change) -> tuple[str, str]:
    """Old and new value, formatted."""
    both = (change.old, change.new)
    old, new = (NONE if s.value is None else number(s.value, change.unit) for s in both)
    return old, new


def difference(change: Change) -> str:
    """`-0.0143 [-0.0190, -0.0097]`; a dash where there is none."""
    if change.difference is None or change.low is None or change.high is None:
        return NONE
    if change.unit == "count":
        return f"{change.difference:+g}"
    return f"{change.difference:+.4f} [{change.low:+.4f}, {change.high:+.4f}]"


def next_step(change: Change) -> str:
    """The next step for a blocking row."""
    if change.word is Word.NOT_COMPARABLE:
        same = "Measure both versions with the same policy, seed, data and packages"
        return (
            f"{same}, and latency on one kind of machine."
            if change.measure in _TIMED
            else f"{same}."
        )
    if change.verdict is Verdict.FAIL:
        return "Fix the new version, or waive the row with a reason and a date."
    if not change.bounds:
        return "Measure more images, or limit the row's change in the policy (max_drop), with a reason."
    return "Measure more images, or raise the limit with a reason."


def bracket(change: Change) -> tuple[str, str] | None:
    """Certified and attacked share of both versions; None where nothing was certified."""
    if change.old.certified is None and change.new.certified is None:
        return None
    sides = (change.old, change.new)
    old, new = (f"[{share(side.certified)}, {share(side.value)}]" for side in sides)
    return old, new
