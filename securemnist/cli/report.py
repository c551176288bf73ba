"""`securemnist report`: render a stored assessment again."""

from __future__ import annotations

from pathlib import Path

import click

from securemnist.cli.options import PATH
from securemnist.cli.output import print_annotations, say


@click.command()
@click.argument("assessment_json", type=PATH)
@click.option(
    "--out",
    type=PATH,
    help="The folder. Default: the report that the file lies in, else `reports` beside the file.",
)
def report(assessment_json: Path, out: Path | None) -> None:
    """Write the report of an assessment again.

    These are index.html, summary.md and the files for other tools. Needs no torch.

    Today's date (UTC) decides whether a waiver is valid.
    """
    from securemnist import report as reports
    from securemnist.report.swap import alone
    from securemnist.report.terminal import print_assessment
    from securemnist.results.assessment import Assessment
    from securemnist.results.verdicts import utc_day
    from securemnist.view.progress import console

    with alone(assessment_json.parent):  # no other run replaces it in between
        out = out or reports.place_of(assessment_json)
        assessment = Assessment.load(assessment_json).on(utc_day())
        reports.write(assessment, out, reports.others(assessment_json.parent))
    print_assessment(assessment, console())
    print_annotations(assessment)
    say(f"report: {out / 'index.html'}")
