"""`securemnist explain`: what a row, a measure or a verdict means, from the code's own words."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from securemnist.errors import UsageError
from securemnist.findings import Requirement
from securemnist.verdicts import ON_CHANGE

if TYPE_CHECKING:
    from securemnist.measures.base import Measure

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
    """Explain WORD: a row's id, a measure, an attack (ladder and art:CLASS, too), or a verdict."""
    if word.upper() in _VERDICTS:
        click.echo(f"{word.upper()}: {_VERDICTS[word.upper()]}")
        return
    from securemnist import policy as policies
    from securemnist.attacks import ATTACKS
    from securemnist.attacks.art import PREFIX
    from securemnist.cli.chosen import policy_of, warn_of_ids
    from securemnist.evaluation.stages import LADDER
    from securemnist.measures import MEASURES

    read = policies.load(policy_of(policy))
    warn_of_ids(read)
    rows = {row.id: row for row in read.requirements}
    if word in rows:
        _row(rows[word])
        word = rows[word].measure
    if word in MEASURES:
        _measure(word)
    elif word in ATTACKS or word == LADDER or word.startswith(PREFIX):
        _attack(word)
    else:
        known = ", ".join([*rows, *MEASURES, *ATTACKS, LADDER, f"{PREFIX}CLASS", *_VERDICTS])
        raise UsageError(
            f"expected a row, measure, attack or verdict ({known}), got {word!r}; choose one"
        )


def _row(row: Requirement) -> None:
    click.echo(f"{row.id}: {row.measure} {row.relation} {row.threshold:g}, tier {row.tier}")
    click.echo(f"because: {row.because}")
    for key in ON_CHANGE:
        if getattr(row, key) is not None:
            click.echo(f"{key}: {getattr(row, key):g}, against an older version")
    for key, value in row.settings.items():
        click.echo(f"  {key} = {value}")
    if row.waiver is not None:
        click.echo(f"waived through {row.waiver.expires} (UTC, inclusive): {row.waiver.reason}")
    click.echo(f"ids: {', '.join(row.ids) or 'none'}\n")


def _measure(word: str) -> None:
    from securemnist.measures import MEASURES

    measure = MEASURES[word]
    click.echo(f"{word} (family {measure.family}): {inspect.getdoc(measure.run)}")
    click.echo(f"  threshold: {measure.good}, {_limits(measure)}")
    for name, field in measure.settings.model_fields.items():
        default = f"default {field.get_default(call_default_factory=True)}"
        click.echo(f"  {name}: {'required' if field.is_required() else default}")


def _limits(measure: Measure) -> str:
    """Between which thresholds a row may choose."""
    low, high = measure.limits
    return (
        f"above {low:g} to {high:g}" if measure.good == "at_least" else f"{low:g} to below {high:g}"
    )


def _attack(word: str) -> None:
    """What it does, what a row may set, and the papers it is from."""
    from securemnist.attacks import ATTACKS, art, settings_of
    from securemnist.evaluation import stages

    if word == stages.LADDER:
        click.echo(f"{word}: {inspect.getdoc(stages)}")
        for name, ladder in stages.BUDGETS.items():
            click.echo(f"  budget {name}: {', '.join(attack.name for attack in ladder.attacks)}")
        return
    settings = settings_of(word)
    kind = ATTACKS.get(word, art.ARTAttack)
    click.echo(f"{word}: {inspect.getdoc(kind)}")
    for name, default in settings.items():
        click.echo(f"  {name}: {default}")
    click.echo(f"\n{inspect.getdoc(sys.modules[kind.__module__])}")
