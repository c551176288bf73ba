"""docs/reference/attacks.md: every attack with its settings, and the stages of the ladders."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Iterator

from benchmarks.documentation.markdown import MADE_BY, table, toml
from securemnist.attacks import ATTACKS
from securemnist.attacks.base import Attack
from securemnist.evaluation.ladders import BUDGETS, NOTATION, Ladder, budgets
from securemnist.threats import THREATS

_HEAD = f"""# Attacks

{MADE_BY}

`attack = {{ use = "PGD", steps = 40 }}` in a row of a [policy](policy.md), or `--attack PGD:steps=40`
for `securemnist measure`. `securemnist explain NAME` prints the same. `use = "art:CLASS"` takes an
evasion attack of [ART](../art.md), and `use = "pkg.module:Class"` one of [your own](../extending.md).
Every attack proposes images; the referee decides which of them count ([threat](../concepts/threat.md)).
"""
_LADDERS = f"""## Ladders

`attack = {{ use = "ladder", budget = "standard" }}`, see [ladder](../concepts/ladder.md). {NOTATION}
"""


def render() -> str:
    """The page as Markdown."""
    norms = table(
        ("norm", "meaning"),
        ((f"`{name}`", _first(kind.__doc__)) for name, kind in THREATS.items()),
    )
    ladders = table(
        ("budget", "threat", "attacks, in order", "certificates"),
        (
            (
                f"`{name}`",
                norms,
                ", ".join(attack.name for attack in ladder.attacks),
                "yes" if ladder.proves else "no",
            )
            for name, norms, ladder in _budgets()
        ),
    )
    parts = [_HEAD, "## Norms of a threat\n", norms, _LADDERS, ladders]
    for name, kind in ATTACKS.items():
        parts += _attack(name, kind)
    return "\n".join(parts)


def _budgets() -> Iterator[tuple[str, str, Ladder]]:
    """Every ladder by its budget and the norms of its threats."""
    for name, ladder in BUDGETS.items():
        yield name, "`linf`, `l2`, `l1`", ladder
    for norm in ("l0", "patch"):
        for name, ladder in budgets(THREATS[norm].form).items():
            yield name, f"`{norm}`", ladder


def _attack(name: str, kind: type[Attack]) -> Iterator[str]:
    yield f"## `{name}`\n"
    yield f"{inspect.getdoc(kind)}\n"
    module = inspect.getdoc(sys.modules[kind.__module__]) or ""
    if "\n" in module:  # more than the one line that says what the class says
        yield f"{module.partition(chr(10))[2].strip()}\n"
    settings = dataclasses.fields(kind)
    if settings:
        rows = (
            (f"`{one.name}`", "optional" if one.default is None else f"`{toml(one.default)}`")
            for one in settings
        )
        yield table(("setting", "default"), rows)
    else:
        yield "No settings.\n"


def _first(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]
