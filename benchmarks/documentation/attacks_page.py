"""docs/reference/attacks.md: every attack with its settings, and the stages of the ladders."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Iterator

from benchmarks.documentation.markdown import MADE_BY, table, toml
from securemnist.attacks import ATTACKS
from securemnist.attacks.base import Attack
from securemnist.evaluation.ladders import BUDGETS, Ladder, budgets
from securemnist.threats import THREATS

_HEAD = f"""# Attacks

{MADE_BY}

`attack = {{ use = "PGD", steps = 40 }}` in a row of a [policy](policy.md), or `--attack PGD:steps=40`
for `securemnist measure`. `securemnist explain NAME` prints the same. `use = "art:CLASS"` takes an
evasion attack of [ART](../art.md), and `use = "pkg.module:Class"` one of [your own](../extending.md).
Every attack proposes images; the referee decides which of them count ([threat](../concepts/threat.md)).
"""
_LADDERS = """## Ladders

`attack = { use = "ladder", budget = "standard" }`, see [ladder](../concepts/ladder.md).
"""


def render() -> str:
    """The page as Markdown."""
    norms = table(
        ("norm", "meaning"),
        ((f"`{name}`", _first(kind.__doc__)) for name, kind in THREATS.items()),
    )
    ladders = table(
        ("budget", "attacks, in order", "certificates"),
        (
            (
                f"`{name}`",
                ", ".join(attack.name for attack in ladder.attacks),
                "yes" if ladder.proves else "no",
            )
            for name, ladder in _budgets()
        ),
    )
    parts = [_HEAD, "## Norms of a threat\n", norms, _LADDERS, ladders]
    for name, kind in ATTACKS.items():
        parts += _attack(name, kind)
    return "\n".join(parts)


def _budgets() -> Iterator[tuple[str, Ladder]]:
    """Every ladder by its budget, and by the norm where it differs."""
    yield from BUDGETS.items()
    for norm in ("l0", "patch"):
        for name, ladder in budgets(THREATS[norm].form).items():
            yield f"{name} in {norm}", ladder


def _attack(name: str, kind: type[Attack]) -> Iterator[str]:
    yield f"## `{name}`\n"
    yield f"{inspect.getdoc(kind)}\n"
    module = inspect.getdoc(sys.modules[kind.__module__]) or ""
    if "\n" in module:  # more than the one line that says what the class says
        yield f"{module.partition(chr(10))[2].strip()}\n"
    settings = dataclasses.fields(kind)
    if settings:
        rows = ((f"`{one.name}`", f"`{toml(one.default)}`") for one in settings)
        yield table(("setting", "default"), rows)
    else:
        yield "No settings.\n"


def _first(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]
