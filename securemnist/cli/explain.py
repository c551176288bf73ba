"""`securemnist explain`: what a row, a measure or a verdict means, from the code's own words."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

import click

from securemnist.cli.output import say
from securemnist.errors import UsageError
from securemnist.findings import Requirement
from securemnist.verdicts import ON_CHANGE

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
        say(f"{word.upper()}: {_VERDICTS[word.upper()]}")
        return
    from securemnist import policy as policies
    from securemnist.attacks import ATTACKS
    from securemnist.attacks.art import PREFIX
    from securemnist.cli.chosen import policy_of
    from securemnist.evaluation.stages import LADDER
    from securemnist.measures import MEASURES

    read = policies.load(policy_of(policy))
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
    say(f"{row.id}: {row.measure} {row.relation} {row.threshold:g}, tier {row.tier}")
    say(f"because: {row.because}")
    for key in ON_CHANGE:
        if getattr(row, key) is not None:
            say(f"{key}: {getattr(row, key):g}, against an older version")
    for key, value in row.settings.items():
        say(f"  {key} = {value}")
    say(f"ids: {', '.join(row.ids) or 'none'}\n")


def _measure(word: str) -> None:
    from securemnist.measures import MEASURES

    measure = MEASURES[word]
    say(f"{word} (family {measure.family}): {inspect.getdoc(measure.run)}")
    for name, field in measure.settings.model_fields.items():
        default = f"default {field.get_default(call_default_factory=True)}"
        say(f"  {name}: {'required' if field.is_required() else default}")


def _attack(word: str) -> None:
    """What it does, what a row may set, and the papers it is from."""
    from securemnist.attacks import ATTACKS, art, settings_of
    from securemnist.evaluation import stages

    if word == stages.LADDER:
        say(f"{word}: {inspect.getdoc(stages)}")
        for name, ladder in stages.BUDGETS.items():
            say(f"  budget {name}: {', '.join(attack.name for attack in ladder.attacks)}")
        return
    settings = settings_of(word)
    kind = ATTACKS.get(word, art.ARTAttack)
    say(f"{word}: {inspect.getdoc(kind)}")
    for name, default in settings.items():
        say(f"  {name}: {default}")
    say(f"\n{inspect.getdoc(sys.modules[kind.__module__])}")
