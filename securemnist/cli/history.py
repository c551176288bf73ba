"""`securemnist history`: an append-only record of assessments, and its trend page."""

from __future__ import annotations

from pathlib import Path

import click

from securemnist.cli.options import PATH
from securemnist.cli.output import say
from securemnist.errors import UsageError

_FILE = click.option(
    "--file",
    type=PATH,
    default=Path("security_history.jsonl"),
    show_default=True,
    help="The record.",
)


@click.group()
def history() -> None:
    """Record assessments, one line each, and plot their trend."""


@history.command()
@click.argument("assessments", nargs=-1, required=True, type=PATH)
@_FILE
def add(assessments: tuple[Path, ...], file: Path) -> None:
    """Append ASSESSMENTS (assessment.json files) to the record."""
    from securemnist.history import entry, record
    from securemnist.results.assessment import Assessment

    loaded = [Assessment.load(path) for path in assessments]
    for assessment in loaded:
        record.append(file, entry.assessment_entry(assessment))
    say(f"{file}: {len(loaded)} added")


@history.command()
@_FILE
@click.option("--model", metavar="NAME", help="Default: the model assessed last.")
@click.option("--out", type=PATH, default=Path("reports"), show_default=True)
def page(file: Path, model: str | None, out: Path) -> None:
    """Write history.html: one chart per requirement, oldest first."""
    from securemnist._util.resources import write_atomically
    from securemnist.history import record, trend
    from securemnist.report import writing
    from securemnist.report.swap import alone
    from securemnist.view.numbers import plural

    read = record.read(file)
    if not len(read):
        raise UsageError(
            f"{file}: expected at least one entry, got none; add one with `securemnist history add`"
        )
    known = trend.models(read)
    if model is not None and model not in known:
        raise UsageError(
            f"{file}: expected a recorded model ({', '.join(known) or 'none yet'}), got "
            f"{model!r}; fix --model"
        )
    with writing(out), alone(out):
        write_atomically(out / "history.html", trend.render(read, model))
    skipped = f", {plural(read.damaged, 'unreadable line')} left out" if read.damaged else ""
    count = len(read)
    entries = f"{count:,} {'entry' if count == 1 else 'entries'}"
    say(f"history: {out / 'history.html'} ({entries}{skipped})")
