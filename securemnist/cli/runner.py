"""Runner: an assessment by a process of its own, and the report that it leaves."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from securemnist import resources
from securemnist.assessment import STOPPED, Assessment
from securemnist.cli import child
from securemnist.cli.job import Job, Outcome
from securemnist.errors import UNDECIDED, USAGE, SecureMnistError, UsageError

# pytest's exit codes; pytest itself is imported by the child alone.
_USAGE_ERROR, _NO_TESTS = 4, 5


def run(job: Job, out: Path) -> tuple[int, Assessment | None]:
    """Run the suites: the exit code, and the assessment where one was made."""
    from rich.console import Console

    from securemnist.report.terminal import print_assessment

    with tempfile.TemporaryDirectory(prefix="securemnist.") as scratch:
        folder = Path(scratch)
        outcome = child.measure(job, folder)
        for problem in outcome.problems:
            click.echo(problem, err=True)
        _refuse(outcome)
        written = folder / "report" / "assessment.json"
        if not written.is_file():
            wrong = outcome.code == _USAGE_ERROR or outcome.problems
            return USAGE if wrong else UNDECIDED, None
        assessment = Assessment.load(written)
        kept = assessment.interrupted and _whole(out)
        if not kept:
            _publish(folder / "report", out)
            for name in ("junit.xml", "benchmark.json"):
                _move(folder / name, out / name)
    print_assessment(assessment, Console())
    if assessment.interrupted:
        _tell_of_interruption(assessment, out, kept=kept)
    if not kept:
        click.echo(f"report: {out / 'index.html'}")
    return assessment.exit_code, None if assessment.interrupted else assessment


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


def _whole(out: Path) -> bool:
    """Whether an earlier run, which was not interrupted, has left its report in `out`."""
    try:
        return not Assessment.load(out / "assessment.json").interrupted
    except UsageError:  # none, or none that can be read
        return False


def _tell_of_interruption(made: Assessment, out: Path, *, kept: bool) -> None:
    rows = [finding for finding in made.findings if finding.in_scope]
    done = sum(finding.reason != STOPPED for finding in rows)
    then = "the report there is an earlier run's, and stays" if kept else "the rest is NOT_RUN"
    click.echo(f"{out}: interrupted after {done} of {len(rows)} rows; {then}", err=True)


def _publish(made: Path, out: Path) -> None:
    """Move the files of a finished report to their place, what the assessment speaks of first."""
    files = sorted(path for path in made.rglob("*") if path.is_file())
    for path in sorted(files, key=lambda path: path.name == "assessment.json"):
        _move(path, out / path.relative_to(made))


def _move(path: Path, target: Path) -> None:
    """One file, by a rename; what was not made is left out."""
    content = path.read_bytes() if path.is_file() else b""
    if content:
        resources.write_atomically(target, content)
