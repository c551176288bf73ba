"""`securemnist explain`: what a row, a measure or a verdict means, from the code's own words."""

from __future__ import annotations

import inspect
from pathlib import Path

import click

from securemnist import resources
from securemnist.errors import UsageError

_VERDICTS = {  # nosec B105 # the verdict PASS
    "PASS": "the threshold is met. (proved): by certificates alone; (survived): by attacks that failed.",
    "FAIL": "the threshold is missed; for robustness every broken digit is a refereed witness.",
    "INCONCLUSIVE": "what was seen decides nothing: a sample too small, or an attack in doubt.",
    "ERROR": "the measurement itself went wrong; it cannot be waived.",
    "NOT_RUN": "not measured: out of scope, not applicable, or the run stopped before it.",
}


@click.command()
@click.argument("word")
@click.option(
    "--policy", type=click.Path(path_type=Path), default=None, help="Where WORD is a row's id."
)
def explain(word: str, policy: Path | None) -> None:
    """Explain WORD: the id of a row, a measure, an attack or a verdict."""
    if word.upper() in _VERDICTS:
        click.echo(f"{word.upper()}: {_VERDICTS[word.upper()]}")
        return
    from securemnist import policy as policies
    from securemnist.attacks import ATTACKS
    from securemnist.measures import MEASURES

    own = Path("security_tests") / "thresholds.toml"
    read = policies.load(policy or (own if own.is_file() else resources.POLICY))
    rows = {row.id: row for row in read.requirements}
    if word in rows:
        row = rows[word]
        click.echo(f"{row.id}: {row.measure} {row.relation} {row.threshold:g}, tier {row.tier}")
        click.echo(f"because: {row.because}")
        for key in ("max_drop", "max_relative_drop", "max_newly_broken"):
            if getattr(row, key) is not None:
                click.echo(f"{key}: {getattr(row, key):g}, against an older version")
        for key, value in row.settings.items():
            click.echo(f"  {key} = {value}")
        click.echo(f"ids: {', '.join(row.ids) or 'none'}\n")
        word = row.measure
    if word in MEASURES:
        measure = MEASURES[word]
        click.echo(f"{word} (family {measure.family}): {inspect.getdoc(measure.run)}")
        for name, field in measure.settings.model_fields.items():
            default = (
                "required"
                if field.is_required()
                else f"default {field.get_default(call_default_factory=True)}"
            )
            click.echo(f"  {name}: {default}")
        return
    if word in ATTACKS:
        click.echo(f"{word}: {inspect.getdoc(ATTACKS[word])}")
        return
    known = ", ".join([*rows, *MEASURES, *ATTACKS, *_VERDICTS])
    raise UsageError(
        f"expected a row, measure, attack or verdict ({known}), got {word!r}; choose one"
    )
