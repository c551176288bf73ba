"""The files of a comparison: a page for people, a comment for a pull request, JSON for programs."""

from __future__ import annotations

from pathlib import Path

from securemnist import report
from securemnist._util.hashing import json_file
from securemnist.comparison import page, wording
from securemnist.comparison.comparison import Comparison
from securemnist.report.folder import add
from securemnist.view import jinja
from securemnist.view.numbers import counts

_TEMPLATES = Path(__file__).parent / "templates"
FILES = ("compare.html", "compare.md", "compare.json")


def render(comparison: Comparison) -> dict[str, bytes]:
    """The three files, by name."""
    facts = json_file(comparison.to_json(), sort_keys=True)
    contents = (page.render(comparison), comment(comparison), facts)
    return dict(zip(FILES, contents, strict=True))


def comment(comparison: Comparison) -> bytes:
    """The comment: short, and no outside text acts in it; equal comparisons give equal bytes."""
    inside = comparison.changes_in_scope
    return jinja.comment(
        "compare.md.j2",
        _TEMPLATES,
        comparison=comparison,
        words=wording,
        headline=wording.headline(comparison),
        counts=counts((change.word for change in inside), wording.SYMBOLS),
        own=wording.own(comparison),
        rest=[change for change in inside if not change.blocks],
    )


def write(comparison: Comparison, folder: Path) -> None:
    """Add the three files to `folder`, and the comment to $GITHUB_STEP_SUMMARY where that is set.

    All are rendered before the first is written. UsageError where the folder cannot be written.
    """
    report.put(add, folder, render(comparison), "compare.md")
