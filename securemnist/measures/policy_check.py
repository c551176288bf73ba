"""Checks of a whole policy: each row can be judged and could fail, and names no code unasked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from securemnist import threat_model
from securemnist._util.hashing import canonical_json
from securemnist.data import DataSet
from securemnist.errors import PolicyError
from securemnist.measures import checks
from securemnist.measures.base import LEAST_CHANCE, Settings
from securemnist.measures.table import MEASURES, bind, find
from securemnist.measures.threat_settings import AttackSettings
from securemnist.project import imports
from securemnist.project.settings import BUNDLED, is_bundled
from securemnist.results.families import FAMILIES
from securemnist.results.findings import TIERS, Requirement
from securemnist.results.policy import Policy

WORST_CLASS = "worst_class_accuracy"
# Keys of a row that do not change what is measured or required.
_DESCRIPTIVE_KEYS = ("id", "because", "ids", "tier", "waiver")


def check_policy(
    policy: Policy,
    *,
    custom: frozenset[str] = frozenset(),
    trusted: Collection[str] = (),
) -> None:
    """Bind every row; PolicyError for the first that cannot be judged or cannot fail.

    A threat model beside the policy has to be readable, too.

    `custom` measures belong to the user's own suites, which check their settings and direction.
    `trusted` is the code (pkg.module:name) that the project's settings allow a row to name.
    """
    questions: dict[str, str] = {}
    plain = custom - MEASURES.keys()
    rows = [(row, f"{policy.path}: row {row.id}") for row in policy.requirements]
    for row, where in rows:  # before any name is looked up
        if row.measure not in plain or imports.is_code(row.measure):
            _check_code(row, where, trusted)
    for row, where in rows:
        measure, settings = find(row.measure), row.settings
        if measure is not None or row.measure not in plain:
            bound = bind(row.measure, row.settings, tier=row.tier, where=where)
            settings = bound.model_dump()
        _check_plain(row, where)
        if measure is not None:
            checks.check_row(row, measure, bound, where)
            _check_companion(row, bound, policy)
        _check_once(row, settings, questions, where)
    _check_families(policy)
    _check_threats(policy)


def check_data(policy: Policy, data: DataSet) -> None:
    """Raise UsageError where the policy names other data, or where a row does not fit this data."""
    shown = replace(policy, path=BUNDLED) if is_bundled(Path(policy.path)) else policy
    shown.refuse_other_data(data.name, data.digest)
    for row in policy.requirements:
        if (measure := find(row.measure)) is not None:
            where = f"{policy.path}: row {row.id}"
            settings = bind(row.measure, row.settings, tier=row.tier, where=where)
            checks.check_form(row, measure, settings, data.spec, where)
            checks.check_size(row, settings, len(data.test), where)
            _check_frequent_class(row, policy, data, where)


def _check_threats(policy: Policy) -> None:
    """Raise PolicyError for a threat model that cannot be read, or a bound that it cannot exceed."""
    if policy.threat_model is None:
        return
    model = threat_model.parse(policy.threat_model.text, policy.threat_model.path)
    for row in policy.rows(threat_model.COUNTING):
        if row.threshold >= len(model.threats):
            raise PolicyError(
                f"{policy.path}: row {row.id}: expected at_most below {len(model.threats)}, the number "
                f"of threats, got {row.threshold:g}; it could never fail, lower it"
            )


def _check_frequent_class(row: Requirement, policy: Policy, data: DataSet, where: str) -> None:
    """Raise PolicyError for an accuracy that a model of one constant answer has, and robustly.

    A row in the same tier or a smaller one that such a model misses is enough.
    """
    if not _is_accuracy(row) or _fails_constant(row, data):
        return
    tiers = [TIERS.index(one.tier) for one in policy.requirements if _fails_constant(one, data)]
    if not tiers or min(tiers) > TIERS.index(row.tier):
        raise PolicyError(
            f"{where}: expected a threshold above {data.most_frequent:.4g}, the share of the most "
            f"frequent class, got {row.threshold:g}; a model that always answers that class meets it: "
            f"raise it, or add a row of clean_accuracy above that share, or of {WORST_CLASS}, in the "
            "same tier or a smaller one"
        )


def _is_accuracy(row: Requirement) -> bool:
    measure = find(row.measure)
    return measure is not None and (measure.unit, measure.good, measure.limits[0]) == (
        "share",
        "at_least",
        LEAST_CHANCE,
    )


def _fails_constant(row: Requirement, data: DataSet) -> bool:
    """Whether a model of one constant answer misses this row."""
    return _is_accuracy(row) and (row.measure == WORST_CLASS or row.threshold > data.most_frequent)


def _check_plain(row: Requirement, where: str) -> None:
    """Raise PolicyError for settings that JSON cannot hold: dates, NaN and infinities."""
    try:
        canonical_json(row.settings)
    except (TypeError, ValueError) as error:
        raise PolicyError(
            f"{where}: expected settings of text, finite numbers, lists and tables, got another "
            f"type ({error}); change it"
        ) from error


# Settings of a row that may name code, and what else they may name.
_BUNDLED = {
    "measure": "a bundled measure",
    "attack": "a bundled attack or one of ART's",
    "defence": "a bundled defence or one of ART's",
    "against": "a bundled model or a weight file",
}


def _check_code(row: Requirement, where: str, trusted: Collection[str]) -> None:
    """Raise PolicyError where a row names code that the project's settings do not trust.

    Reading a policy must not run code.
    """
    for key, name in imports.named_in(row.measure, row.settings).items():
        if name not in trusted:
            raise PolicyError(
                f"{where}: expected `{key}` to name {_BUNDLED[key]}, got the code {name!r}, which a "
                f"policy alone does not run; use another, or allow it with trusted = [{name!r}] in "
                "[tool.securemnist] of pyproject.toml"
            )


def _check_once(
    row: Requirement, settings: Mapping[str, Any], questions: dict[str, str], where: str
) -> None:
    """Raise PolicyError for two rows that differ in their descriptive keys only.

    `questions` maps each row's remaining content to its id.
    """
    question = row.to_json() | {"settings": dict(settings)}
    key = canonical_json({k: v for k, v in question.items() if k not in _DESCRIPTIVE_KEYS})
    if key in questions:
        raise PolicyError(
            f"{where}: expected a row that differs from the others, got the same as row "
            f"{questions[key]}; remove one of them"
        )
    questions[key] = row.id


def _check_families(policy: Policy) -> None:
    """Raise PolicyError where the policy demands an unknown family, or one without a row."""
    found = [find(row.measure) for row in policy.requirements]
    present = {measure.family.name for measure in found if measure is not None}
    known = sorted({*FAMILIES, *present})
    for family in policy.families:
        if family not in known:
            raise PolicyError(
                f"{policy.path}: expected families of {', '.join(known)}, got {family!r:.60}; "
                "name one of them"
            )
        if family not in present:
            raise PolicyError(
                f"{policy.path}: expected a row of the family {family}, which `families` demands, got "
                "none; add one, or remove the family"
            )


def _check_companion(row: Requirement, bound: Settings, policy: Policy) -> None:
    """Raise PolicyError for a one-step attack without a search at the same threat.

    The search has to be in the same tier or a smaller one, and of the same model: with the same
    defence, or without one.
    """
    if not isinstance(bound, AttackSettings) or not bound.one_step:
        return
    for other in policy.requirements:
        measure = find(other.measure)
        same = all(
            other.settings.get(key) == row.settings.get(key)
            for key in ("threat", "threats", "defence")
        )
        early = TIERS.index(other.tier) <= TIERS.index(row.tier)
        if same and early and measure is not None and measure.search:
            return
    raise PolicyError(
        f"{policy.path}: row {row.id}: expected a robust_accuracy row with the same threat in the "
        f"same tier or a smaller one, and the same defence if any, got none; a one-step attack "
        f"({bound.attack_name}) cannot pass alone"
    )
