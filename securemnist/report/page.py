"""The report as one self-contained HTML page: no script, no request, nothing executed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from securemnist.report import threats, weight_file
from securemnist.report.details import first_places, flattened
from securemnist.report.figures import not_recorded
from securemnist.report.rows import Row, protocol, rows
from securemnist.report.sections import sections
from securemnist.results.assessment import Assessment
from securemnist.results.findings import STOPPED
from securemnist.results.json_model import table
from securemnist.sanitize import line
from securemnist.view import glossary, jinja, wording
from securemnist.view.class_names import ClassNames
from securemnist.view.interval_bar import of_measurement
from securemnist.view.numbers import counts

_TEMPLATES = Path(__file__).parent / "templates"
_ENTRIES = 300  # facts a list shows
_SHORT = 6  # rows that the verdict names at once; the list below it has all
_ALWAYS = ("threshold", "policy", "scope", "tier", "interval", "exit code", "eps", "linf", "waiver")


def render(assessment: Assessment, *, files: Collection[str] = ()) -> bytes:
    """The page; equal assessments give equal bytes. `files`: what lies beside it and can be linked."""
    environment = assessment.environment
    names = ClassNames.of(assessment.subject)
    shown = rows(assessment.findings, assessment.decided, files, names)
    return jinja.page(
        "page.html.j2",
        _TEMPLATES,
        assessment=assessment,
        subject=assessment.subject,
        headline=wording.headline(assessment),
        comparison="compare.html" if "compare.html" in files else "",
        absent=not_recorded,
        bar=of_measurement,
        places=first_places,
        protocol=protocol,
        facts=_facts,
        machine={k: v or "none recorded" for k, v in environment.items() if k != "packages"},
        threats=threats.of(assessment),
        threats_page=threats.PAGE,
        **threats.words(),
        seconds=sum(f.measurement.seconds for f in assessment.findings if f.measurement),
        weights=weight_file.section(assessment.subject, shown, names),
        **_sections(shown, names),
    )


def _sections(rows: Sequence[Row], names: ClassNames) -> dict[str, Any]:
    """The rows: those in the way, those waived, all by family, those out of scope."""
    inside = [row for row in rows if row.finding.in_scope]
    ranked = sorted(rows, key=lambda row: wording.severity(row.finding))
    blocking = [r for r in ranked if r.finding.in_scope and not r.finding.passed and not r.waived]
    return {
        "counts": counts((row.finding.verdict for row in inside), wording.SYMBOLS),
        "short": _SHORT,
        "blocking": [row for row in blocking if row.finding.reason != STOPPED],
        "stopped": wording.stopped(row.finding for row in blocking),
        "excused": [row for row in ranked if row.waived],
        "families": sections(rows, names),
        "glossary": list(glossary.entries(_terms(rows))),
        "outside": [row for row in rows if not row.finding.in_scope],
        "rows": rows,
        "anchors": {row.finding.requirement.id: row.anchor for row in rows},
    }


def _terms(rows: Iterable[Row]) -> str:
    """The product's own words on the page, for its glossary; no text from outside."""
    terms = list(_ALWAYS)
    for row in rows:
        terms += [row.finding.label, line(row.finding.requirement.tier, 20), row.measure]
        terms += [name for name, _ in row.facts]
        if row.finding.measurement is not None:
            terms += [line(doubt.name, 80) for doubt in row.finding.measurement.doubts[:20]]
    return " ".join(terms)


def _facts(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    return list(flattened(table(value), prefix))[:_ENTRIES]
