"""Files for other programs beside the report: code scanning, merge requests, badges. Needs no torch.

Each is rendered from the assessment alone, so that a stored assessment gives them again. What did not
pass is in every one of them, and an incomplete run looks incomplete in every one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from securemnist.exports import badge, code_quality, cyclonedx, model_card, sarif, static_sarif
from securemnist.results.assessment import Assessment

# The content of each file for an assessment: equal assessments give equal bytes. None where the
# assessment has nothing that the file could be about; then there is no file.
FORMATS: Mapping[str, Callable[[Assessment], bytes | None]] = {
    "results.sarif": sarif.render,
    "bandit.sarif": partial(static_sarif.render, tool="bandit"),
    "semgrep.sarif": partial(static_sarif.render, tool="semgrep"),
    "gl-code-quality-report.json": code_quality.render,
    "badge.svg": badge.render,
    cyclonedx.FILE: cyclonedx.render,
    model_card.FILE: model_card.render,
}
FILES = tuple(FORMATS)


def render(assessment: Assessment) -> dict[str, bytes]:
    """The files of all formats, by name."""
    written = {name: write(assessment) for name, write in FORMATS.items()}
    return {name: content for name, content in written.items() if content is not None}
