"""Attack ladders by budget: `attack = { use = "ladder", budget = "standard" }`.

Cheap attacks come first; each later stage runs on the undecided images only.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from securemnist.attacks import make_attack
from securemnist.attacks.apgd import APGD, APGDT
from securemnist.attacks.apgd_restarts import NearestAPGD
from securemnist.attacks.base import Attack
from securemnist.attacks.boundary_fab import BoundaryFAB
from securemnist.attacks.fab import FAB
from securemnist.attacks.fgsm import FGSM
from securemnist.attacks.patch_search import PatchSearch
from securemnist.attacks.pgd import PGD
from securemnist.attacks.rays import RayS
from securemnist.attacks.sparse_rs import SparseRS
from securemnist.attacks.square import Square
from securemnist.attacks.transfer import Transfer
from securemnist.errors import PolicyError, UsageError

LADDER = "ladder"
# How to read the names of stages, for people.
NOTATION = """The first number of a stage is that of its steps; of Square, SparseRS and RayS that of
their queries. The number after an x is that of restarts; of PatchSearch that of places. T: each
target class; FAB-B: BoundaryFAB; APGD-N: NearestAPGD; transfer: Transfer."""


@dataclass(frozen=True)
class Ladder:
    """Stages in order: `scouts`, then `searches`.

    Interval bounds are cheap and come first. CROWN comes between scouts and searches: an image that
    a scout breaks needs no certificate, and a certified image needs no search.
    """

    scouts: tuple[Attack, ...]
    searches: tuple[Attack, ...]
    proves: bool = True

    @property
    def attacks(self) -> tuple[Attack, ...]:
        """All attacks in their order."""
        return (*self.scouts, *self.searches)

    @property
    def before_crown(self) -> int | None:
        """Number of attacks before CROWN's certificates; None where nothing is certified."""
        return len(self.scouts) if self.proves else None


_SCOUTS = (FGSM(), PGD(steps=10))
BUDGETS: dict[str, Ladder] = {
    "smoke": Ladder(_SCOUTS, (APGD(steps=20), APGDT(steps=10, targets=3), Square(queries=100))),
    "standard": Ladder(
        _SCOUTS,
        (
            APGD(steps=50),
            APGDT(steps=50, targets=3),
            FAB(steps=20, targets=3),
            BoundaryFAB(),
            Square(queries=1000),
        ),
    ),
    "full": Ladder(
        _SCOUTS,
        (
            APGD(),
            APGDT(followed=3),
            FAB(steps=50, targets=3),
            BoundaryFAB(steps=60),
            NearestAPGD(),
            # Its early end lost 2 of the 24 images of `certified` that it breaks after the others.
            Square(queries=5000, whole=True),
        ),
    ),
    # Order, iterations and targets of AutoAttack (arXiv 2003.01690), for comparison with published
    # numbers; without scouts and certificates.
    "reference": Ladder((), (APGD(), APGDT(), FAB(), Square(whole=True)), proves=False),
    # Of an endpoint: answers only, in the order of what a query buys.
    "black-box": Ladder((Transfer(),), (Square(queries=300), RayS(queries=500)), proves=False),
    "labels": Ladder((Transfer(),), (RayS(queries=1000),), proves=False),
}
# Of threats that count pixels, and of patches: nothing is certified there.
COUNTED_BUDGETS: dict[str, dict[str, Ladder]] = {
    "pixels": {
        "smoke": Ladder((FGSM(),), (APGD(steps=20), SparseRS(queries=500)), proves=False),
        "standard": Ladder(
            (FGSM(),), (APGDT(steps=50, targets=3), SparseRS(queries=1000)), proves=False
        ),
        "full": Ladder(
            (FGSM(),), (APGD(restarts=3), APGDT(), SparseRS(queries=10_000)), proves=False
        ),
        "black-box": Ladder((), (SparseRS(queries=800),), proves=False),
    },
    "square": {
        "smoke": Ladder(
            (FGSM(),), (PatchSearch(places=12, steps=10), SparseRS(queries=500)), proves=False
        ),
        "standard": Ladder(
            (FGSM(),),
            (PatchSearch(places=20, steps=20), SparseRS(queries=1000)),
            proves=False,
        ),
        "full": Ladder(
            (FGSM(),),
            (PatchSearch(places=60, steps=50), SparseRS(queries=10_000)),
            proves=False,
        ),
        "black-box": Ladder((), (SparseRS(queries=800),), proves=False),
    },
}


def budgets(form: str) -> Mapping[str, Ladder]:
    """The ladders of a form of threats (`Threat.form`), by the names of their budgets."""
    return COUNTED_BUDGETS.get(form, BUDGETS)


def make_ladder(settings: Mapping[str, Any], form: str = "ball") -> Ladder:
    """The ladder of `{use = "ladder", budget = "full"}`, or the single attack of other settings.

    `form`: that of the threat. Raises PolicyError for an unknown name, budget or setting.
    """
    if settings.get("use") != LADDER:
        return Ladder((), (make_attack(settings),), proves=False)
    budget = settings.get("budget")
    known = budgets(form)
    if not isinstance(budget, str) or budget not in known:
        raise PolicyError(
            f"expected a budget of {', '.join(known)}, got {budget!r}; change the ladder's `budget`"
        )
    if unknown := sorted(set(settings) - {"use", "budget"}):
        raise PolicyError(
            f"expected no setting of a ladder but `budget`, got {unknown[0]!r}; remove it"
        )
    return known[budget]


def parse_attack(text: str) -> dict[str, Any]:
    """The settings of an attack in words: `PGD`, `PGD:steps=40,restarts=2`, `ladder:full`.

    `art:DeepFool:max_iter=20` too. UsageError where a setting is no KEY=VALUE.
    """
    head, _, tail = text.rpartition(":") if "=" in text else (text, "", "")
    if head.startswith(f"{LADDER}:"):
        return {"use": LADDER, "budget": head.removeprefix(f"{LADDER}:")}
    settings: dict[str, Any] = {"use": head}
    for pair in filter(None, tail.split(",")):
        settings |= parse_setting(pair)
    return settings


def parse_setting(text: str) -> dict[str, Any]:
    """KEY=VALUE with a TOML value; a value without quotes that is no TOML is a string."""
    key, sign, value = text.partition("=")
    if not sign or not key.isidentifier():
        raise UsageError(f"expected KEY=VALUE, got {text!r}; fix it")
    try:
        return {key: tomllib.loads(f"value = {value}")["value"]}
    except tomllib.TOMLDecodeError:
        return {key: value}
