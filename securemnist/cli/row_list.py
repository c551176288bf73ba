"""The table of `assess --list`: rows, thresholds, and the longest time of each row."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table
from rich.text import Text

from securemnist.cli import worker
from securemnist.cli.job import Job
from securemnist.cli.pytest_hooks import seconds_of
from securemnist.evaluation.pace import DEFAULT_PACE
from securemnist.project.settings import policy_name
from securemnist.results import policy as policies
from securemnist.results.findings import describe
from securemnist.sanitize import line
from securemnist.view.progress import console


def print_rows(job: Job) -> None:
    """Print the rows of a policy in its order, each with an upper bound of its seconds on two cores.

    The bound assumes that no sample is broken or certified early. Policy, rows, data and stored
    examples are checked as for an assessment; UsageError or PolicyError where they do not fit.
    """
    worker.check_rows(job)
    worker.check_inputs(job)
    path = Path(job.policy)
    table = Table(title=f"rows of {policy_name(path, Path.cwd())}", title_justify="left", box=None)
    for title in ("id", "tier", "measure", "threshold", "settings", "at most"):
        table.add_column(title)
    for row in policies.load(path).requirements:
        threshold = f"{row.relation} {row.threshold:g}"
        seconds = f"{seconds_of(row, DEFAULT_PACE):.0f} s"
        cells = row.id, row.tier, row.measure, threshold, describe(row.settings), seconds
        table.add_row(*(Text(line(cell, 1_000)) for cell in cells))  # text, never rich's markup
    console().print(table)
