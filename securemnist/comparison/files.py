"""The files of a comparison: a page for people, a comment for a pull request, JSON for programs."""

from __future__ import annotations

from pathlib import Path

from securemnist import report
from securemnist._util.json_file import json_file
from securemnist.comparison import markdown, page
from securemnist.comparison.comparison import Comparison
from securemnist.report.folder import add

FILES = ("compare.html", "compare.md", "compare.json")


def render(comparison: Comparison) -> dict[str, bytes]:
    """The three files, by name."""
    facts = json_file(comparison.to_json(), sort_keys=True)
    contents = (page.render(comparison), markdown.render(comparison), facts)
    return dict(zip(FILES, contents, strict=True))


def write(comparison: Comparison, folder: Path) -> None:
    """Add the three files to `folder`, and the comment to $GITHUB_STEP_SUMMARY where that is set.

    All are rendered before the first is written. UsageError where the folder cannot be written.
    """
    report.put(add, folder, render(comparison), "compare.md")
