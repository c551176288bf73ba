"""An assessment in a child process, and the publication of its report."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path

from securemnist import report
from securemnist.cli import child
from securemnist.cli.job import Job
from securemnist.cli.output import end_of_pipe, print_annotations, say
from securemnist.comparison import files as compare_files
from securemnist.comparison import junit, wording
from securemnist.comparison.comparison import Comparison
from securemnist.errors import USAGE, SecureMnistError, UsageError
from securemnist.exports.junit import with_stopped
from securemnist.results.assessment import Against, Assessment
from securemnist.results.findings import STOPPED

Compare = Callable[[Assessment, Path], Comparison | None]


def run(
    job: Job, out: Path, compare: Compare | None = None, *, private: bool = False
) -> tuple[int, Assessment | None]:
    """Run the suites: the exit code, and the assessment unless the run was refused or interrupted.

    `compare` is called with the assessment and its folder, before the report is published. `private`:
    another process reads `out`, and its path is not printed.
    """
    with tempfile.TemporaryDirectory(prefix="securemnist.") as scratch:
        folder = Path(scratch)
        outcome = child.measure(job, folder)
        for problem in outcome.problems:
            say(problem, err=True)
        if outcome.error:
            error = SecureMnistError(outcome.error)
            error.exit_code = outcome.exit_code
            raise error
        written = folder / "report" / "assessment.json"
        if not written.is_file():
            return outcome.exit_code, None
        assessment = Assessment.load(written)
        code = _publish(assessment, written.parent, out, compare, private=private)
    return code, None if assessment.interrupted else assessment


def _publish(
    assessment: Assessment, folder: Path, out: Path, compare: Compare | None, *, private: bool
) -> int:
    """Compare with an older version if asked, replace the report in `out`, print; returns the exit code.

    `folder`: what the child stored, beside junit.xml and benchmark.json. The verdict is printed
    even if the report cannot be written; an assessment that passed then ends with 2.
    """
    comparison = None
    if compare is not None and not assessment.interrupted:
        comparison = compare(assessment, folder)
    others = {**report.others(folder), **_pytest_files(folder)}
    if "junit.xml" in others:
        others["junit.xml"] = with_stopped(others["junit.xml"], assessment)
    if comparison is not None:
        assessment = dataclasses.replace(assessment, against=_against(comparison))
        others |= compare_files.render(comparison)
        if "junit.xml" in others:
            others["junit.xml"] = junit.added(others["junit.xml"], comparison)
    keep_old = report.keeps(out, assessment)
    problem = "" if keep_old else _write(assessment, out, others)
    try:
        _print(assessment, comparison)
        print_annotations(assessment)
        if assessment.interrupted:
            _print_interruption(assessment, out, keep_old=keep_old)
        if not (keep_old or problem or private):
            say(f"report: {out / 'index.html'}")
            if comparison is not None:
                say(f"comparison: {out / 'compare.html'}")
    except BrokenPipeError:
        end_of_pipe()  # the exit code is the verdict's, also without a reader
    if problem:
        code = "" if assessment.exit_code else f"; the exit code is {USAGE} for that"
        say(f"securemnist: {problem}{code}", err=True)
    return assessment.exit_code or (USAGE if problem else 0)


def _pytest_files(folder: Path) -> dict[str, bytes]:
    """Files that pytest's plugins wrote beside the report; empty ones are left out."""
    paths = {name: folder.parent / name for name in ("junit.xml", "benchmark.json")}
    content = {name: path.read_bytes() for name, path in paths.items() if path.is_file()}
    return {name: data for name, data in content.items() if data}


def _against(comparison: Comparison) -> Against:
    """Summary of a comparison, stored in the assessment."""
    subject, environment = comparison.old.subject, comparison.old.environment
    return Against(
        name=str(subject.get("name") or "the older version"),
        commit=str(environment.get("commit") or ""),
        digest=str(subject.get("digest") or ""),
        exit_code=comparison.exit_code,
        why=wording.headline(comparison).why,
        waived=tuple(change.id for change in comparison.changes if change.excused),
        waived_through=comparison.waived_through,
    )


def _write(assessment: Assessment, out: Path, others: dict[str, bytes]) -> str:
    """Replace the report; returns the error sentence, "" on success."""
    try:
        report.write(assessment, out, others)
    except UsageError as error:
        return f"no report was written: {error}"
    if "compare.md" in others:
        report.append_step_summary(others["compare.md"])
    return ""


def _print(assessment: Assessment, comparison: Comparison | None) -> None:
    from securemnist.comparison.terminal import print_comparison
    from securemnist.report.terminal import print_assessment
    from securemnist.view.progress import console

    if comparison is not None:
        print_comparison(comparison, console())
    print_assessment(assessment, console())


def _print_interruption(assessment: Assessment, out: Path, *, keep_old: bool) -> None:
    rows = assessment.findings_in_scope
    done = sum(finding.reason != STOPPED for finding in rows)
    rest = "the report of an earlier run is kept" if keep_old else "the rest is NOT_RUN"
    say(f"{out}: interrupted after {done} of {len(rows)} rows; {rest}", err=True)
