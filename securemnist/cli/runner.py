"""Runner: an assessment by a process of its own, and the report that it leaves."""

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
    """Run the suites: the exit code, and the assessment where one was made.

    `compare` is called with the assessment and its folder, before anything of it is published.
    """
    with tempfile.TemporaryDirectory(prefix="securemnist.") as scratch:
        folder = Path(scratch)
        outcome = child.measure(job, folder)
        for problem in outcome.problems:
            say(problem, err=True)
        _refuse(outcome)
        written = folder / "report" / "assessment.json"
        if not written.is_file():
            wrong = outcome.code == _USAGE_ERROR or outcome.problems
            return USAGE if wrong else UNDECIDED, None
        assessment = Assessment.load(written)
        code = publishing.publish(assessment, written.parent, out, compare)
    return code, None if assessment.interrupted else assessment


def _refuse(outcome: Outcome) -> None:
    """Raise what ended the child before its first row."""
    if outcome.code is None:
        error = SecureMnistError(outcome.error)
        error.exit_code = outcome.exit_code
        raise error
    if outcome.code == _NO_TESTS and not outcome.selected:
        raise UsageError(
            f"expected a row to measure, got none for {', '.join(outcome.asked)}; name a --tier, "
            "-m and --row that have one in common (`securemnist assess --list` prints the rows)"
        )
