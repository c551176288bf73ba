"""The files of a comparison: a page for people, a comment for a pull request, JSON for programs."""

from __future__ import annotations

import json
from pathlib import Path

from securemnist import report
from securemnist.compare import markdown, page
from securemnist.compare.comparison import Comparison
from securemnist.resources import write_atomically

FILES = ("compare.html", "compare.md", "compare.json")


def write(made: Comparison, folder: Path) -> None:
    """Write the three files to `folder`, and the comment to $GITHUB_STEP_SUMMARY where that is set.

    All are rendered before the first is written. UsageError where the folder cannot be written.
    """
    facts = json.dumps(made.to_json(), indent=1, sort_keys=True, allow_nan=False) + "\n"
    comment = markdown.render(made)
    report.check_writable(folder)
    try:
        for name, content in zip(FILES, (page.render(made), comment, facts.encode()), strict=True):
            write_atomically(folder / name, content)
    except OSError as error:
        raise report.unwritable(folder, error) from error
    report.append_step_summary(comment)
