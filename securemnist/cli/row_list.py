"""The table of `assess --list`: rows, thresholds, and the longest time of each row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rich.table import Table
from rich.text import Text

from securemnist.cli import worker
from securemnist.cli.job import Job
from securemnist.cli.output import print_endpoint, say
from securemnist.cli.pytest_hooks import seconds_of, threats_of
from securemnist.evaluation.pace import DEFAULT_PACE, Pace
from securemnist.project.settings import is_bundled, policy_name
from securemnist.results import policy as policies
from securemnist.results.settings_text import describe
from securemnist.sanitize import line
from securemnist.view.progress import console


def print_rows(job: Job) -> None:
    """Print the rows of a policy in its order with their seconds, and what those assume.

    Policy, rows, data and stored
    examples are checked as for an assessment; UsageError or PolicyError where they do not fit.
    """
    worker.check_rows(job)
    pace, assumed = _pace(job)
    path = Path(job.policy)
    title = f"rows of {policy_name(path, Path.cwd())}"
    title += ", whose thresholds are for MNIST" if is_bundled(path) else ""
    table = Table(title=title, title_justify="left", box=None)
    for title in ("id", "tier", "measure", "threshold", "settings", "time at most"):
        table.add_column(title)
    for row in policies.load(path).requirements:
        threshold = f"{row.relation} {row.threshold:g}"
        seconds = f"{seconds_of(row, pace):.0f} s"
        cells = row.id, row.tier, row.measure, threshold, describe(row.settings), seconds
        table.add_row(*(Text(line(cell, 1_000)) for cell in cells))  # text, never rich's markup
    console().print(table)
    say(assumed)


def _pace(job: Job) -> tuple[Pace, str]:
    """The pace of the job's model, measured here; without a model an assumed one. And its description."""
    from securemnist.evaluation.context import Context
    from securemnist.evaluation.pace import measure_pace
    from securemnist.models import loading

    samples = worker.check_inputs(job)
    of_data = f"{len(samples.test):,} test images of {line(samples.name, 100)}"
    if job.spec is None:
        pace = replace(DEFAULT_PACE, test_images=len(samples.test))
        return pace, (
            f"times are for {of_data}, a network as fast as network A on two cores, and no image broken "
            "or certified early; --model measures yours"
        )
    subject = loading.resolve(
        job.spec, device=job.device, input_spec=samples.spec, samples=samples.test
    )
    rows = policies.load(Path(job.policy)).requirements
    context = Context(subject, samples)
    print_endpoint(context, rows)
    pace = measure_pace(context, threats_of(rows))
    return pace, f"times are for {of_data} and {line(subject.name, 100)}, measured on this machine"
