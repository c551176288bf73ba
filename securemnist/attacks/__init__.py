"""Attacks by their names in a policy. A new attack is one file and one line in `ATTACKS`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from securemnist.attacks import art
from securemnist.attacks.apgd import APGD, APGDT
from securemnist.attacks.apgd_restarts import NearestAPGD
from securemnist.attacks.art import PREFIX, ARTAttack
from securemnist.attacks.base import Attack
from securemnist.attacks.boundary_fab import BoundaryFAB
from securemnist.attacks.fab import FAB
from securemnist.attacks.fgsm import FGSM, RFGSM
from securemnist.attacks.pgd import PGD
from securemnist.attacks.square import Square
from securemnist.errors import PolicyError

ATTACKS: dict[str, type[Attack]] = {
    "FGSM": FGSM,
    "RFGSM": RFGSM,
    "PGD": PGD,
    "APGD": APGD,
    "APGDT": APGDT,
    "FAB": FAB,
    "BoundaryFAB": BoundaryFAB,
    "NearestAPGD": NearestAPGD,
    "Square": Square,
}


def settings_of(name: str) -> dict[str, str]:
    """Settings of the attack `name` (or `art:CLASS`), each with its default as text.

    PolicyError for a class that ART does not have.
    """
    if name.startswith(PREFIX):
        return art.settings_of(name.removeprefix(PREFIX))
    fields = dataclasses.fields(ATTACKS[name])
    return {f.name: f"default {f.default}" for f in fields}


def make_attack(settings: Mapping[str, Any]) -> Attack:
    """The attack of `{use = "PGD", steps = 40}`; PolicyError for an unknown name or setting.

    `use = "art:CLASS"` is the evasion attack CLASS of ART, with the settings of that class.
    """
    options = dict(settings)
    name = options.pop("use", None)
    if isinstance(name, str) and name.startswith(PREFIX):
        return ARTAttack(kind=name.removeprefix(PREFIX), params=options)
    if not isinstance(name, str) or name not in ATTACKS:
        known = ", ".join(ATTACKS)
        raise PolicyError(f"expected an attack of {known} or art:CLASS, got {name!r}; fix `use`")
    kind = ATTACKS[name]
    fields = {field.name for field in dataclasses.fields(kind)}
    unknown = sorted(set(options) - fields)
    if unknown:
        raise PolicyError(
            f"expected settings of {name} ({', '.join(sorted(fields)) or 'none'}), got {unknown[0]!r}; "
            "fix the attack's settings"
        )
    try:
        return kind(**options)
    except TypeError as error:
        raise PolicyError(
            f"expected numbers for {name}, got {options}; fix the settings ({error})"
        ) from error
