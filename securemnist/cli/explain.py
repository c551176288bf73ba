"""`securemnist explain`: the meaning of a row, measure, attack or term of the report."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from securemnist.cli.options import PATH
from securemnist.cli.output import say
from securemnist.errors import SecureMnistError, UsageError
from securemnist.project import imports, settings
from securemnist.results.findings import Requirement
from securemnist.results.verdicts import ON_CHANGE
from securemnist.sanitize import sentence
from securemnist.view import glossary
from securemnist.view.class_names import NUMBERS, ClassNames

if TYPE_CHECKING:
    from securemnist.measures.base import Measure


@click.command()
@click.argument("word")
@click.option("--policy", type=PATH, default=None, help="The policy of the row WORD.")
def explain(word: str, policy: Path | None) -> None:
    """Explain a row, measure, attack, defence or term of the report.

    WORD is its id or name; an attack or a defence of ART is art:CLASS.
    """
    entry = glossary.explain(word)
    if entry is not None:
        say(f"{entry[0]}: {entry[1]}")
    from securemnist.attacks import ATTACKS
    from securemnist.attacks.art import PREFIX
    from securemnist.cli.defaults import policy_of, warn_of_ids
    from securemnist.defences import DEFENCES
    from securemnist.defences.art_preprocessing import SUPPORTED
    from securemnist.evaluation.ladders import LADDER
    from securemnist.measures import MEASURES
    from securemnist.results import policy as policies
    from securemnist.view import requirement_text

    loaded = policies.load(policy_of(policy))
    warn_of_ids(loaded)
    rows = {row.id: row for row in loaded.requirements}
    if word in rows:
        _row(requirement_text.named(rows[word], _names(rows[word])))
        word = rows[word].measure
        if imports.is_code(word) and word not in settings.load(Path.cwd()).trusted:
            say(f"{word}: code of your own, which a policy alone does not run; `trusted` lacks it")
            return
    if word in MEASURES:
        _measure(word, MEASURES[word])
    elif imports.is_code(word):
        _own(word)
    elif word in DEFENCES or word.removeprefix(PREFIX) in SUPPORTED:
        _defence(word)
    elif word in ATTACKS or word == LADDER or word.startswith(PREFIX):
        _attack(word)
    elif entry is None:
        raise UsageError(_unknown(word, [*rows, *MEASURES, *ATTACKS, *DEFENCES, *glossary.words()]))


def _own(word: str) -> None:
    """Print what a measure, a defence, a doubt or an attack of the user's own is, `pkg.module:NAME`."""
    from securemnist.defences.base import Defence
    from securemnist.measures.base import Measure

    value = imports.attribute(word, "name another")
    if isinstance(value, Measure):
        _measure(word, value)
    elif inspect.isclass(value) and issubclass(value, Defence):
        _defence(word)
    elif inspect.isfunction(value):
        say(f"{word}: {inspect.getdoc(value) or 'a function without a docstring'}")
    else:
        _attack(word)


def _unknown(word: str, known: list[str]) -> str:
    """The error for an unknown word, with known words of similar spelling."""
    folded = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), folded, n=3, cutoff=0.65)
    advice = f"did you mean {' or '.join(folded[name] for name in near)}?" if near else (
        "name a row's id, a measure, an attack, a defence, or a term such as eps, tier, doubt or ladder"
    )  # fmt: skip
    return f"expected a row, measure, attack, defence or term of the report, got {word!r}; {advice}"


def _names(row: Requirement) -> ClassNames:
    """The names of the classes of the project's data, which are read for a row about one class only."""
    from securemnist import data

    folder = settings.load(Path.cwd()).data
    if folder is None or type(row.settings.get("target")) is not int:
        return NUMBERS
    try:
        return ClassNames(data.load(Path(folder)).spec.class_names)
    except SecureMnistError:  # a row can be explained without its data
        return NUMBERS


def _row(row: Requirement) -> None:
    from securemnist.initial_policy.text import as_toml

    say(f"{row.id}: {row.measure} {row.relation} {row.threshold:g}, tier {row.tier}")
    say(f"because: {sentence(row.because)}")
    for key in ON_CHANGE:
        if getattr(row, key) is not None:
            say(f"{key}: {getattr(row, key):g}, against an older version")
    for key, value in row.settings.items():
        say(f"  {key} = {sentence(as_toml(value))}")
    if row.waiver is not None:
        worst = "" if row.waiver.worst is None else f", no value worse than {row.waiver.worst:g}"
        say(
            f"waived through {row.waiver.expires} (UTC, inclusive){worst}: {sentence(row.waiver.reason)}"
        )
    say(f"in catalogues: {sentence(', '.join(row.ids)) or 'none'}\n")


def _measure(word: str, measure: Measure) -> None:
    from securemnist.initial_policy.text import as_toml

    say(f"{word} (family {measure.family.name}): {inspect.getdoc(measure.run)}")
    low, high = measure.limits
    more_is_better = measure.good == "at_least"
    limits = f"above {low:g} to {high:g}" if more_is_better else f"{low:g} to below {high:g}"
    say(f"  threshold: {measure.good}, {limits}")
    for name, field in measure.settings.model_fields.items():
        if field.is_required():
            shown = "required"
        elif (default := field.get_default(call_default_factory=True)) is None:
            shown = "optional"
        else:
            shown = f"default {as_toml(default)}"
        say(f"  {name}: {shown}")
    if detail := inspect.getdoc(measure.settings):
        say(f"\n{detail}")


def _defence(word: str) -> None:
    """Print what a defence does and its settings."""
    from securemnist.art_library.signatures import REQUIRED
    from securemnist.defences import art_preprocessing, class_of

    if word.removeprefix(art_preprocessing.PREFIX) in art_preprocessing.SUPPORTED:
        text = inspect.getdoc(art_preprocessing)
        found = {**art_preprocessing.settings_of(word.removeprefix(art_preprocessing.PREFIX))}
    else:
        kind = class_of(word)
        text = inspect.getdoc(kind)
        found = {one.name: one.default for one in dataclasses.fields(kind)}
    say(f"{word}: {text}")
    for name, default in found.items():
        say(f"  {name}: {'required' if default in (dataclasses.MISSING, REQUIRED) else default}")


def _attack(word: str) -> None:
    """Print what an attack does, its settings, and its papers."""
    from securemnist.attacks import art, class_of, settings_of
    from securemnist.evaluation import ladders
    from securemnist.threats import THREATS

    if word == ladders.LADDER:
        say(f"\n{inspect.getdoc(ladders)}\n")
        for name, ladder in ladders.BUDGETS.items():
            say(f"  budget {name}: {', '.join(attack.name for attack in ladder.attacks)}")
        for norm in ("l0", "patch"):
            for name, ladder in ladders.budgets(THREATS[norm].form).items():
                attacks = ", ".join(attack.name for attack in ladder.attacks)
                say(f"  budget {name}, threat {norm}: {attacks}")
        say(f"\n{ladders.NOTATION}")
        return
    settings = settings_of(word)
    kind = art.ARTAttack if word.startswith(art.PREFIX) else class_of(word)
    text, detail = inspect.getdoc(kind) or "", inspect.getdoc(sys.modules[kind.__module__]) or ""
    say(f"{word}: {text}")
    for name, default in settings.items():
        say(f"  {name}: {default.replace('default None', 'optional')}")
    if "arXiv" in text:  # the first line of the module says no more
        detail = detail.partition("\n")[2].strip()
    if detail:
        say(f"\n{detail}")
