"""`securemnist report`: render a stored assessment again."""

from __future__ import annotations

from pathlib import Path

import click

from securemnist.cli.output import say


@click.command()
@click.argument("assessment_json", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True)
def report(assessment_json: Path, out: Path) -> None:
    """Write index.html and summary.md for ASSESSMENT_JSON. Needs no torch.

    Today's date (UTC) decides whether a waiver is valid.
    """
    from securemnist import report as reports
    from securemnist.report.terminal import print_assessment
    from securemnist.results.assessment import Assessment
    from securemnist.results.verdicts import utc_day
    from securemnist.view.progress import console

    assessment = Assessment.load(assessment_json).on(utc_day())
    reports.write(assessment, out, reports.others(assessment_json.parent))
    print_assessment(assessment, console())
    say(f"report: {out / 'index.html'}")
