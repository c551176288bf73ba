"""Reports: an assessment as a page, as Markdown and as JSON. Needs no torch.

The page is for people, `summary.md` for a pull request, `assessment.json` for programs; all others can
be made again from it. Files for other tools lie beside them (`exports`). With a threat model there is a
page of the threats, too.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from securemnist import exports
from securemnist.errors import UsageError
from securemnist.exports import model_card
from securemnist.report import manifest, markdown, page, threats
from securemnist.report.folder import finish, publish
from securemnist.report.swap import alone
from securemnist.results.assessment import Assessment

FILES = ("index.html", "summary.md", "assessment.json")
_USUAL = "reports"  # the folder of `securemnist assess`
MAX_STEP_SUMMARY = 1 << 20  # bytes; GitHub shows nothing of a longer summary of a step
_CUT = b"\nThe summary is too long for this page: read summary.md of the report.\n"
_MADE = (*FILES, threats.PAGE, *exports.FILES)  # not taken over from an older report


def write(assessment: Assessment, folder: Path, others: Mapping[str, bytes] | None = None) -> None:
    """Make `folder` the report of this assessment, with `others` (content by name) beside it.

    Everything is rendered before the old report goes, and the folder is replaced as one. The summary
    is appended to $GITHUB_STEP_SUMMARY where that is set. A model card that was edited keeps what stands
    outside of its markers. UsageError where the folder cannot be written.
    """
    put(publish, folder, render(assessment, others, edited_card(folder)), "summary.md")


def store(assessment: Assessment, folder: Path, others: Mapping[str, bytes]) -> None:
    """Write the assessment and `others` alone, for the process that makes the report of them."""
    with writing(folder):
        publish(folder, {**others, FILES[-1]: assessment.dumps()})


def put(
    write: Callable[[Path, Mapping[str, bytes]], None],
    folder: Path,
    files: Mapping[str, bytes],
    summary: str,
) -> None:
    """`write` the files to a folder, and append one of them to the summary of a GitHub job."""
    check_writable(folder)
    with writing(folder):
        write(folder, files)
    append_step_summary(files[summary])


def render(
    assessment: Assessment, others: Mapping[str, bytes] | None = None, card: bytes | None = None
) -> dict[str, bytes]:
    """The files of a report, by name; the page links those of `others` that belong to its rows.

    `card`: a model card whose marked parts are written anew.
    """
    # Rendered from what the file says, so that a report made again from it has the same bytes.
    assessment = Assessment.from_json(json.loads(assessment.dumps()))
    facts = assessment.dumps()
    files = {**(others or {}), **exports.render(assessment)}
    if card is not None:
        files[model_card.FILE] = model_card.render(assessment, card)
    found = threats.of(assessment)
    if found is not None and found.model is not None:
        files[threats.PAGE] = threats.render(assessment, found)
    contents = (page.render(assessment, files=files), markdown.render(assessment), facts)
    return {**files, **dict(zip(FILES, contents, strict=True))}


def holds_one(folder: Path) -> bool:
    """Whether a report of ours lies in `folder`."""
    return "assessment.json" in manifest.listed(folder) or _stored(folder) is not None


def place_of(path: Path) -> Path:
    """The folder for the report of a stored assessment: the one that it is of, else `reports` beside it.

    An assessment.json alone in a folder `reports` is of that report, too.
    """
    folder = path.parent
    reports = folder.resolve().name == _USUAL or FILES[-1] in manifest.listed(folder)
    return folder if path.name == FILES[-1] and reports else folder / _USUAL


def others(folder: Path) -> dict[str, bytes]:
    """What lies beside page, summary and JSON in the report in `folder`, by name, as it was written."""
    return {name: data for name, data in manifest.owned(folder).items() if name not in _MADE}


def edited_card(folder: Path) -> bytes | None:
    """The model card in `folder` that people have changed since it was written; None without one."""
    path = folder / model_card.FILE
    if not path.exists() or model_card.FILE in manifest.unchanged(folder):
        return None
    return model_card.existing(path)


def keeps(folder: Path, new: Assessment) -> bool:
    """Whether `folder` holds a whole report that an interrupted run may not replace."""
    stored = _stored(folder) if new.interrupted else None
    return stored is not None and not stored.interrupted


def _stored(folder: Path) -> Assessment | None:
    """The assessment in `folder`; None without one, and where it cannot be read."""
    try:
        return Assessment.load(folder / "assessment.json")
    except UsageError:
        return None


def check_writable(folder: Path) -> None:
    """Try `folder` out and leave nothing there: a long run should not find it out at its end."""
    with writing(folder), alone(folder):
        finish(folder)
        manifest.check_size(folder)
        missing = [place for place in (folder, *folder.parents) if not place.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        with contextlib.suppress(OSError):  # something else was put there
            for place in missing:
                place.rmdir()
        taken = next((file for file in _MADE if (folder / file).is_dir()), None)
    if taken is not None:
        raise UsageError(
            f"{folder / taken}: expected a file or nothing, got a folder; move it away, or name "
            "another folder for the report"
        )
    append_step_summary(b"")


def check_report(folder: Path) -> None:
    """`check_writable`, and that a model card in `folder` has its markers; UsageError otherwise."""
    check_writable(folder)
    edited_card(folder)


def append_step_summary(content: bytes) -> None:
    """Add to the summary page of a GitHub job, if this is one; a sentence where the page is full."""
    name = os.environ.get("GITHUB_STEP_SUMMARY")
    if not name:
        return
    try:
        with Path(name).open("ab") as file:
            left = MAX_STEP_SUMMARY - os.fstat(file.fileno()).st_size
            fitting = (text for text in (content, _CUT) if len(text) <= left)
            file.write(next(fitting, b""))
    except OSError as error:
        raise UsageError(
            f"GITHUB_STEP_SUMMARY: expected a file to append to, got {name!r} "
            f"({error.strerror}); unset it or name another file"
        ) from error


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """OSError of a block that writes to `folder` as UsageError."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            f"{folder}: expected a folder for the report that can be written, got "
            f"{error.strerror or error}; name another folder"
        ) from error
