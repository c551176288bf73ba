"""The measures that a policy can ask for. A new one is a file and a line here, and a suite test."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError

from securemnist._util.hashing import canonical_json
from securemnist.data import DataSet
from securemnist.errors import PolicyError, UsageError
from securemnist.evaluation.context import Lab
from securemnist.measures import checks
from securemnist.measures.accuracy import CLEAN_ACCURACY, WORST_CLASS_ACCURACY
from securemnist.measures.backdoor import BACKDOOR_SUCCESS
from securemnist.measures.base import DEFAULT_TIER, AttackSettings, Measure, Settings
from securemnist.measures.certification import CERTIFIED_ACCURACY
from securemnist.measures.latency import LATENCY_RATIO, LatencySettings
from securemnist.measures.robustness import ATTACK_ACCURACY, ROBUST_ACCURACY
from securemnist.measures.static_gate import STATIC_FINDINGS
from securemnist.models import loading
from securemnist.results.evidence.base import Copies
from securemnist.results.findings import TIERS, Measurement, Requirement
from securemnist.results.policy import Policy, sentence
from securemnist.runtime import denormals
from securemnist.runtime.float32 import exact_float32

MEASURES: dict[str, Measure] = {
    "clean_accuracy": CLEAN_ACCURACY,
    "worst_class_accuracy": WORST_CLASS_ACCURACY,
    "attack_accuracy": ATTACK_ACCURACY,
    "robust_accuracy": ROBUST_ACCURACY,
    "certified_accuracy": CERTIFIED_ACCURACY,
    "backdoor_success": BACKDOOR_SUCCESS,
    "latency_ratio": LATENCY_RATIO,
    "static_findings": STATIC_FINDINGS,
}

_FEW_COPIES = 0.01  # a share of the test images that changes no verdict by itself
_WORDS = ("id", "because", "ids", "tier", "waiver")  # what of a row is no part of its question


def bind(
    measure: str, settings: Mapping[str, Any], *, tier: str = DEFAULT_TIER, where: str = ""
) -> Settings:
    """The validated settings of a measure; PolicyError for an unknown measure or key.

    `tier` is the row's, which some settings have their default from.
    """
    prefix = f"{where}: " if where else ""
    if measure not in MEASURES:
        raise PolicyError(
            f"{prefix}expected a measure of {', '.join(MEASURES)}, got {measure!r}; name one of them"
        )
    try:
        return MEASURES[measure].bind(settings, tier)
    except ValidationError as error:
        raise PolicyError(f"{prefix}{measure}: {sentence(error, settings)}") from error
    except UsageError as error:
        raise PolicyError(f"{prefix}{measure}: {error}") from error


def check_policy(
    policy: Policy,
    *,
    foreign: frozenset[str] = frozenset(),
    trusted: Collection[str] = (),
) -> None:
    """Bind every row; PolicyError for the first that cannot be judged, or could not fail.

    `foreign` measures belong to suites of the user's own: their settings, and which way is good, are
    theirs to know. `trusted` factories are those that the project's settings allow rows to name.
    """
    asked: dict[str, str] = {}
    for row in policy.requirements:
        where = f"{policy.path}: row {row.id}"
        settings: Mapping[str, Any] = row.settings
        if row.measure in foreign and row.measure not in MEASURES:
            _check_plain(row, where)
        else:
            bound = bind(row.measure, row.settings, tier=row.tier, where=where)
            settings = bound.model_dump()
            _check_plain(row, where)
            _check_code(bound, where, trusted)
            measure = MEASURES[row.measure]
            checks.check_direction(row, measure, where)
            checks.check_threshold(row, measure, where)
            checks.check_change(row, measure, bound, where)
            checks.check_budget(bound, where)
            _check_companion(row, policy)
        _check_once(row, settings, asked, where)
    _check_families(policy)


def check_data(policy: Policy, data: DataSet) -> None:
    """UsageError where the policy names other data, or asks for more samples than this data has."""
    policy.refuse_other_data(data.name, data.digest)
    for row in policy.requirements:
        if row.measure in MEASURES:
            where = f"{policy.path}: row {row.id}"
            settings = bind(row.measure, row.settings, tier=row.tier, where=where)
            checks.check_size(row, settings, len(data.test), where)


@exact_float32()
def take(lab: Lab, measure: str, settings: Settings, seed: int) -> Measurement:
    """Take one measurement; its seconds are those of the whole measure."""
    began = time.perf_counter()
    with denormals.flushed(lab.flushes_denormals):
        taken = _without_copies(MEASURES[measure].run(lab, settings, seed), lab)
    return dataclasses.replace(taken, seconds=round(time.perf_counter() - began, 3))


def _without_copies(taken: Measurement, lab: Lab) -> Measurement:
    """A share of test images that are copies is a number about memory, or counts one image twice."""
    if taken.unit != "share":  # comparing all the images takes time, and code has none
        return taken
    copies = lab.data.copies
    if not str(copies):
        return taken
    told = f"{copies}; a number on them says nothing of new images, leave them out"
    doubtful = max(copies.of_training, copies.repeated) > _FEW_COPIES * copies.n
    return dataclasses.replace(
        taken,
        evidence=dataclasses.replace(taken.evidence, copies=Copies(**dataclasses.asdict(copies))),
        inconclusive=taken.inconclusive or (told if doubtful else ""),
    )


def _check_plain(row: Requirement, where: str) -> None:
    """TOML knows dates and NaN, the JSON of an assessment does not."""
    try:
        canonical_json(row.settings)
    except (TypeError, ValueError) as error:
        raise PolicyError(
            f"{where}: expected settings of text, finite numbers, lists and tables, got another "
            f"({error}); mend it"
        ) from error


def _check_code(bound: Settings, where: str, trusted: Collection[str]) -> None:
    """A policy is read, not run: code that it names must be named by the project's settings as well."""
    named = bound.against if isinstance(bound, LatencySettings) else None
    if named is not None and loading.is_code(named) and named not in trusted:
        raise PolicyError(
            f"{where}: expected `against` to name a bundled model or a weight file, got the "
            f"code {named!r}, which a policy alone does not run; name another, or allow it with trusted "
            f"= [{named!r}] in [tool.securemnist] of pyproject.toml"
        )


