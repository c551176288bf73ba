"""The badge of a README: the verdict and its date as a small SVG.

Only a complete run whose rows all passed is green. A run of a part of the policy, and one that rests on
waivers, says so in grey: a badge is looked at long after the run.
"""

from __future__ import annotations

from securemnist.errors import FAILED
from securemnist.results.assessment import Assessment
from securemnist.sanitize import line
from securemnist.view import unmeasured_families
from securemnist.view.numbers import plural
from securemnist.view.svg import BAD, GOOD, MUTED, PAPER, Drawing

_LABEL = "model security"
_UNDECIDED = "undecided"
_HEIGHT, _LETTER, _MARGIN, _SIZE = 20.0, 6.7, 7.0, 11.0  # CSS pixels; a letter's usual width
# White text on each of them has a contrast of 4.5 at least (WCAG 2.2, 1.4.3).
_STYLE = (
    "text{font-family:Verdana,'DejaVu Sans',sans-serif}"
    ".fill-paper{fill:#fff}.fill-ink{fill:#3d4451}.fill-good{fill:#1a7f37}.fill-bad{fill:#b3261e}"
    ".fill-undecided{fill:#8a5a00}.fill-muted{fill:#5f6874}"
)


def render(assessment: Assessment) -> bytes:
    """The badge; equal assessments give equal bytes."""
    words, role = _words(assessment)
    right = f"{words} {line(assessment.day, 10)}"
    widths = [_LETTER * len(text) + 2 * _MARGIN for text in (_LABEL, right)]
    drawing = Drawing(sum(widths), _HEIGHT)
    drawing.rect(0, 0, widths[0], _HEIGHT, "ink")
    drawing.rect(widths[0], 0, widths[1], _HEIGHT, role)
    drawing.text(_MARGIN, 14, _LABEL, PAPER, size=_SIZE)
    drawing.text(widths[0] + _MARGIN, 14, right, PAPER, size=_SIZE)
    return drawing.file(f"{_LABEL}: {right}", _STYLE)


def _words(assessment: Assessment) -> tuple[str, str]:
    if assessment.exit_code == FAILED:
        return "failed", BAD
    if assessment.exit_code:
        return "not decided", _UNDECIDED
    passed = sum(finding.passed for finding in assessment.findings_in_scope)
    whole = passed == len(assessment.findings)
    if whole and not unmeasured_families.about_evasion(assessment):
        return "passed", GOOD
    return f"{passed} of {plural(len(assessment.findings), 'row')} passed", MUTED
