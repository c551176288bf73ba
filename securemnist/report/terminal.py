"""The assessment on a terminal: a line a requirement, then what stands in the way and what to do.

Every text goes to rich as text, never as markup. Piped output has neither colour nor line breaks
of its own, so that grep finds whole rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from securemnist.report import weight_file
from securemnist.report.details import first_places
from securemnist.results.assessment import Assessment
from securemnist.results.findings import STOPPED, Finding, Verdict
from securemnist.results.json_model import table
from securemnist.sanitize import line, terminal
from securemnist.view import requirement_text, waiver_text, wording
from securemnist.view.class_names import ClassNames
from securemnist.view.numbers import NONE

STYLES = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.ERROR: "bold magenta",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.NOT_RUN: "dim",
}
_FEWEST = 20  # characters of a last column that are worth showing
_ASCII = str.maketrans({"✓": "+", "✗": "x", NONE: "-", "⚑": "w", "≥": ">=", "≤": "<=", "…": "..."})


def print_assessment(assessment: Assessment, console: Console) -> None:
    """Print who was assessed, the table, the rows that stand in the way and what to do, the verdict."""
    write(console, Text(_about(assessment), style="dim"))
    inside = assessment.findings_in_scope
    day, names = assessment.decided, ClassNames.of(assessment.subject)
    print_table(console, [(STYLES[row.verdict], _cells(row, day, names)) for row in inside])
    for finding in wording.by_severity(assessment.open_findings):
        if finding.reason != STOPPED:
            _print_reason(finding, day, console)
    if stopped := wording.stopped(assessment.open_findings):
        write(console, Text(f"\n{NONE} {stopped}", STYLES[Verdict.NOT_RUN]))
    if waived := [finding for finding in inside if finding.waived(day)]:
        write(console, Text())
    for finding in waived:
        name = line(finding.requirement.id, 60)
        write(console, Text(f"{wording.WAIVED} {name} {waiver_text.effect(finding, day)}"))
    write(console, Text())
    write(console, Text(f"weight file: {weight_file.of(assessment).short}", "dim"))
    head = wording.headline(assessment)
    style = STYLES[head.verdict]
    write(console, Text())
    write(console, Text(f"{head.symbol} {head.answer}: {head.why}", style=style))
    write(console, Text(f"  {wording.scope(assessment)}; exit code {assessment.exit_code}", "dim"))


def _about(assessment: Assessment) -> str:
    """The subject, its data and its policy: a verdict on another model than was meant is none."""
    subject = assessment.subject
    digest = line(str(subject.get("digest") or "")[:12])
    name = line(subject.get("name") or "a model", 80) + (f" ({digest})" if digest else "")
    data = line(table(subject.get("data")).get("name") or "", 60)
    policy = line(assessment.policy.get("path") or "a policy", 80)
    return f"{name}{f' on {data}' if data else ''}, held against {policy}"


def print_table(console: Console, rows: Sequence[tuple[str, Sequence[str]]]) -> None:
    """A line for each row, in columns. A row: the style of its first cell, and its cells.

    The last column is left out of a terminal that has no room for its first words.
    """
    columns = zip(*(cells for _, cells in rows), strict=True)
    widths = [max(map(cell_len, column)) for column in columns]
    if console.is_terminal and sum(widths[:-1]) + 2 * len(widths) + _FEWEST > console.width:
        widths.pop()
    for style, row in rows:
        cells = row[: len(widths)]
        text = Text()
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True)):
            text.append(cell, "" if place else style)
            text.append(" " * (width - cell_len(cell) + 2))
        text.rstrip()
        write(console, text, cut=True)


def _cells(finding: Finding, day: str, names: ClassNames) -> tuple[str, ...]:
    waived = f" {wording.WAIVED} waived" if finding.waived(day) else ""
    # A column as wide as its longest label: what few rows have stands behind their claim.
    basis, rest = finding.basis
    label = f"{finding.verdict} ({basis})" if basis else str(finding.verdict)
    detail = rest or (finding.measurement.sensitivity if finding.measurement else "")
    claim = line(requirement_text.claim(finding, names))
    return (
        f"{wording.SYMBOLS[finding.verdict]} {label}{waived}",
        line(finding.requirement.id, 40),
        wording.value(finding),
        wording.required(finding.requirement),
        f"{claim} ({detail})" if detail else claim,
    )


def _print_reason(finding: Finding, day: str, console: Console) -> None:
    name = line(finding.requirement.id, 60)
    head = f"{wording.SYMBOLS[finding.verdict]} {name} {finding.label}"
    text = Text().append(head, STYLES[finding.verdict]).append(f": {wording.sentence(finding)}")
    write(console, Text())
    write(console, text)
    for place in first_places(finding):
        write(console, Text().append("  place   ", "bold").append(place))
    for word, detail in (
        ("waiver", waiver_text.effect(finding, day)),
        ("next", wording.next_step(finding)),
        ("repeat", wording.repeat(finding)),
    ):
        if detail:
            write(console, Text().append(f"  {word:<6}  ", "bold").append(detail))


def write(console: Console, text: Text, *, cut: bool = False) -> None:
    """One line of text, in characters that the console can show; `cut` at its width."""
    if (harmless := terminal(text.plain)) != text.plain:
        text = Text(harmless)
    if not console.encoding.lower().startswith("utf"):
        text = _narrowed(text, console.encoding)
    if console.is_terminal:
        console.print(text, no_wrap=cut, overflow="ellipsis" if cut else None, highlight=False)
    else:
        console.print(text, soft_wrap=True, highlight=False)


def _narrowed(text: Text, encoding: str) -> Text:
    """The same for a terminal that cannot print every character: replaced, and without colour."""
    plain = text.plain.translate(_ASCII)
    return Text(plain.encode(encoding, "backslashreplace").decode(encoding))
