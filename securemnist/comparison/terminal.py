"""The comparison on a terminal: a line a requirement, then what stands in the way."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from securemnist.comparison import wording
from securemnist.comparison.change import Change, Word
from securemnist.comparison.comparison import Comparison
from securemnist.report.terminal import STYLES, print_table, write
from securemnist.sanitize import line
from securemnist.view import wording as report_words
from securemnist.view.wording import WAIVED

_STYLE = {
    Word.WORSE: "bold red",
    Word.NOT_COMPARABLE: "yellow",
    Word.CANNOT_TELL: "yellow",
    Word.SAME: "green",
    Word.BETTER: "bold green",
}


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print the table, the rows in the way with their next steps, and the answer."""
    old, new = map(report_words.version_of, (comparison.old, comparison.new))
    write(console, Text(f"{old} -> {new}, difference is new minus old", "dim"))
    inside = comparison.changes_in_scope
    print_table(console, [(_STYLE[change.word], _cells(change)) for change in inside])
    for change in inside:  # also of a row that passes: by an easier policy, perhaps
        for note in change.notes:
            write(console, Text(f"{line(change.id, 60)}: {note}", "yellow"))
    for change in comparison.blocking:
        detail = Text(f"\n{line(change.id, 60)} {change.label}", _STYLE[change.word])
        write(console, detail.append(f": {wording.sentence(change)}", "default"))
        write(console, Text("  next    ", "bold").append(wording.next_step(change)))
    for finding in wording.own(comparison):
        name = line(finding.requirement.id, 60)
        detail = Text(f"\n{name} {finding.label}", STYLES[finding.verdict])
        own = f": its own requirement, {report_words.sentence(finding)}"
        write(console, detail.append(own, "default"))
    head = wording.headline(comparison)
    write(console, Text(f"\n{head.symbol} {head.answer}: {head.why}", style=STYLES[head.verdict]))
    write(console, Text(f"  exit code {comparison.exit_code}", "dim"))


def _cells(change: Change) -> tuple[str, ...]:
    waived = f" {WAIVED} waived" if change.excused else ""
    old, new = wording.sides(change)
    return (
        f"{wording.SYMBOLS[change.word]} {change.label}{waived}",
        line(change.id, 40),
        f"{old} → {new}",
        wording.difference(change),
        change.claim or change.measure,
    )
