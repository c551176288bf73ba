"""Reports: an assessment as a page, as Markdown and as JSON. Needs no torch.

The page is for people, `summary.md` for a pull request, `assessment.json` for programs; the first
two can be made again from the third.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path

from securemnist.assessment import Assessment
from securemnist.errors import UsageError
from securemnist.report import markdown, page
from securemnist.resources import write_atomically

FILES = ("index.html", "summary.md", "assessment.json")


def write(assessment: Assessment, folder: Path) -> None:
    """Write the three files to `folder`, and the summary to $GITHUB_STEP_SUMMARY where that is set.

    Everything is rendered and lies complete in the folder before the first old file is replaced:
    whatever fails, an old report stays whole. UsageError where the folder cannot be written.
    """
    facts = assessment.dumps()
    # Rendered from what the file says, so that a report made again from it has the same bytes.
    assessment = Assessment.from_json(json.loads(facts))
    summary = markdown.render(assessment)
    contents = (page.render(assessment), summary, facts)
    check_writable(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".report.") as name:
            staged = Path(name)
            for file, content in zip(FILES, contents, strict=True):
                write_atomically(staged / file, content)
            for file in FILES:
                os.replace(staged / file, folder / file)
    except OSError as error:
        raise unwritable(folder, error) from error
    append_step_summary(summary)


def check_writable(folder: Path) -> None:
    """Try `folder` out and leave nothing there: better told before a long run than after it."""
    try:
        missing = [place for place in (folder, *folder.parents) if not place.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        with contextlib.suppress(OSError):  # somebody else has put something there
            for place in missing:
                place.rmdir()
        taken = next((file for file in FILES if (folder / file).is_dir()), None)
    except OSError as error:
        raise unwritable(folder, error) from error
    if taken is not None:
        raise UsageError(
            f"{folder / taken}: expected a file or nothing, got a folder; move it away, or name "
            "another folder for the report"
        )
    append_step_summary(b"")


def append_step_summary(content: bytes) -> None:
    """Add to the summary page of a GitHub job, if this is one."""
    name = os.environ.get("GITHUB_STEP_SUMMARY")
    if not name:
        return
    try:
        with Path(name).open("ab") as file:
            file.write(content)
    except OSError as error:
        raise UsageError(
            f"GITHUB_STEP_SUMMARY: expected a file to append to, got {name!r} "
            f"({error.strerror}); unset it or name another file"
        ) from error


def unwritable(folder: Path, error: OSError) -> UsageError:
    """What to say of a folder that cannot be written."""
    return UsageError(
        f"{folder}: expected a folder for the report that can be written, got "
        f"{error.strerror or error}; name another folder"
    )
