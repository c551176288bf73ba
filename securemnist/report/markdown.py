"""The summary for a pull request: GitHub-flavoured Markdown in which no outside text acts."""

from __future__ import annotations

from pathlib import Path

from securemnist.report import threats, weight_file
from securemnist.report.details import first_places
from securemnist.results.assessment import Assessment
from securemnist.view import jinja, wording
from securemnist.view.class_names import ClassNames
from securemnist.view.numbers import counts
from securemnist.view.requirement_text import claim

_TEMPLATES = Path(__file__).parent / "templates"


def render(assessment: Assessment) -> bytes:
    """The summary; equal assessments give equal bytes."""
    rows = wording.by_severity(assessment.findings_in_scope)
    rows.sort(key=lambda finding: finding.waived(assessment.decided))
    names = ClassNames.of(assessment.subject)
    return jinja.comment(
        "summary.md.j2",
        _TEMPLATES,
        assessment=assessment,
        headline=wording.headline(assessment),
        counts=counts((finding.verdict for finding in rows), wording.SYMBOLS),
        unsettled=[finding for finding in rows if not finding.passed],
        passed=[finding for finding in rows if finding.passed],
        outside=len(assessment.findings) - len(rows),
        claim=lambda finding: claim(finding, names),
        places=first_places,
        threats=threats.of(assessment),
        weights=weight_file.of(assessment).short,
    )
