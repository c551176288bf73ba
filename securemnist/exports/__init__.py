"""Files for other programs beside the report: code scanning, merge requests, badges. Needs no torch.

Each is rendered from the assessment alone, so that a stored assessment gives them again. What did not
pass is in every one of them, and an incomplete run looks incomplete in every one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from securemnist.exports import badge, code_quality, cyclonedx, model_card, sarif, static_sarif
from securemnist.results.assessment import Assessment


@dataclass(frozen=True, kw_only=True)
class Format:
    """A file beside the report.

    `write` gives its content for an assessment: equal assessments give equal bytes. It gives None where
    the assessment has nothing that the file could be about; then there is no file.
    """

    name: str
    file: str
    write: Callable[[Assessment], bytes | None]


FORMATS = (
    Format(name="sarif", file="results.sarif", write=sarif.render),
    Format(name="bandit", file="bandit.sarif", write=partial(static_sarif.render, tool="bandit")),
    Format(
        name="semgrep", file="semgrep.sarif", write=partial(static_sarif.render, tool="semgrep")
    ),
    Format(name="code-quality", file="gl-code-quality-report.json", write=code_quality.render),
    Format(name="badge", file="badge.svg", write=badge.render),
    Format(name="cyclonedx", file=cyclonedx.FILE, write=cyclonedx.render),
    Format(name="model-card", file=model_card.FILE, write=model_card.render),
)
FILES = tuple(one.file for one in FORMATS)


def render(assessment: Assessment) -> dict[str, bytes]:
    """The files of all formats, by name."""
    written = {one.file: one.write(assessment) for one in FORMATS}
    return {name: content for name, content in written.items() if content is not None}
