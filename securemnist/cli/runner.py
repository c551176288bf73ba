"""An assessment in a child process, and the publication of its report."""

from __future__ import annotations

import tempfile
from pathlib import Path

from securemnist.cli import child, publishing
from securemnist.cli.job import Job, Outcome
from securemnist.cli.output import say
from securemnist.errors import UNDECIDED, USAGE, SecureMnistError, UsageError
from securemnist.results.assessment import Assessment

# pytest's exit codes; pytest itself is imported by the child alone.
_USAGE_ERROR, _NO_TESTS = 4, 5


def run(
    job: Job, out: Path, compare: publishing.Compare | None = None
) -> tuple[int, Assessment | None]:
    """Run the suites: the exit code, and the assessment unless the run was refused or interrupted.

    `compare` is called with the assessment and its folder, before the report is published.
    """
    with tempfile.TemporaryDirectory(prefix="securemnist.") as scratch:
        folder = Path(scratch)
        outcome = child.measure(job, folder)
        for problem in outcome.problems:
            say(problem, err=True)
        _refuse(outcome)
        written = folder / "report" / "assessment.json"
        if not written.is_file():
            usage = outcome.code == _USAGE_ERROR or outcome.problems
            return USAGE if usage else UNDECIDED, None
        assessment = Assessment.load(written)
        code = publishing.publish(assessment, written.parent, out, compare)
    return code, None if assessment.interrupted else assessment


def _refuse(outcome: Outcome) -> None:
    """Raise the error that ended the child before its first row."""
    if outcome.code is None:
        error = SecureMnistError(outcome.error)
        error.exit_code = outcome.exit_code
        raise error
    if outcome.code == _NO_TESTS and not outcome.selected:
        raise UsageError(
            f"expected a row to measure, got none for {', '.join(outcome.selection)}; name a --tier, "
            "-m and --row that select at least one (`securemnist assess --list` prints the rows)"
        )
