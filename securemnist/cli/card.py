"""`securemnist card`: the model card of a stored assessment."""

from __future__ import annotations

from pathlib import Path

import click

from securemnist.cli.options import PATH
from securemnist.cli.output import say, write_file


@click.command()
@click.argument("assessment_json", type=PATH, default=Path("reports/assessment.json"))
@click.option("--out", type=PATH, default=Path("MODEL_CARD.md"), show_default=True)
def card(assessment_json: Path, out: Path) -> None:
    """Write the results of an assessment into a model card. Needs no torch.

    ASSESSMENT_JSON is by default reports/assessment.json. A file that is there already keeps all text
    outside of its markers; a file without markers is refused. Today's date (UTC) decides whether a
    waiver is valid. Exit code 0 says that the card was written, whatever the verdict in it is.
    """
    from securemnist.exports import model_card
    from securemnist.results.assessment import Assessment
    from securemnist.results.verdicts import utc_day
    from securemnist.view import wording

    assessment = Assessment.load(assessment_json).on(utc_day())
    old = model_card.existing(out) if out.exists() else None
    write_file(Path(), out, model_card.render(assessment, old, str(out)))
    head = wording.headline(assessment)
    say(f"{out}: {'written' if old is None else 'its marked parts were written anew'}")
    say(f"{head.answer}: {head.why}")