def _check_once(
    row: Requirement, settings: Mapping[str, Any], asked: dict[str, str], where: str
) -> None:
    """One question under two ids would count twice; `asked` keeps the id of each question."""
    question = row.to_json() | {"settings": dict(settings)}
    key = canonical_json({k: v for k, v in question.items() if k not in _WORDS})
    if key in asked:
        raise PolicyError(
            f"{where}: expected a row that asks something of its own, got what row {asked[key]} asks; "
            "remove one of them"
        )
    asked[key] = row.id


def _check_families(policy: Policy) -> None:
    """Every family that the policy demands has a row."""
    known = {measure.family for measure in MEASURES.values()}
    present = {
        MEASURES[row.measure].family for row in policy.requirements if row.measure in MEASURES
    }
    for family in policy.families:
        if family not in known:
            raise PolicyError(
                f"{policy.path}: expected families of {', '.join(sorted(known))}, got {family!r:.60}; "
                "name one of them"
            )
        if family not in present:
            raise PolicyError(
                f"{policy.path}: expected a row of the family {family}, which `families` demands, got "
                "none; add one, or remove the family"
            )


def _check_companion(row: Requirement, policy: Policy) -> None:
    """A one-step attack flatters: its row needs a search at the same threat, run no later."""
    if row.measure != "attack_accuracy":
        return
    settings = MEASURES[row.measure].bind(row.settings, row.tier)
    if not isinstance(settings, AttackSettings) or not settings.one_step:
        return
    for other in policy.rows("robust_accuracy"):
        same = other.settings.get("threat") == row.settings["threat"]
        if same and TIERS.index(other.tier) <= TIERS.index(row.tier):
            return
    name = settings.attack_name
    raise PolicyError(
        f"{policy.path}: row {row.id}: expected a robust_accuracy row with the same threat in the "
        f"same tier or a smaller one, got none; a one-step attack ({name}) cannot pass alone"
    )
