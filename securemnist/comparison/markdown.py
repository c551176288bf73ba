"""The comparison as a comment on a pull request: short, and no outside text acts in it."""

from __future__ import annotations

from securemnist.comparison import wording
from securemnist.comparison.change import Change, Word
from securemnist.comparison.comparison import Comparison
from securemnist.results.findings import Finding, Verdict
from securemnist.sanitize import markdown as escape
from securemnist.view import wording as report_words
from securemnist.view.wording import WAIVED

ROWS = 40  # rows a table shows; the page has them all


def render(comparison: Comparison) -> bytes:
    """The comment; equal comparisons give equal bytes."""
    head = wording.headline(comparison)
    old, new = (
        escape(report_words.version_of(side), 160) for side in (comparison.old, comparison.new)
    )
    counts = [
        f"{wording.SYMBOLS[word]} {comparison.counts[str(word)]} {word}"
        for word in Word
        if comparison.counts[str(word)]
    ]
    parts = [
        f"## {head.symbol} {head.answer}",
        f"**{old}** → **{new}**: {escape(head.why)}.",
        " · ".join(counts) or "no row in scope",
    ]
    if comparison.blocking:
        head_row = [
            "| | requirement | old → new | result | what to do |",
            "|---|---|---|---|---|",
        ]
        parts.append("\n".join([*head_row, *map(_blocking, comparison.blocking[:ROWS])]))
        parts += _left_out(len(comparison.blocking))
    if own := wording.own(comparison):
        parts.append("The new version's own requirements:")
        parts.append("\n".join(_own(finding) for finding in own[:ROWS]))
    rest = [c for c in comparison.changes if c.in_scope and not c.blocks]
    if rest:
        head_row = ["| | requirement | old → new | difference |", "|---|---|---|---|"]
        table = "\n".join([*head_row, *map(_plain, rest[:ROWS])])
        title = f"{report_words.plural(len(rest), 'row')} that do not block"
        folded = "\n\n".join([table, *_left_out(len(rest))])
        parts.append(f"<details><summary>{title}</summary>\n\n{folded}\n\n</details>")
    parts.append("Differences are new minus old, on the same digits, with 95 % intervals.")
    return ("\n\n".join(parts) + "\n").encode("utf-8")


def _blocking(change: Change) -> str:
    result = "<br>".join(escape(text) for text in (wording.sentence(change), *change.notes))
    return f"{_head(change)} | {result} | {escape(wording.next_step(change))} |"


def _plain(change: Change) -> str:
    detail = wording.difference(change)
    if change.word is Word.NOT_COMPARABLE or change.verdict is not Verdict.PASS:
        detail = wording.sentence(change)
    return f"{_head(change)} | {'<br>'.join(escape(t) for t in (detail, *change.notes))} |"


def _head(change: Change) -> str:
    mark = f"<br>{WAIVED} waived" if change.excused else ""
    old, new = wording.sides(change)
    what = f"**{escape(change.id, 60)}** {escape(change.claim, 120)}".strip()
    label = escape(change.label)
    return f"| {wording.SYMBOLS[change.word]} {label}{mark} | {what} | {old} → {new}"


def _own(finding: Finding) -> str:
    symbol = report_words.SYMBOLS[finding.verdict]
    return f"- {symbol} **{escape(finding.requirement.id, 60)}** {escape(finding)}"


def _left_out(count: int) -> list[str]:
    more = count - ROWS
    return [f"{report_words.plural(more, 'more row')} in compare.html."] if more > 0 else []
