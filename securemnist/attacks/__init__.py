"""Attacks by their names in a policy. A new attack is a file here and its class in `_CLASSES`."""

from __future__ import annotations

import dataclasses
import difflib
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
from securemnist.attacks.onward import OnwardPGD
from securemnist.attacks.patch_search import PatchSearch
from securemnist.attacks.pgd import PGD
from securemnist.attacks.rays import RayS
from securemnist.attacks.sparse_rs import SparseRS
from securemnist.attacks.square import Square
from securemnist.attacks.surrogate import Surrogate
from securemnist.attacks.transfer import Transfer
from securemnist.errors import PolicyError
from securemnist.project import imports
from securemnist.project.settings_class import own_class, with_settings

_CLASSES = (
    *(FGSM, RFGSM, PGD, APGD, APGDT, FAB, BoundaryFAB, NearestAPGD, OnwardPGD),
    *(Square, RayS, Transfer, Surrogate, SparseRS, PatchSearch),
)
ATTACKS: dict[str, type[Attack]] = {kind.__name__: kind for kind in _CLASSES}


def class_of(name: object) -> type[Attack]:
    """The class of an attack: of the table, or a user's own as from `own_class`."""
    if isinstance(name, str) and name in ATTACKS:
        return ATTACKS[name]
    if not imports.is_code(name) or str(name).lower().startswith("art:"):
        known = {kind.lower(): kind for kind in ATTACKS}
        near = difflib.get_close_matches(name.lower(), known, n=1) if isinstance(name, str) else []
        advice = f"did you mean {known[near[0]]}?" if near else "fix `use`"
        raise PolicyError(
            f"expected an attack of {', '.join(known.values())}, art:CLASS or pkg.module:Class, "
            f"got {name!r:.80}; {advice}"
        )
    return own_class(str(name), Attack)  # type: ignore[type-abstract]


def settings_of(name: str) -> dict[str, str]:
    """Settings of the attack `name` (or `art:CLASS`, `pkg.module:Class`), each with its default as text.

    PolicyError for an unknown class, UsageError for a module that cannot be imported.
    """
    if name.startswith(PREFIX):
        return art.settings_of(name.removeprefix(PREFIX))
    missing = dataclasses.MISSING
    fields = dataclasses.fields(class_of(name))
    return {f.name: "required" if f.default is missing else f"default {f.default}" for f in fields}


def make_attack(settings: Mapping[str, Any]) -> Attack:
    """The attack of `{use = "PGD", steps = 40}`; PolicyError for an unknown name or setting.

    `use = "art:CLASS"` is the evasion attack CLASS of ART, with the settings of that class.
    `use = "pkg.module:Class"` is an attack of the user's own, imported from the project.
    """
    options = dict(settings)
    name = options.pop("use", None)
    if isinstance(name, str) and name.startswith(PREFIX):
        return ARTAttack(kind=name.removeprefix(PREFIX), params=options)
    return with_settings(class_of(name), name, options, "attack")
